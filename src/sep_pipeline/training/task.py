"""What a study has to give the training loop."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn


class Task(Protocol):
    """One thing to train.

    Attributes:
        module: What is trained and stored. Parameters that require gradients are optimised, the others are
            stored as they are; buffers are live state. A frozen helper network that need not be stored is
            kept elsewhere.
    """

    @property
    def module(self) -> nn.Module:
        """What is trained and stored."""
        ...

    def batch(self, step: int) -> Any:
        """Load the examples of one update.

        It must be a pure function of `step`: it runs ahead of the training in another thread, and again after
        an interruption.

        Args:
            step: Number of the update, from 0.

        Returns:
            A tensor, or tensors in lists, tuples or dicts; the first axis is the batch. Under several
            processes each takes its share of that axis.
        """
        ...

    def losses(self, batch: Any, generator: torch.Generator) -> Mapping[str, Tensor]:
        """Compute what is minimised.

        Args:
            batch: What `batch` gave, on the device of `module`.
            generator: On the CPU, seeded by the step; the only source of randomness besides torch's global
                one, which the loop seeds by the step, too.

        Returns:
            Scalars; the gradient of "loss" is followed, the others are logged.
        """
        ...


@runtime_checkable
class Evaluates(Protocol):
    """A task that can be scored on examples kept aside."""

    def evaluate(self) -> Mapping[str, float]:
        """Give scores by name, lower being better for the watched one; the loop switches gradients off."""
        ...


@runtime_checkable
class ActsAfterStep(Protocol):
    """A task that does something after every update."""

    def after_step(self, num_updates: int) -> None:
        """Act on `module` after its update number `num_updates`, from 1."""
        ...


@runtime_checkable
class Notes(Protocol):
    """A task that has something to say on the progress line."""

    def note(self) -> str:
        """What stands behind the loss, such as how the examples come; empty for nothing."""
        ...
