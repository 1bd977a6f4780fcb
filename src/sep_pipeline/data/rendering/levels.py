"""Levels of rendered stems: equal loudness, one common gain, a mixture that is their exact integer sum."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sep_pipeline.audio.loudness import integrated_loudness
from sep_pipeline.audio.pcm import to_int16


@dataclass(frozen=True, kw_only=True)
class LevelledStems:
    """Stems at their final level.

    Attributes:
        stems: Key to int16, (channel, time); silent stems are left out.
        mixture: int16, (channel, time), the sum of the stems.
        loudness_lufs: Key to integrated loudness before any gain; minus infinity for silent stems.
        overall_gain: Common gain that keeps the mixture under the target peak; 1.0 when it was low enough.
    """

    stems: Mapping[str, npt.NDArray[np.int16]]
    mixture: npt.NDArray[np.int16]
    loudness_lufs: Mapping[str, float]
    overall_gain: float


def level_stems(
    stems: Mapping[str, npt.NDArray[np.float32]],
    *,
    sample_rate: int,
    loudness_lufs: float,
    target_peak_dbfs: float,
) -> LevelledStems:
    """Bring stems to one loudness and quantise them so that the mixture is their sum bit by bit.

    The gain rule is Slakh2100's, except that the peak of a single stem counts as the mixture's does: stems
    can cancel each other, and none may clip. Quantising comes before summing; Slakh's order leaves a
    difference of up to (stems + 1) / 2 steps.

    Args:
        stems: Key to float32, (channel, time), all of one shape; at least one.
        sample_rate: Hz.
        loudness_lufs: Integrated loudness of each stem before the common gain.
        target_peak_dbfs: Largest peak of mixture and stems; one that reaches it is brought down to it.

    Returns:
        Stems and mixture as 16-bit samples. The mixture is silent when every stem is.
    """
    measured = {key: integrated_loudness(audio, sample_rate) for key, audio in stems.items()}
    scaled = {
        key: audio * np.float32(10 ** ((loudness_lufs - measured[key]) / 20))
        for key, audio in stems.items()
        if math.isfinite(measured[key])
    }
    gain = _common_gain(scaled, 10 ** (target_peak_dbfs / 20))
    quantised = {key: to_int16(audio * np.float32(gain)) for key, audio in scaled.items()}
    total = np.zeros(next(iter(stems.values())).shape, dtype=np.int32)
    for audio in quantised.values():
        total += audio
    assert np.abs(total).max(initial=0) < 32768, "the gain rule leaves room for the rounding of every stem"
    return LevelledStems(
        stems=quantised, mixture=total.astype(np.int16), loudness_lufs=measured, overall_gain=gain
    )


def _common_gain(stems: Mapping[str, npt.NDArray[np.float32]], target_peak: float) -> float:
    if not stems:
        return 1.0
    mixture = np.zeros_like(next(iter(stems.values())))
    for audio in stems.values():
        mixture += audio
    peak = max(_peak(audio) for audio in (mixture, *stems.values()))
    return target_peak / peak if peak >= target_peak else 1.0


def _peak(audio: npt.NDArray[np.float32]) -> float:
    return max(float(audio.max()), -float(audio.min()))
