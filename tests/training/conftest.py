"""A small task with dropout, a buffer that learns and an evaluation, and the golden numbers."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from sep_pipeline.training.config import TrainingConfig

GOLDEN = Path(__file__).parents[1] / "golden"


class ToyTask:
    """Regression with everything whose state a resumption could lose."""

    def __init__(self) -> None:
        generator = torch.Generator().manual_seed(5)
        self.module = nn.Sequential(nn.Linear(6, 16), nn.BatchNorm1d(16), nn.Dropout(0.2), nn.Linear(16, 6))
        for parameter in self.module.parameters():
            nn.init.normal_(parameter, std=0.3, generator=generator)
        self.num_loaded = 0
        self.poisoned_step: int | None = None

    def batch(self, step: int) -> Tensor:
        self.num_loaded += 1
        if step == self.poisoned_step:
            return torch.full((8, 6), torch.nan)
        return torch.randn(8, 6, generator=torch.Generator().manual_seed(1000 + step))

    def losses(self, batch: Tensor, generator: torch.Generator) -> Mapping[str, Tensor]:
        noisy = batch + 0.1 * torch.randn(batch.shape, generator=generator)
        error = (self.module(noisy) - batch).square()
        return {"loss": error.mean() + 0.1 * error.max(), "mean": error.mean(), "largest": error.max()}

    def evaluate(self) -> Mapping[str, float]:
        batch = torch.randn(32, 6, generator=torch.Generator().manual_seed(99))
        return {"loss": (self.module(batch) - batch).square().mean().item()}


@pytest.fixture
def make_config() -> Callable[..., TrainingConfig]:
    """A complete configuration of twenty updates; arguments change it."""

    def make(**changes: Any) -> TrainingConfig:
        settings: dict[str, Any] = {
            "num_steps": 20,
            "batch_size": 8,
            "learning_rate": 1e-2,
            "warmup_steps": 4,
            "ema_decay": 0.9,
            "clip": "autoclip",
            "clip_percentile": 50.0,
            "schedule": "plateau",
            "plateau_patience": 0,
            "evaluate_every_steps": 2,
            "log_every_steps": 1,
            "checkpoint_every_steps": 3,
            "checkpoint_every_seconds": None,
        }
        return TrainingConfig(**settings | changes)

    return make


@pytest.fixture
def toy_task() -> type[ToyTask]:
    """The class, since most tests train more than one of them."""
    return ToyTask


@pytest.fixture(scope="session")
def golden_tensors() -> dict[str, Tensor]:
    """Tensors made by the original programs."""
    return load_file(GOLDEN / "jukebox_small.safetensors")


@pytest.fixture(scope="session")
def golden_numbers() -> dict[str, Any]:
    """Numbers made by the original programs."""
    numbers: dict[str, Any] = json.loads((GOLDEN / "jukebox_small.json").read_text())["scalars"]
    return numbers


@pytest.fixture(scope="session")
def golden_rules() -> dict[str, Any]:
    """Numbers of AutoClip's published handler and of torch's plateau rule."""
    rules: dict[str, Any] = json.loads((GOLDEN / "training_rules.json").read_text())
    return rules
