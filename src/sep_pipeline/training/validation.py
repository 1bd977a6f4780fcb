"""What trainings look at between their updates: fixed examples, and the means of their losses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol, TypeVar

from torch import Tensor

from sep_pipeline.data.examples import Examples
from sep_pipeline.errors import ConfigurationError

Validation = TypeVar("Validation")


class FixedExamples(Examples, Protocol):
    """Examples that come round again."""

    @property
    def batches_per_epoch(self) -> int:
        """Batches after which they do."""
        ...


def required(validation: Validation | None, what: str) -> Validation:
    """Give the examples back if there are any; `what` they are is for the message.

    Raises:
        ConfigurationError: There are none.
    """
    if validation is None:
        raise ConfigurationError(
            f"there are no validation {what}", parameter="training.evaluate_every_steps", expected="none"
        )
    return validation


def mean_losses(losses: Callable[[int], Mapping[str, Tensor]], num_batches: int) -> dict[str, float]:
    """Mean of every term over batches, in the order of their numbers."""
    sums: dict[str, float] = {}
    for step in range(num_batches):
        for name, value in losses(step).items():
            sums[name] = sums.get(name, 0.0) + float(value)
    return {name: total / num_batches for name, total in sums.items()}
