"""Validation of training configurations."""

from collections.abc import Callable
from dataclasses import FrozenInstanceError
from typing import Any

import pytest

from sep_pipeline.errors import ConfigurationError
from sep_pipeline.training.config import TrainingConfig

MakeConfig = Callable[..., TrainingConfig]


def test_published_values_are_the_defaults() -> None:
    config = TrainingConfig(num_steps=1, batch_size=4)
    assert (config.learning_rate, config.betas, config.eps) == (3e-4, (0.9, 0.999), 1e-8)
    assert (config.warmup_steps, config.clip_norm, config.ema_decay) == (100, 1.0, 0.9995)
    assert (config.optimizer, config.clip, config.schedule) == ("jukebox_adam", "norm", "constant")


@pytest.mark.parametrize(
    "change",
    [
        {"num_steps": -1},
        {"batch_size": 0},
        {"learning_rate": 0.0},
        {"learning_rate": float("nan")},
        {"optimizer": "sgd"},
        {"betas": (0.9, 1.0)},
        {"betas": (-0.1, 0.9)},
        {"eps": 0.0},
        {"weight_decay": -1.0},
        {"warmup_steps": -1},
        {"schedule": "cosine"},
        {"plateau_factor": 1.0},
        {"plateau_patience": -1},
        {"plateau_cooldown": -1},
        {"minimum_learning_rate": -1.0},
        {"clip": "value"},
        {"clip_norm": 0.0},
        {"clip_percentile": 101.0},
        {"ema_decay": 1.0},
        {"checkpoint_every_steps": 0},
        {"checkpoint_every_seconds": 0.0},
        {"log_every_steps": 0},
        {"evaluate_every_steps": 0},
        {"snapshot_steps": (-1,)},
        {"snapshot_steps": (21,)},
        {"early_stopping_patience": 0},
    ],
)
def test_a_value_out_of_range_is_named(make_config: MakeConfig, change: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=f"parameter: training.{next(iter(change))}"):
        make_config(**change)


@pytest.mark.parametrize(
    "change", [{"schedule": "plateau"}, {"early_stopping_patience": 3}, {"should_keep_best": True}]
)
def test_what_follows_evaluations_needs_them(make_config: MakeConfig, change: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="evaluate_every_steps"):
        make_config(**{"schedule": "constant", "evaluate_every_steps": None} | change)


def test_a_configuration_does_not_change(make_config: MakeConfig) -> None:
    with pytest.raises(FrozenInstanceError):
        make_config().num_steps = 3  # type: ignore[misc]
