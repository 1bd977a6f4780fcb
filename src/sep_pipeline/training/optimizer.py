"""Adam as Jukebox ran it, and the choice between it and the usual one."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

from sep_pipeline.training.config import TrainingConfig


class JukeboxAdam(torch.optim.Optimizer):
    """Adam whose epsilon is not bias-corrected.

    parameter -= learning_rate · √(1 - β₂ᵗ) / (1 - β₁ᵗ) · m / (√v + ε), the form at the end of section 2 of
    Kingma and Ba (arXiv:1412.6980). The usual form has a larger effective ε in the first updates.

    Args:
        parameters: What to optimise.
        learning_rate: Rate; change it through `param_groups`.
        betas: Decay of the first and second moment.
        eps: Added to the root of the second moment.
        weight_decay: Weight of an L2 penalty added to the gradient.
    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        *,
        learning_rate: float,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        defaults = {"lr": learning_rate, "betas": betas, "eps": eps, "weight_decay": weight_decay, "step": 0}
        super().__init__(parameters, defaults)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Update every parameter that has a gradient; closures are not supported."""
        if closure is not None:
            raise ValueError("JukeboxAdam does not evaluate closures")
        for group in self.param_groups:
            parameters = [parameter for parameter in group["params"] if parameter.grad is not None]
            if parameters:
                group["step"] += 1
                self._update(group, parameters)

    def _update(self, group: dict[str, Any], parameters: list[Tensor]) -> None:
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        if group["weight_decay"]:
            gradients = list(torch._foreach_add(gradients, parameters, alpha=group["weight_decay"]))
        first = [self._moments(parameter)["first_moment"] for parameter in parameters]
        second = [self._moments(parameter)["second_moment"] for parameter in parameters]
        (beta_1, beta_2), step = group["betas"], group["step"]
        torch._foreach_lerp_(first, gradients, 1 - beta_1)
        torch._foreach_mul_(second, beta_2)
        torch._foreach_addcmul_(second, gradients, gradients, 1 - beta_2)
        denominators = torch._foreach_sqrt(second)
        torch._foreach_add_(denominators, group["eps"])
        rate = group["lr"] * math.sqrt(1 - beta_2**step) / (1 - beta_1**step)
        torch._foreach_addcdiv_(parameters, first, denominators, -rate)

    def _moments(self, parameter: Tensor) -> dict[str, Tensor]:
        state: dict[str, Tensor] = self.state[parameter]
        if not state:
            state["first_moment"] = torch.zeros_like(parameter)
            state["second_moment"] = torch.zeros_like(parameter)
        return state


def make_optimizer(config: TrainingConfig, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
    """Make the optimiser that a configuration names."""
    if config.optimizer == "jukebox_adam":
        return JukeboxAdam(
            parameters,
            learning_rate=config.learning_rate,
            betas=config.betas,
            eps=config.eps,
            weight_decay=config.weight_decay,
        )
    return torch.optim.Adam(
        parameters,
        lr=config.learning_rate,
        betas=config.betas,
        eps=config.eps,
        weight_decay=config.weight_decay,
        fused=True,
    )
