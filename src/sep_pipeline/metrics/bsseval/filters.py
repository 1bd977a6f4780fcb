"""Distortion filters: the least-squares fit of every estimate by delayed references."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import torch
from torch import Tensor

from sep_pipeline.metrics.bsseval.basis import channel_basis
from sep_pipeline.metrics.bsseval.dense_solve import solve_least_squares
from sep_pipeline.metrics.bsseval.levinson import solve_block_toeplitz
from sep_pipeline.metrics.bsseval.toeplitz import multiply, relative_residual

logger = logging.getLogger(__name__)

DIAGONAL = 2.220446049250313e-16
"""museval adds the machine epsilon, as it stands, to the diagonal of its normal equations."""

GOOD_RESIDUAL = 1e-12
"""Relative residual below which a system counts as solved by the recursion."""

ILL_POSED_RESIDUAL = 1e-11
"""Relative residual above which even the dense solution counts as one of many."""

MAX_REFINEMENTS = 2

HOPELESS_RESIDUAL = 1e-3
"""Relative residual above which refining with the same recursion makes it worse."""


@dataclass(frozen=True, kw_only=True)
class Filters:
    """Filters from references to estimates, float64, (tap, reference, output).

    References and outputs (channels of the estimates) are numbered stem by stem, channel by channel.

    Attributes:
        on_all: Fit by all references.
        on_own: Fit by the channels of the own reference; zero elsewhere.
        scale: Powers of two that bring each reference's energy near 1, (reference,).
    """

    on_all: Tensor
    on_own: Tensor
    scale: Tensor


def fit_filters(lags: Tensor, num_channels: int) -> Filters:
    """Fit the filters by the normal equations.

    Args:
        lags: Correlations, (reference, signal, lag), as in `TrackCorrelations`.
        num_channels: Channels of a stem.

    Returns:
        The filters.
    """
    num_references = len(lags)
    among = lags[:, :num_references].permute(2, 1, 0).clone()
    among[0].diagonal().add_(DIAGONAL)
    right = lags[:, num_references:].permute(2, 0, 1)
    own = [slice(start, start + num_channels) for start in range(0, num_references, num_channels)]
    blocks = _fit(
        torch.stack([among[:, stem, stem] for stem in own]),
        torch.stack([right[:, stem, stem] for stem in own]),
        num_channels,
    )
    on_own = torch.zeros_like(right)
    for stem, block in zip(own, blocks, strict=True):
        on_own[:, stem, stem] = block
    return Filters(
        on_all=_fit(among[None], right[None], num_channels)[0], on_own=on_own, scale=_scale(among[0])
    )


def _scale(covariance: Tensor) -> Tensor:
    """Powers of two, which scale without rounding, that bring energies, (..., reference), near 1."""
    return torch.exp2(-torch.round(0.5 * torch.log2(covariance.diagonal(dim1=-2, dim2=-1))))


def _fit(among: Tensor, right: Tensor, num_channels: int) -> Tensor:
    """Solve each system, (system, tap, channel, column), by the recursion or, where it fails, densely."""
    basis = torch.stack([channel_basis(lags[0], num_channels) for lags in among])[:, None]
    filters, residuals = _refined(basis @ among @ basis.mT, basis @ right)
    filters = basis.mT @ filters
    for index, residual in enumerate(residuals.tolist()):
        if not residual <= GOOD_RESIDUAL:
            filters[index] = _fit_densely(among[index], right[index])
    return filters


def _fit_densely(among: Tensor, right: Tensor) -> Tensor:
    """Solve one system in the given channels: the better basis would magnify rounding of singular systems."""
    scale = _scale(among[0])
    filters, residual = solve_least_squares(among * scale[:, None] * scale, right * scale[:, None])
    if residual > ILL_POSED_RESIDUAL:
        logger.warning(
            "BSS Eval: the filters are not determined to full precision (residual %.0e), as with references that "
            "are filtered copies of others; ISR, SIR and SAR come from a least-squares fit, and museval's would "
            "depend on the order of the stems",
            residual,
        )
    return filters * scale[:, None]


def _refined(among: Tensor, right: Tensor) -> tuple[Tensor, Tensor]:
    """Solutions and their residuals; solving again for what is left brings back digits lost by the recursion."""
    filters = solve_block_toeplitz(among, right)
    residuals = relative_residual(among, right, filters)
    for _ in range(MAX_REFINEMENTS):
        worst = float(residuals.nan_to_num(torch.inf).max())
        if worst <= GOOD_RESIDUAL or worst > HOPELESS_RESIDUAL:
            break
        refined = filters + solve_block_toeplitz(among, right - multiply(among, filters))
        refined_residuals = relative_residual(among, right, refined)
        is_better = refined_residuals < residuals
        filters = torch.where(is_better[:, None, None, None], refined, filters)
        residuals = torch.where(is_better, refined_residuals, residuals)
    return filters, residuals
