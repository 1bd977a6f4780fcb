"""Limits on the global norm of the gradient."""

from __future__ import annotations

import math
from bisect import insort
from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

from sep_pipeline.training.config import TrainingConfig

# Of torch.nn.utils.clip_grad_norm_, which the published AutoClip calls.
_AUTOCLIP_EPS = 1e-6


class Clipping(Protocol):
    """Finds the factor for the gradients of one update."""

    def factor(self, norm: float) -> float:
        """Give the factor, at most 1, for gradients of global norm `norm`; called once per update."""
        ...

    def state(self) -> list[float]:
        """What must be stored to go on as if uninterrupted."""
        ...

    def load_state(self, state: Sequence[float]) -> None:
        """Take over what `state` gave."""
        ...


class NormClipping:
    """Divides by max(1, norm / limit), without an epsilon.

    Args:
        limit: Largest norm left as it is; infinity never clips.
    """

    def __init__(self, limit: float) -> None:
        self._limit = limit

    def factor(self, norm: float) -> float:
        """See `Clipping.factor`."""
        return 1.0 / max(1.0, norm / self._limit)

    def state(self) -> list[float]:
        """Nothing."""
        return []

    def load_state(self, state: Sequence[float]) -> None:
        """Nothing."""


class AutoClip:
    """Limits the norm to a percentile of all norms so far, the present one included.

    After Seetharaman et al. 2020, "AutoClip: adaptive gradient clipping for source separation networks".

    Args:
        percentile: In [0, 100]; values between two norms are interpolated linearly.
    """

    def __init__(self, percentile: float) -> None:
        self._share = percentile / 100
        self._ordered: list[float] = []

    @property
    def threshold(self) -> float:
        """The limit after the last norm."""
        position = self._share * (len(self._ordered) - 1)
        below = math.floor(position)
        low, high = self._ordered[below], self._ordered[min(below + 1, len(self._ordered) - 1)]
        return low + (high - low) * (position - below)

    def factor(self, norm: float) -> float:
        """See `Clipping.factor`."""
        insort(self._ordered, norm)
        return min(1.0, self.threshold / (norm + _AUTOCLIP_EPS))

    def state(self) -> list[float]:
        """All norms, ascending; their order in time does not matter."""
        return list(self._ordered)

    def load_state(self, state: Sequence[float]) -> None:
        """See `Clipping.load_state`."""
        self._ordered = list(state)


def make_clipping(config: TrainingConfig) -> Clipping:
    """Make the clipping that a configuration names."""
    if config.clip == "autoclip":
        return AutoClip(config.clip_percentile)
    return NormClipping(config.clip_norm if config.clip == "norm" else math.inf)


def global_norm(gradients: list[Tensor]) -> Tensor:
    """Root of the sum of squares over all gradients, a scalar tensor."""
    norm: Tensor = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients)))
    return norm
