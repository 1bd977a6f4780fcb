"""Conversion between floating-point samples and PCM of 16 or 24 bits, exact where the bits suffice."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FULL_SCALE = 32768
FULL_SCALE_24 = 2**23


def to_int16(audio: npt.NDArray[np.floating]) -> npt.NDArray[np.int16]:
    """Round samples to 16 bits and clip what lies outside the range.

    Args:
        audio: Samples of any shape, full scale 1.0.

    Returns:
        int16 of the same shape; `from_int16` followed by this function gives the same integers back.
    """
    samples = np.rint(audio * audio.dtype.type(FULL_SCALE))
    np.clip(samples, -FULL_SCALE, FULL_SCALE - 1, out=samples)
    return samples.astype(np.int16)


def from_int16(audio: npt.NDArray[np.integer]) -> npt.NDArray[np.float32]:
    """Scale 16-bit samples by 1/32768 to float32 in [-1, 1), without rounding."""
    return audio.astype(np.float32) / np.float32(FULL_SCALE)


def to_int24(audio: npt.NDArray[np.floating]) -> npt.NDArray[np.int32]:
    """Round samples to 24 bits and clip what lies outside the range.

    Args:
        audio: Samples of any shape, full scale 1.0.

    Returns:
        int32 of the same shape, the 24 bits at the upper end of the 32, as audio writers take them.
    """
    samples = np.rint(audio.astype(np.float64) * FULL_SCALE_24)
    np.clip(samples, -FULL_SCALE_24, FULL_SCALE_24 - 1, out=samples)
    return samples.astype(np.int32) << 8


def from_int24(audio: npt.NDArray[np.int32]) -> npt.NDArray[np.float32]:
    """Scale what `to_int24` gives to float32 in [-1, 1), without rounding."""
    return (audio >> 8).astype(np.float32) / np.float32(FULL_SCALE_24)
