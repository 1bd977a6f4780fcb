"""Level of a signal: integrated loudness (ITU-R BS.1770-4), peak, and RMS per frame."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

BLOCK_SECONDS = 0.4
BLOCK_HOPS = 4
ABSOLUTE_GATE_LUFS = -70.0
RELATIVE_GATE_DB = -10.0


def integrated_loudness(audio: npt.NDArray[np.floating], sample_rate: int) -> float:
    """Gated loudness of a whole signal by ITU-R BS.1770-4.

    Args:
        audio: (channel, time), full scale 1.0, one or two channels.
        sample_rate: Hz.

    Returns:
        LUFS; minus infinity for silence and for signals shorter than one block of 0.4 s.
    """
    if audio.shape[-1] < BLOCK_SECONDS * sample_rate or not np.any(audio):
        return -math.inf
    energy = _block_energy(_k_weighted(audio, sample_rate), sample_rate)
    with np.errstate(divide="ignore"):
        levels = -0.691 + 10.0 * np.log10(energy)
    is_loud = levels >= ABSOLUTE_GATE_LUFS
    if not is_loud.any():
        return -math.inf
    relative_gate = -0.691 + 10.0 * math.log10(energy[is_loud].mean()) + RELATIVE_GATE_DB
    return -0.691 + 10.0 * math.log10(energy[is_loud & (levels > relative_gate)].mean())


def _k_weighted(audio: npt.NDArray[np.floating], sample_rate: int) -> npt.NDArray[np.float64]:
    """K-weighting by pyloudnorm's filters, whose coefficients fit any sample rate."""
    import pyloudnorm
    from scipy.signal import sosfilt

    stages = list(pyloudnorm.Meter(sample_rate)._filters.values())
    sections = np.array([[*(stage.passband_gain * stage.b), *stage.a] for stage in stages])
    weighted: npt.NDArray[np.float64] = sosfilt(sections, np.asarray(audio, dtype=np.float64), axis=-1)
    return weighted


def _block_energy(weighted: npt.NDArray[np.float64], sample_rate: int) -> npt.NDArray[np.float64]:
    """Mean square of blocks of 0.4 s that overlap by three quarters, summed over channels of weight one."""
    hop_samples = round(BLOCK_SECONDS / BLOCK_HOPS * sample_rate)
    num_hops = weighted.shape[-1] // hop_samples
    framed = weighted[:, : num_hops * hop_samples].reshape(weighted.shape[0], num_hops, hop_samples)
    hops = np.einsum("cht,cht->h", framed, framed)
    blocks = np.lib.stride_tricks.sliding_window_view(hops, BLOCK_HOPS)
    energy: npt.NDArray[np.float64] = blocks.sum(axis=-1) / (BLOCK_HOPS * hop_samples)
    return energy


def to_decibels(amplitude: float) -> float:
    """20 log10 of an amplitude; minus infinity for zero."""
    return 20.0 * math.log10(amplitude) if amplitude > 0 else -math.inf


def frame_rms_db(
    audio: npt.NDArray[np.floating], sample_rate: int, *, frame_seconds: float = 1.0
) -> npt.NDArray[np.float64]:
    """RMS level of consecutive frames over all channels.

    Args:
        audio: (channel, time), full scale 1.0.
        sample_rate: Hz.
        frame_seconds: Frame length; the last frame may be shorter.

    Returns:
        float64, (frame,), dBFS; minus infinity for silent frames.
    """
    frame_samples = max(1, round(frame_seconds * sample_rate))
    num_frames = audio.shape[-1]
    if num_frames == 0:
        return np.empty(0)
    starts = np.arange(0, num_frames, frame_samples)
    power: npt.NDArray[Any] = np.square(audio, dtype=np.float64).mean(axis=0)
    lengths = np.diff(np.append(starts, num_frames))
    with np.errstate(divide="ignore"):
        levels: npt.NDArray[np.float64] = 10.0 * np.log10(np.add.reduceat(power, starts) / lengths)
    return levels


def silent_spans(
    levels_db: npt.NDArray[np.float64], *, threshold_db: float = -60.0, frame_seconds: float = 1.0
) -> list[tuple[float, float]]:
    """Stretches in which every frame lies under a threshold.

    Args:
        levels_db: (frame,), from `frame_rms_db`.
        threshold_db: A frame under this level is silent.
        frame_seconds: Frame length of `levels_db`.

    Returns:
        Start and end of each stretch in seconds.
    """
    is_silent = np.concatenate(([False], levels_db < threshold_db, [False]))
    edges = np.flatnonzero(is_silent[1:] != is_silent[:-1])
    return [
        (float(start) * frame_seconds, float(end) * frame_seconds)
        for start, end in zip(edges[::2], edges[1::2], strict=True)
    ]
