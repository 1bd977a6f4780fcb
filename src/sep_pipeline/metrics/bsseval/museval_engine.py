"""museval itself behind the same interface, to check the fast engine against."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from sep_pipeline.metrics._museval_import import import_museval
from sep_pipeline.metrics.bsseval.scores import FrameMetrics

Stems = npt.NDArray[np.floating[Any]]


def museval_scores(
    references: Stems,
    estimates: Stems,
    *,
    window: int,
    hop: int,
    num_filter_taps: int,
    has_frame_filters: bool,
) -> FrameMetrics:
    """Score checked signals; the arguments are those of `bss_eval`, `has_frame_filters` means mode v3."""
    sdr, isr, sir, sar, _ = import_museval().metrics.bss_eval(
        np.asarray(references, np.float64).transpose(0, 2, 1),
        np.asarray(estimates, np.float64).transpose(0, 2, 1),
        window=window,
        hop=hop,
        filters_len=num_filter_taps,
        compute_permutation=False,
        framewise_filters=has_frame_filters,
        bsseval_sources_version=False,
    )
    return FrameMetrics(sdr=sdr, isr=isr, sir=sir, sar=sar)
