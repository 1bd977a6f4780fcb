"""Learning rates and early stopping."""

from typing import Any

import numpy as np
import pytest
import torch

from sep_pipeline.training.config import TrainingConfig
from sep_pipeline.training.schedule import BestEvaluation, LearningRate


def _plateau(**changes: Any) -> TrainingConfig:
    settings: dict[str, Any] = {
        "num_steps": 100,
        "batch_size": 1,
        "learning_rate": 1e-3,
        "warmup_steps": 0,
        "schedule": "plateau",
        "evaluate_every_steps": 1,
    }
    return TrainingConfig(**settings | changes)


def test_warm_up_begins_at_zero_and_ends_at_the_full_rate() -> None:
    rate = LearningRate(TrainingConfig(num_steps=500, batch_size=1, learning_rate=3e-4, warmup_steps=100))
    assert rate.at(1) == 0
    assert rate.at(100) == pytest.approx(2.97e-4, rel=1e-12)
    assert rate.at(101) == rate.at(500) == 3e-4


def test_without_warm_up_the_first_update_has_the_full_rate() -> None:
    assert LearningRate(_plateau()).at(1) == 1e-3


def test_the_rate_falls_linearly_over_the_last_updates() -> None:
    rate = LearningRate(
        TrainingConfig(num_steps=10, batch_size=1, learning_rate=1.0, warmup_steps=0, decay_share=0.4)
    )
    assert [rate.at(update) for update in range(5, 11)] == [1.0, 1.0, 1.0, 0.75, 0.5, 0.25]


@pytest.mark.parametrize("patience", [4, 5])
def test_plateau_rates_equal_the_golden_ones(golden_rules: dict[str, Any], patience: int) -> None:
    rate = LearningRate(_plateau(plateau_patience=patience))
    found = []
    for value in golden_rules["plateau/val_loss"]:
        rate.take_evaluation(value)
        found.append(rate.at(1))
    np.testing.assert_allclose(found, golden_rules[f"plateau/lr_patience{patience}"], rtol=1e-12)


def test_plateau_with_cooldown_and_floor_equals_torch() -> None:
    values = np.random.default_rng(0).uniform(0.9, 1.0, size=60).tolist()
    config = _plateau(
        plateau_patience=2,
        plateau_factor=0.3,
        plateau_cooldown=3,
        minimum_learning_rate=2e-5,
        learning_rate=1e-3,
    )
    rate = LearningRate(config)
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], lr=1e-3)
    reference = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, factor=0.3, patience=2, cooldown=3, min_lr=2e-5, eps=0
    )
    for value in values:
        rate.take_evaluation(value)
        reference.step(value)
        assert rate.at(1) == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-12)
    assert rate.at(1) == 2e-5


def test_a_stored_plateau_continues_alike() -> None:
    config = _plateau(plateau_patience=1)
    first, second = LearningRate(config), LearningRate(config)
    for value in (1.0, 1.1, 1.2):
        first.take_evaluation(value)
    second.load_state_dict(first.state_dict())
    for value in (1.2, 1.3, 1.4):
        first.take_evaluation(value)
        second.take_evaluation(value)
        assert first.at(3) == second.at(3)


def test_a_constant_schedule_ignores_evaluations() -> None:
    rate = LearningRate(_plateau(schedule="constant"))
    for _ in range(50):
        rate.take_evaluation(1.0)
    assert rate.at(1) == 1e-3


def test_a_tie_is_kept_as_best_but_uses_up_patience() -> None:
    best = BestEvaluation(patience=2)
    assert best.take_evaluation(1.0)
    assert best.take_evaluation(1.0)
    assert not best.should_stop
    assert not best.take_evaluation(1.5)
    assert best.should_stop
    assert best.value == 1.0


def test_an_improvement_restores_the_patience() -> None:
    best = BestEvaluation(patience=2)
    for value in (1.0, 1.1, 0.9, 1.0):
        best.take_evaluation(value)
    assert not best.should_stop


def test_without_patience_training_never_stops() -> None:
    best = BestEvaluation(patience=None)
    for _ in range(100):
        best.take_evaluation(1.0)
    assert not best.should_stop
