"""A better basis for the channels of each stem: uncorrelated and of energy 1."""

from __future__ import annotations

import torch
from torch import Tensor

MIN_ENERGY = 1e-14
"""A direction with less of its stem's energy is rounding: the channels are scaled copies of each other."""


def channel_basis(covariance: Tensor, num_channels: int) -> Tensor:
    """Rotate the channels of each stem onto its principal directions and scale these to energy 1.

    Nearly equal channels, the rule in music, make the normal equations nearly singular. Their sum and their small
    difference, each brought to energy 1, do not.

    Args:
        covariance: Correlations at lag 0, (reference, reference).
        num_channels: Channels of a stem.

    Returns:
        B, (reference, reference), block-diagonal; the new signals are B times the old ones. Directions below
        `MIN_ENERGY` have rows of zeros.
    """
    basis = torch.zeros_like(covariance)
    for start in range(0, len(covariance), num_channels):
        stem = slice(start, start + num_channels)
        energies, directions = torch.linalg.eigh(covariance[stem, stem])
        is_real = energies > MIN_ENERGY * energies[-1]
        factors = torch.where(is_real, energies.clamp_min(torch.finfo(energies.dtype).tiny).rsqrt(), 0.0)
        basis[stem, stem] = factors[:, None] * directions.T
    return basis
