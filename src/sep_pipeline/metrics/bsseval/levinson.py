"""Solve symmetric block-Toeplitz systems by the block-Levinson recursion, also where blocks are singular."""

from __future__ import annotations

import torch
from torch import Tensor

SINGULAR = 1e-14
"""Prediction errors below this, for channels of energy near 1, are rounding: such directions are left out."""


def solve_block_toeplitz(lags: Tensor, right: Tensor) -> Tensor:
    """Solve sum_s G(s - t) h(s) = d(t) for blocks h, with G(-l) the transpose of G(l).

    The recursion of Whittle, Wiggins and Robinson: from the forward and backward linear predictors of order n
    follow those of order n + 1 and, with the backward ones, the solution of order n + 1. It takes
    O(num_taps^2) products of small blocks where a factorisation takes O(num_taps^3).

    A channel that is predicted exactly by others (a copy, a panned copy) makes the prediction-error matrix
    singular. Its pseudo-inverse gives such a direction no part in the solution.

    Args:
        lags: G(0), ..., G(num_taps - 1), float64, (system, num_taps, channel, channel), positive
            semi-definite, scaled so that the diagonal of G(0) is near 1.
        right: d, float64, (system, num_taps, channel, column).

    Returns:
        h, of the shape of `right`.
    """
    num_systems, num_taps, size, _ = lags.shape
    rows = _rows_of_transposes(lags)
    # Blocks one below the other. The backward predictor is stored at the end: growing needs no shift.
    forward = lags.new_zeros(num_systems, num_taps * size, size + right.shape[-1])
    backward = lags.new_zeros(num_systems, num_taps * size, size)
    forward[:, :size, :size] = backward[:, -size:] = torch.eye(size, dtype=lags.dtype)
    solution = forward[:, :, size:]
    errors = torch.stack([lags[:, 0], lags[:, 0]], dim=1)
    inverses = _inverse(errors)
    solution[:, :size] = inverses[:, 1] @ right[:, 0]
    for order in range(num_taps - 1):
        used = (order + 1) * size
        products = torch.bmm(rows[:, :, -used:], forward[:, :used])
        mismatch = products[..., :size]
        to_forward, to_backward = inverses[:, 1] @ mismatch, inverses[:, 0] @ mismatch.mT
        previous = forward[:, :used, :size].clone()
        forward[:, size : used + size, :size].baddbmm_(backward[:, -used:], to_forward, alpha=-1)
        grown = backward[:, -used - size :]
        grown[:, :used].baddbmm_(previous, to_backward, alpha=-1)
        errors = errors - torch.stack([mismatch.mT @ to_forward, mismatch @ to_backward], dim=1)
        inverses = _inverse(errors)
        step = inverses[:, 1] @ (right[:, order + 1] - products[..., size:])
        solution[:, : used + size].baddbmm_(grown, step)
    return solution.reshape(right.shape)


def _rows_of_transposes(lags: Tensor) -> Tensor:
    """[G(num_taps - 1)^T, ..., G(1)^T] side by side, (system, channel, (num_taps - 1) * channel)."""
    num_systems, num_taps, size, _ = lags.shape
    return lags[:, 1:].flip(1).permute(0, 3, 1, 2).reshape(num_systems, size, (num_taps - 1) * size)


def _inverse(errors: Tensor) -> Tensor:
    """Pseudo-inverse of symmetric matrices, (..., channel, channel), without what is below `SINGULAR`."""
    values, vectors = torch.linalg.eigh(0.5 * (errors + errors.mT))
    reciprocals = torch.where(values > SINGULAR, 1.0 / values, 0.0)
    inverse: Tensor = (vectors * reciprocals[..., None, :]) @ vectors.mT
    return inverse
