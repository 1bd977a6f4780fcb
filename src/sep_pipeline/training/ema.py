"""Moving average of trained weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class WeightAverage:
    """Exponential moving average of parameters, from their initial values on, without bias correction.

    Args:
        parameters: Parameters by name; only these are averaged.
        decay: Share of the old average kept per update.
    """

    def __init__(self, parameters: Mapping[str, nn.Parameter], decay: float) -> None:
        self._names = list(parameters)
        self._parameters = [parameter.data for parameter in parameters.values()]
        self._averages = [parameter.clone() for parameter in self._parameters]
        self._decay = decay

    @torch.no_grad()
    def update(self) -> None:
        """Set the average to decay · average + (1 - decay) · parameter."""
        torch._foreach_lerp_(self._averages, self._parameters, 1 - self._decay)

    @contextmanager
    def swapped_in(self) -> Iterator[None]:
        """Let the model hold the averages inside the block, and its own parameters again afterwards."""
        kept = [parameter.clone() for parameter in self._parameters]
        torch._foreach_copy_(self._parameters, self._averages)
        try:
            yield
        finally:
            torch._foreach_copy_(self._parameters, kept)

    def state_dict(self) -> dict[str, Tensor]:
        """Averages by parameter name."""
        return dict(zip(self._names, self._averages, strict=True))

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Take over averages given by `state_dict`."""
        torch._foreach_copy_(self._averages, [state[name] for name in self._names])
