"""Loudness statistics of a stem, by which the losses of the transfer study are normalised."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from sep_pipeline.data.examples import StemExamples
from sep_pipeline.errors import SilentStemError

logger = logging.getLogger(__name__)

NUM_VALUES = 600 * 44_100
WINDOW_STRIDE = 16
_N_FFT, _HOP_LENGTH, _WINDOW_LENGTH = 2048, 256, 1536


@dataclass(frozen=True)
class BandwidthStatistics:
    """Sizes of a typical signal ("bandwidths" in the code of arXiv:2005.00341).

    Attributes:
        l1: Mean absolute sample.
        l2: Variance of the samples.
        spec: Mean over windows of the Frobenius norm of the magnitude spectrogram of the mono signal.
    """

    l1: float
    l2: float
    spec: float


def bandwidth_statistics(
    windows: Iterable[npt.NDArray[np.float32]], *, num_values: int = NUM_VALUES
) -> BandwidthStatistics:
    """Measure windows until enough sample values were seen.

    Args:
        windows: float32, (channel, time), in [-1, 1].
        num_values: Sample values to see, all channels counted; the window that reaches it is the last.

    Returns:
        The statistics; samples of all channels count for l1 and l2, their mean for the spectrum.

    Raises:
        SilentStemError: There is no window, or every window is silent.
    """
    num_seen, absolute, total, squares = 0, 0.0, 0.0, 0.0
    norms = []
    for window in windows:
        num_seen += window.size
        absolute += float(np.abs(window).sum(dtype=np.float64))
        total += float(window.sum(dtype=np.float64))
        squares += float(np.square(window, dtype=np.float64).sum())
        norms.append(_spectral_norm(window))
        if num_seen >= num_values:
            break
    if not absolute:
        raise SilentStemError("the training chunks are silent, so their loss cannot be normalised")
    mean = total / num_seen
    return BandwidthStatistics(
        l1=absolute / num_seen, l2=squares / num_seen - mean**2, spec=float(np.mean(norms))
    )


def stem_bandwidth(examples: StemExamples, stem: str) -> BandwidthStatistics:
    """Measure every sixteenth training window of one stem, about five minutes of stereo.

    A small set, whose sixteenth windows would not last that long, is looked at more densely.

    Args:
        examples: Where the windows come from; their random shifts are part of the rule.
        stem: One of `examples.stems`.

    Raises:
        SilentStemError: The stem is silent in every window looked at.
    """
    index = examples.stems.index(stem)
    values_per_window = examples.tracks[0].num_channels * examples.grid.chunk_samples
    num_wanted = -(-NUM_VALUES // values_per_window)
    stride = min(WINDOW_STRIDE, max(1, examples.num_items // num_wanted))
    try:
        statistics = bandwidth_statistics(window[index] for window in examples.survey(stride))
    except SilentStemError as error:
        raise SilentStemError(f"stem {stem}: {error.problem}") from error
    logger.info("bandwidths of %s: %s", stem, statistics)
    return statistics


def _spectral_norm(window: npt.NDArray[np.float32]) -> float:
    mono = torch.from_numpy(window.mean(axis=0))
    spectrum = torch.stft(
        mono,
        _N_FFT,
        hop_length=_HOP_LENGTH,
        win_length=_WINDOW_LENGTH,
        window=torch.hann_window(_WINDOW_LENGTH),
        center=True,
        pad_mode="reflect",
        return_complex=True,
    )
    return float(torch.linalg.vector_norm(spectrum))
