"""The public function: check, choose the engine, score."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from sep_pipeline.metrics.bsseval.checks import check_settings, check_stems
from sep_pipeline.metrics.bsseval.fast import fast_scores
from sep_pipeline.metrics.bsseval.museval_engine import museval_scores
from sep_pipeline.metrics.bsseval.scores import FrameMetrics

Stems = npt.NDArray[np.floating[Any]]

ENGINES = ("fast", "museval")
MODES = ("v4", "v3")


def bss_eval(
    references: Stems,
    estimates: Stems,
    *,
    window: int,
    hop: int,
    num_filter_taps: int = 512,
    mode: str = "v4",
    engine: str = "fast",
    device: str = "cpu",
    num_threads: int = 1,
    max_tile_samples: int = 65_536,
) -> FrameMetrics:
    """Score estimates of stems against references by BSS Eval v4, as museval does.

    Args:
        references: True stems, floating, (stem, channel, time), one or two channels.
        estimates: Estimates in the same order and shape; `fit_length` gives them the references' length.
        window: Length of a frame in samples; museval's track scores take one second.
        hop: Distance between frame starts in samples; one second in museval's track scores.
        num_filter_taps: Length of the distortion filters.
        mode: "v4" fits the filters once to the whole signals, "v3" anew in every frame.
        engine: "fast", or "museval" for the reference implementation, which takes tens of times longer.
        device: torch device of the fast engine's transforms.
        num_threads: Threads of the fast engine; several tracks are better scored in several processes.
        max_tile_samples: Stretch of the track that the fast engine transforms at once; bounds its memory.

    Returns:
        SDR, ISR, SIR and SAR, (stem, frame). A last partial frame has no scores but takes part in the filters.

    Raises:
        ConfigurationError: A setting is out of range.
        DataError: Not (stem, channel, time) with one or two channels, or a sample is not finite.
        StemMismatchError: The shapes differ.
        TooShortError: There are no samples.
        SilentStemError: A whole reference or estimate is silent: its channels sum to zero at every sample.
    """
    check_settings(
        {"engine": (engine, ENGINES), "mode": (mode, MODES)},
        {
            "window": window,
            "hop": hop,
            "num_filter_taps": num_filter_taps,
            "num_threads": num_threads,
            "max_tile_samples": max_tile_samples,
        },
    )
    check_stems(references, estimates)
    has_frame_filters = mode == "v3"
    if engine == "museval":
        return museval_scores(
            references,
            estimates,
            window=window,
            hop=hop,
            num_filter_taps=num_filter_taps,
            has_frame_filters=has_frame_filters,
        )
    return fast_scores(
        references,
        estimates,
        window=window,
        hop=hop,
        num_filter_taps=num_filter_taps,
        has_frame_filters=has_frame_filters,
        device=device,
        num_threads=num_threads,
        max_tile_samples=max_tile_samples,
    )


def fit_length(estimates: Stems, num_samples: int) -> Stems:
    """Cut the estimates, or pad them with zeros, at the end, as `museval.evaluate` does.

    Args:
        estimates: (stem, channel, time).
        num_samples: Length of the references.

    Returns:
        (stem, channel, num_samples).
    """
    missing = max(0, num_samples - estimates.shape[-1])
    if missing == 0:
        return estimates[..., :num_samples]
    return np.pad(estimates, ((0, 0), (0, 0), (0, missing)))
