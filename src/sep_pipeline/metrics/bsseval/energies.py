"""Energies of the parts of an estimate in every frame, straight from the frame's correlations.

With zeros around a frame and the tail of the filters kept, the energy of a filtered signal is a linear function
of the frame's correlations: sum over a, b, l of rho_ab(l) gamma_ab(l), gamma being the correlation of the filters.
"""

from __future__ import annotations

import torch
from torch import Tensor

from sep_pipeline.metrics.bsseval.correlations import TrackCorrelations
from sep_pipeline.metrics.bsseval.filters import Filters
from sep_pipeline.metrics.bsseval.projection import PARTS
from sep_pipeline.metrics.bsseval.scores import Energies

ROUNDING = 2.220446049250313e-16

MIN_RATIO_TO_ROUNDING = 1e6
"""An energy this much above the bound of its rounding error is right to about 4e-6 dB."""


def frame_energies(
    correlations: TrackCorrelations, filters: Filters, frames: slice
) -> tuple[Energies, Tensor]:
    """Energies of all parts in some frames.

    Args:
        correlations: Of the track.
        filters: For these frames.
        frames: Which frames.

    Returns:
        Energies, (frame, stem), and for every frame whether cancellation may have cost digits (`ROUNDING`
        times the norms of both factors comes near an energy).
    """
    lags = correlations.frames[frames]
    num_references = lags.shape[1]
    estimate_energy = correlations.estimate_energy[frames]
    num_stems = estimate_energy.shape[1]
    weights = _weights(filters, num_stems)
    values = torch.einsum("fl,wsl->wfs", lags.flatten(1), weights.flatten(2))
    values[-1] += estimate_energy
    bound = _bounds(lags, weights, filters.scale) + ROUNDING * estimate_energy
    is_doubtful = (values < MIN_RATIO_TO_ROUNDING * bound).any(dim=2).any(dim=0)
    source = lags[:, :, :num_references, 0].diagonal(dim1=1, dim2=2)
    parts = {name: value.numpy() for name, value in zip(PARTS, values, strict=True)}
    return (
        Energies(
            source=source.reshape(len(source), num_stems, -1).sum(dim=2).numpy(),
            error=correlations.error_energy[frames].numpy(),
            **parts,
        ),
        is_doubtful,
    )


def _weights(filters: Filters, num_stems: int) -> Tensor:
    """Factors of the correlations, (part, stem, reference, signal, lag), in the order of `PARTS`."""
    explained, own = (
        fit.reshape(*fit.shape[:2], num_stems, -1).permute(2, 1, 3, 0)
        for fit in (filters.on_all, filters.on_own)
    )  # (stem, reference, channel, tap)
    spatial = own.clone()
    num_channels = own.shape[2]
    for stem in range(num_stems):
        spatial[stem, stem * num_channels : (stem + 1) * num_channels, :, 0] -= torch.eye(num_channels)
    among = torch.stack(
        [_autocorrelations(part) for part in (own, spatial, explained - own, explained, explained)]
    )
    with_estimates = among.new_zeros(*among.shape)
    for stem in range(num_stems):
        outputs = slice(stem * num_channels, (stem + 1) * num_channels)
        with_estimates[-1, stem, :, outputs] = -2.0 * explained[stem]
    return torch.cat([among, with_estimates], dim=3)


def _autocorrelations(filters: Tensor) -> Tensor:
    """Gamma of filters (stem, reference, channel, tap), summed over channels: (stem, reference, reference, lag).

    Entry [a, b, l] belongs to reference a at n - l and reference b at n. Lags above 0 count twice, for the pair
    the other way round.
    """
    num_taps = filters.shape[-1]
    spectra = torch.fft.rfft(filters, n=2 * num_taps)
    products = torch.einsum("sact,sbct->sabt", spectra, spectra.conj())
    gamma: Tensor = torch.fft.irfft(products, n=2 * num_taps)[..., :num_taps]
    gamma[..., 1:] *= 2.0
    return gamma


def _bounds(lags: Tensor, weights: Tensor, scale: Tensor) -> Tensor:
    """Bounds of the rounding errors, (part, frame, stem), by Schwarz's inequality on references of like scale."""
    num_references = len(scale)
    among = scale[:, None] * scale[None, :]
    with_estimates = scale[:, None].expand(-1, lags.shape[2] - num_references)
    factors = torch.cat([among, with_estimates], dim=1)[..., None]
    halves = slice(None, num_references), slice(num_references, None)
    bound = lags.new_zeros(len(weights), len(lags), weights.shape[1])
    for half in halves:
        sizes = torch.stack([(frame[:, half] * factors[:, half]).norm() for frame in lags])
        heights = (weights[..., half, :] / factors[:, half]).flatten(2).norm(dim=2)
        bound += ROUNDING * sizes[None, :, None] * heights[:, None, :]
    return bound
