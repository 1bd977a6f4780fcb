"""Change the sample rate of a signal (libsoxr, very high quality)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def resample(audio: npt.NDArray[np.float32], from_hz: int, to_hz: int) -> npt.NDArray[np.float32]:
    """Resample a signal.

    Args:
        audio: float32, (channel, time).
        from_hz: Present sample rate.
        to_hz: Wanted sample rate; the signal comes back unchanged when it equals `from_hz`.

    Returns:
        float32, (channel, round(time * to_hz / from_hz)).
    """
    if from_hz == to_hz:
        return audio
    import soxr

    resampled = soxr.resample(np.ascontiguousarray(audio.T), from_hz, to_hz, quality="VHQ")
    return np.ascontiguousarray(resampled.T, dtype=np.float32)
