"""Change the sample rate of a signal (libsoxr, very high quality)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

QUALITY = "VHQ"


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

    resampled = soxr.resample(np.ascontiguousarray(audio.T), from_hz, to_hz, quality=QUALITY)
    return np.ascontiguousarray(resampled.T, dtype=np.float32)


def resample_blocks(
    blocks: Iterable[npt.NDArray[np.float32]], from_hz: int, to_hz: int
) -> Iterator[npt.NDArray[np.float32]]:
    """Resample a signal that comes in pieces, with the result of `resample` for the whole.

    Args:
        blocks: float32, (channel, time).
        from_hz: Present sample rate.
        to_hz: Wanted sample rate; the pieces come back unchanged when it equals `from_hz`.

    Yields:
        float32, (channel, time); pieces of other lengths, some of them empty.
    """
    if from_hz == to_hz:
        yield from blocks
        return
    import soxr

    stream, rest = None, np.empty((0, 0), dtype=np.float32)
    for block in blocks:
        if stream is None:
            stream = soxr.ResampleStream(from_hz, to_hz, len(block), dtype="float32", quality=QUALITY)
            rest = np.empty((0, len(block)), dtype=np.float32)
        yield stream.resample_chunk(np.ascontiguousarray(block.T)).T
    if stream is not None:
        yield stream.resample_chunk(rest, last=True).T
