"""SDR per frame as museval's BSS Eval v4 defines it, without its filters.

The distortion filters cancel in the SDR, so that it is the plain energy ratio of each frame. ISR, SIR and SAR
do need the filters and are left to museval itself (`museval_scores`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from sep_pipeline.errors import ConfigurationError, StemMismatchError

Stems = npt.NDArray[np.floating[Any]]


def num_frames(num_samples: int, window_samples: int, hop_samples: int) -> int:
    """Number of frames of a signal: the last partial one is dropped, a short signal is one frame."""
    if window_samples >= num_samples:
        return 1
    return (num_samples - window_samples + hop_samples) // hop_samples


def is_silent(signal: Stems) -> bool:
    """Whether the sum over channels is exactly 0 at every sample, which is museval's rule.

    Args:
        signal: (channel, time). Exact antiphase stereo counts as silent.
    """
    return not np.any(np.sum(signal, axis=0))


def silent_frames(stems: Stems, *, window_samples: int, hop_samples: int) -> npt.NDArray[np.bool_]:
    """Tell for every stem and frame whether it is silent.

    Args:
        stems: (stem, channel, time).
        window_samples: Length of a frame.
        hop_samples: Distance between frame starts.

    Returns:
        Boolean, (stem, frame).
    """
    bounds = _frame_bounds(stems.shape[-1], window_samples, hop_samples)
    return np.array(
        [[is_silent(stem[:, start:stop]) for start, stop in bounds] for stem in stems], dtype=np.bool_
    ).reshape(len(stems), len(bounds))


def frame_sdr(
    references: Stems, estimates: Stems, *, window_samples: int, hop_samples: int
) -> npt.NDArray[np.float64]:
    """SDR of every stem in every frame, equal to museval v4.

    Args:
        references: True stems, (stem, channel, time).
        estimates: Estimates of the same shape.
        window_samples: Length of a frame, one second in museval's track scores.
        hop_samples: Distance between frame starts.

    Returns:
        float64, (stem, frame) in dB. NaN for all stems of a frame in which any reference or any estimate is
        silent; +inf where the estimate equals the reference.

    Raises:
        ConfigurationError: Window or hop is not positive.
        StemMismatchError: The shapes differ.
    """
    _check(references, estimates, window_samples, hop_samples)
    frames = {"window_samples": window_samples, "hop_samples": hop_samples}
    has_silence = np.any(silent_frames(references, **frames) | silent_frames(estimates, **frames), axis=0)
    bounds = _frame_bounds(references.shape[-1], window_samples, hop_samples)
    scores = np.empty((len(references), len(bounds)))
    for frame, (start, stop) in enumerate(bounds):
        true = np.asarray(references[..., start:stop], np.float64)
        error = np.asarray(estimates[..., start:stop], np.float64) - true
        with np.errstate(divide="ignore", invalid="ignore"):
            scores[:, frame] = 10.0 * np.log10(np.sum(true**2, axis=(1, 2)) / np.sum(error**2, axis=(1, 2)))
    scores[:, has_silence] = np.nan
    return scores


def _frame_bounds(num_samples: int, window_samples: int, hop_samples: int) -> list[tuple[int, int]]:
    count = num_frames(num_samples, window_samples, hop_samples)
    return [(i * hop_samples, min(i * hop_samples + window_samples, num_samples)) for i in range(count)]


def _check(references: Stems, estimates: Stems, window_samples: int, hop_samples: int) -> None:
    for name, value in (("window_samples", window_samples), ("hop_samples", hop_samples)):
        if value < 1:
            raise ConfigurationError("must be at least 1", parameter=name, found=value)
    if references.shape != estimates.shape:
        raise StemMismatchError(
            "references and estimates differ in shape", expected=references.shape, found=estimates.shape
        )
