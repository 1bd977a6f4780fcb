"""The fast engine: one pass for correlations, one fit of the filters, energies from correlations."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from sep_pipeline.mapping import torch_threads
from sep_pipeline.metrics.bsseval.correlations import TrackCorrelations, correlate
from sep_pipeline.metrics.bsseval.energies import frame_energies
from sep_pipeline.metrics.bsseval.filters import Filters, fit_filters
from sep_pipeline.metrics.bsseval.projection import PARTS, Projector
from sep_pipeline.metrics.bsseval.scores import Energies, FrameMetrics, metrics_of
from sep_pipeline.metrics.bsseval.tiling import tile_track

Stems = npt.NDArray[np.floating[Any]]


def fast_scores(
    references: Stems,
    estimates: Stems,
    *,
    window: int,
    hop: int,
    num_filter_taps: int,
    has_frame_filters: bool,
    device: str,
    num_threads: int,
    max_tile_samples: int,
) -> FrameMetrics:
    """Score checked signals; the arguments are those of `bss_eval`, `has_frame_filters` means mode v3."""
    tiling = tile_track(references.shape[-1], window, hop, max_tile_samples)
    shape = (len(tiling.frames), len(references))
    energies = Energies(**{field.name: np.full(shape, np.nan) for field in fields(Energies)})
    # More threads than one pay only on an idle machine.
    with torch_threads(num_threads), torch.inference_mode():
        correlations = correlate(references, estimates, tiling, num_filter_taps, torch.device(device))
        for frames, filters in _fitted(correlations, references.shape[1], has_frame_filters):
            doubtful = _fill(energies, correlations, filters, frames)
            if doubtful:
                projector = Projector(filters)
                for index in doubtful:
                    span = slice(*tiling.frames[index])
                    _project(energies, index, projector, references[..., span], estimates[..., span])
    return metrics_of(energies, correlations.is_silent.numpy())


def _fitted(
    correlations: TrackCorrelations, num_channels: int, has_frame_filters: bool
) -> Iterator[tuple[slice, Filters]]:
    """Runs of frames with their filters."""
    if not has_frame_filters:
        yield slice(0, len(correlations.frames)), fit_filters(correlations.total, num_channels)
        return
    for index, lags in enumerate(correlations.frames):
        if not correlations.is_silent[index]:
            yield slice(index, index + 1), fit_filters(lags, num_channels)


def _fill(energies: Energies, correlations: TrackCorrelations, filters: Filters, frames: slice) -> list[int]:
    """Write the energies of some frames; give back the frames that need a projection."""
    found, is_doubtful = frame_energies(correlations, filters, frames)
    for field in fields(Energies):
        getattr(energies, field.name)[frames] = getattr(found, field.name)
    needed = is_doubtful & ~correlations.is_silent[frames]
    return [frames.start + int(index) for index in torch.nonzero(needed)]


def _project(
    energies: Energies, index: int, projector: Projector, references: Stems, estimates: Stems
) -> None:
    """Replace the energies of one frame."""
    for name, values in zip(PARTS, projector.energies(_exact(references), _exact(estimates)), strict=True):
        getattr(energies, name)[index] = values.numpy()


def _exact(stems: Stems) -> Tensor:
    return torch.from_numpy(np.array(stems, np.float64))
