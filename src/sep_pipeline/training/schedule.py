"""The learning rate of every update, and when evaluations say to stop."""

from __future__ import annotations

import math
from collections.abc import Mapping

from sep_pipeline.training.config import TrainingConfig

# Default of torch's ReduceLROnPlateau: an improvement counts from one part in ten thousand on.
_RELATIVE_THRESHOLD = 1e-4


class LearningRate:
    """Warm-up times the level that evaluations have left times the fall at the end.

    Args:
        config: The training's configuration.
    """

    def __init__(self, config: TrainingConfig) -> None:
        self._config = config
        self._level = config.learning_rate
        self._best = math.inf
        self._num_bad = 0
        self._cooldown_left = 0

    def at(self, update: int) -> float:
        """Rate of update number `update`, from 1; the first update of a warm-up has rate 0."""
        config = self._config
        rise = min(1.0, (update - 1) / config.warmup_steps) if config.warmup_steps else 1.0
        fall = min(1.0, (config.num_steps + 1 - update) / config.decay_steps) if config.decay_steps else 1.0
        return self._level * rise * fall

    def take_evaluation(self, value: float) -> None:
        """Lower the level when the watched value has stopped falling, as torch's ReduceLROnPlateau does."""
        if self._config.schedule != "plateau":
            return
        if value < self._best * (1 - _RELATIVE_THRESHOLD):
            self._best, self._num_bad = value, 0
        else:
            self._num_bad += 1
        if self._cooldown_left:
            self._cooldown_left -= 1
            self._num_bad = 0
        if self._num_bad > self._config.plateau_patience:
            self._level = max(self._level * self._config.plateau_factor, self._config.minimum_learning_rate)
            self._cooldown_left, self._num_bad = self._config.plateau_cooldown, 0

    def state_dict(self) -> dict[str, float]:
        """Numbers that must be stored."""
        return {
            "level": self._level,
            "best": self._best,
            "num_bad": self._num_bad,
            "cooldown_left": self._cooldown_left,
        }

    def load_state_dict(self, state: Mapping[str, float]) -> None:
        """Take over what `state_dict` gave."""
        self._level, self._best = state["level"], state["best"]
        self._num_bad, self._cooldown_left = int(state["num_bad"]), int(state["cooldown_left"])


class BestEvaluation:
    """Follows the lowest watched value.

    Args:
        patience: Evaluations without a strictly lower value after which training should stop; None for never.
    """

    def __init__(self, patience: int | None) -> None:
        self._patience = patience
        self._best = math.inf
        self._num_bad = 0

    @property
    def value(self) -> float:
        """The lowest value so far; infinity before the first."""
        return self._best

    @property
    def should_stop(self) -> bool:
        """Whether the patience is used up."""
        return self._patience is not None and self._num_bad >= self._patience

    def take_evaluation(self, value: float) -> bool:
        """Count one value; returns whether none before was lower, so that a tie counts as best, too."""
        is_best = value <= self._best
        self._num_bad = 0 if value < self._best else self._num_bad + 1
        self._best = min(self._best, value)
        return is_best

    def state_dict(self) -> dict[str, float]:
        """Numbers that must be stored."""
        return {"best": self._best, "num_bad": self._num_bad}

    def load_state_dict(self, state: Mapping[str, float]) -> None:
        """Take over what `state_dict` gave."""
        self._best, self._num_bad = state["best"], int(state["num_bad"])
