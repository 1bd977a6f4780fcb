"""Mean of a loss over items without the intermediate values of more than one item in memory.

The gradient of every item is worked out right after its value, instead of after the values of all: nothing is
computed twice and nothing is kept but the gradients. Differentiating twice is not supported.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

ItemLoss = Callable[[int, Tensor], Tensor]


def mean_over_items(loss_of_item: ItemLoss, inputs: Tensor, parameters: Sequence[Tensor]) -> Tensor:
    """Average a loss that treats every item of a batch by itself.

    Args:
        loss_of_item: Maps the number of an item and its part of `inputs`, (1, ...), to its loss, (1,).
        inputs: float, (batch, ...).
        parameters: All other tensors that learn from the loss; each requires a gradient.

    Returns:
        A scalar with gradients towards `inputs` and `parameters`.
    """
    if not torch.is_grad_enabled():
        losses = [loss_of_item(index, item) for index, item in enumerate(torch.split(inputs, 1))]
        return torch.cat(losses).mean()
    mean: Tensor = _MeanOverItems.apply(loss_of_item, inputs, *parameters)  # type: ignore[no-untyped-call]
    return mean


class _MeanOverItems(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, loss_of_item: ItemLoss, inputs: Tensor, *parameters: Tensor) -> Tensor:
        input_gradient = torch.empty_like(inputs)
        totals = [torch.zeros_like(parameter) for parameter in parameters]
        losses = []
        for index, values in enumerate(torch.split(inputs, 1)):
            item = values.detach().requires_grad_()
            with torch.enable_grad():
                loss = loss_of_item(index, item)
            losses.append(loss.detach())
            (input_gradient[index : index + 1], *found) = torch.autograd.grad(loss, (item, *parameters))
            for total, gradient in zip(totals, found, strict=True):
                total += gradient
        ctx.num_items = len(losses)
        ctx.save_for_backward(input_gradient, *totals)
        return torch.cat(losses).mean()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_mean: Tensor) -> tuple[Tensor | None, ...]:
        share = grad_mean / ctx.num_items
        return None, *(gradient * share for gradient in ctx.saved_tensors)
