"""Several processes that train one model together; in a single process everything here does nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor, distributed, nn

Value = TypeVar("Value")


def world_size() -> int:
    """Number of processes that train together."""
    return distributed.get_world_size() if _is_replicated() else 1


def rank() -> int:
    """Number of this process; 0 is the one that evaluates, writes and reports."""
    return distributed.get_rank() if _is_replicated() else 0


def average(tensors: Sequence[Tensor]) -> None:
    """Replace each tensor, in place, by its mean over the processes, in one exchange per number format."""
    if world_size() == 1:
        return
    for dtype in sorted({tensor.dtype for tensor in tensors}, key=str):
        group = [tensor for tensor in tensors if tensor.dtype == dtype]
        flat = torch.cat([tensor.flatten() for tensor in group])
        distributed.all_reduce(flat)
        flat /= world_size()
        parts = torch.split(flat, [tensor.numel() for tensor in group])
        for tensor, part in zip(group, parts, strict=True):
            tensor.copy_(part.view_as(tensor))


def broadcast_module(module: nn.Module) -> None:
    """Give every process the parameters and buffers of the first."""
    if world_size() > 1:
        for tensor in module.state_dict().values():
            # As bytes: gloo does not send truth values.
            distributed.broadcast(tensor.view(torch.uint8) if tensor.dtype == torch.bool else tensor, src=0)


def from_first(make: Callable[[], Value]) -> Value:
    """Call a function in the first process only and give its result, or its failure, to all."""
    if world_size() == 1:
        return make()
    outcome: list[Any] = [None, None]
    if rank() == 0:
        try:
            outcome[0] = make()
        except Exception as error:
            outcome[1] = error
    distributed.broadcast_object_list(outcome, src=0)
    if outcome[1] is not None:
        raise outcome[1]
    value: Value = outcome[0]
    return value


def own_share(batch: Any) -> Any:
    """This process's part of a batch, cut along the first axis."""
    num_parts, part = world_size(), rank()

    def cut(tensor: Tensor) -> Tensor:
        size = len(tensor) // num_parts
        return tensor[part * size : (part + 1) * size]

    return batch if num_parts == 1 else mapped(cut, batch)


def mapped(function: Callable[[Tensor], Tensor], batch: Any) -> Any:
    """Apply a function to every tensor in nested lists, tuples and dicts; everything else stays."""
    if isinstance(batch, Tensor):
        return function(batch)
    if isinstance(batch, list | tuple):
        return type(batch)(mapped(function, part) for part in batch)
    if isinstance(batch, dict):
        return {key: mapped(function, part) for key, part in batch.items()}
    return batch


def _is_replicated() -> bool:
    return distributed.is_available() and distributed.is_initialized()
