"""What a finished training gives back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

Weights = dict[str, Tensor]
Curves = dict[str, list[float] | list[int] | list[str]]


@dataclass(frozen=True, kw_only=True)
class TrainingResult:
    """Weights and curves of one training.

    Attributes:
        num_steps: Updates done; fewer than configured after an early stop.
        weights: State dict on the CPU: averaged parameters where averaging is on, live buffers.
        snapshots: Number of updates to the state dict of that moment, made like `weights`.
        curves: Columns `step`, `name`, `value`, one row per logged scalar; names of evaluations begin with
            "evaluation/". `pandas.DataFrame(curves)` is a tidy table.
        seconds: Time spent in this training, over all its resumptions.
    """

    num_steps: int
    weights: Weights
    snapshots: Mapping[int, Weights]
    curves: Curves
    seconds: float
