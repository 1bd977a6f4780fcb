"""Sums and broadcasts over training replicas that do nothing in a single process."""

from __future__ import annotations

import torch
from torch import Tensor, distributed


def is_replicated() -> bool:
    """Whether several processes train the same model."""
    return distributed.is_available() and distributed.is_initialized() and distributed.get_world_size() > 1


def summed(*tensors: Tensor) -> tuple[Tensor, ...]:
    """Sum each tensor over the replicas, in one exchange."""
    if not is_replicated():
        return tensors
    flat = torch.cat([tensor.flatten() for tensor in tensors])
    distributed.all_reduce(flat)
    parts = flat.split_with_sizes([tensor.numel() for tensor in tensors])
    return tuple(part.view_as(tensor) for part, tensor in zip(parts, tensors, strict=True))


def broadcast_from_first(tensor: Tensor) -> Tensor:
    """The first replica's value of `tensor` on every replica."""
    if not is_replicated():
        return tensor
    shared = tensor.contiguous()
    distributed.broadcast(shared, src=0)
    return shared
