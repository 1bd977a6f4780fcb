"""Solve badly conditioned block-Toeplitz systems: slower than the recursion, but with an answer for every matrix."""

from __future__ import annotations

import torch
from torch import Tensor

from sep_pipeline.metrics.bsseval.toeplitz import dense, multiply, relative_residual

RIDGE = 1e-13
"""Added to the diagonal, which is near 1; ten times as much wherever the factorisation still fails."""

MAX_RIDGE_EXPONENT = 12

MAX_ITERATIONS = 20


def solve_least_squares(lags: Tensor, right: Tensor) -> tuple[Tensor, float]:
    """Iterated Tikhonov regularisation: factorise once with a small ridge, then solve for what is left.

    Every iteration shrinks the part of the error along an eigenvector by ridge / (ridge + eigenvalue). Well-posed
    systems thus reach the unregularised solution. Directions with eigenvalues far below the ridge, which are
    rounding, stay out, as in a least-squares solution of smallest norm.

    Args:
        lags: G(0), ..., G(num_taps - 1), (num_taps, channel, channel), as in `solve_block_toeplitz`.
        right: (num_taps, channel, column).

    Returns:
        The solution, of the shape of `right`, and its relative residual.
    """
    factor = _factor(dense(lags))
    best, smallest = torch.zeros_like(right), 1.0
    for _ in range(MAX_ITERATIONS):
        left = right - multiply(lags[None], best[None])[0]
        solution = best + torch.cholesky_solve(left.flatten(0, 1), factor).reshape(right.shape)
        residual = float(relative_residual(lags[None], right[None], solution[None]))
        has_converged = not residual < 0.5 * smallest
        if residual < smallest:
            best, smallest = solution, residual
        if has_converged:
            break
    return best, smallest


def _factor(matrix: Tensor) -> Tensor:
    """Cholesky factor of the matrix, changed in place, with the smallest ridge that lets it exist."""
    factor: Tensor
    added = 0.0
    for exponent in range(MAX_RIDGE_EXPONENT):
        ridge = RIDGE * 10.0**exponent
        matrix.diagonal().add_(ridge - added)
        added = ridge
        factor, info = torch.linalg.cholesky_ex(matrix)
        if int(info) == 0:
            return factor
    raise AssertionError("correlations are positive semi-definite up to rounding")
