"""Change the number of channels of a signal."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sep_pipeline.errors import StemMismatchError


def to_channels(audio: npt.NDArray[np.float32], num_channels: int) -> npt.NDArray[np.float32]:
    """Give a signal the wanted number of channels.

    Args:
        audio: float32, (channel, time).
        num_channels: 1 takes the mean of all channels; more than one repeats a mono signal.

    Returns:
        float32, (num_channels, time).

    Raises:
        StemMismatchError: Several channels cannot be turned into another number greater than one.
    """
    if audio.shape[0] == num_channels:
        return audio
    if num_channels == 1:
        mono: npt.NDArray[np.float32] = audio.mean(axis=0, keepdims=True, dtype=np.float64).astype(np.float32)
        return mono
    if audio.shape[0] == 1:
        return np.repeat(audio, num_channels, axis=0)
    raise StemMismatchError(
        "channels can be joined to mono or repeated from mono only",
        expected=f"1 or {num_channels} channels",
        found=audio.shape[0],
    )
