"""Blocks of samples from an audio file or from raw samples on a byte stream."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from sep_pipeline.audio.containers import read_any
from sep_pipeline.audio.pcm import from_int16
from sep_pipeline.errors import StemMismatchError, TooShortError, TruncatedFileError

Audio = npt.NDArray[np.float32]

RAW_TYPES: dict[str, np.dtype[Any]] = {"s16le": np.dtype("<i2"), "f32le": np.dtype("<f4")}
"""Name of a raw format to the number format of its samples."""


def file_blocks(path: Path, *, sample_rate: int, num_channels: int, block_samples: int) -> Iterator[Audio]:
    """Read an audio file of exactly the wanted kind; nothing is resampled or mixed.

    Args:
        path: WAV, FLAC, MP3, OGG, or with ffmpeg MP4, M4A, AAC.
        sample_rate: The rate that the file must have, in Hz.
        num_channels: The channels that the file must have.
        block_samples: Samples per block; the last one may be shorter.

    Returns:
        Blocks of float32, (channel, time). The file is read and checked before the first one is asked for.

    Raises:
        UnreadableFileError: The file is missing or no audio.
        TruncatedFileError: It ends before its header says.
        StemMismatchError: It has another rate or number of channels.
        TooShortError: It has no samples.
    """
    audio, rate = read_any(path)
    if rate != sample_rate:
        raise StemMismatchError(
            "the file has another sample rate than the model",
            file=path,
            expected=f"{sample_rate} Hz",
            found=f"{rate} Hz",
        )
    if len(audio) != num_channels:
        raise StemMismatchError(
            "the file has another number of channels than the model",
            file=path,
            expected=f"{num_channels} channels",
            found=len(audio),
        )
    if audio.shape[1] == 0:
        raise TooShortError("the file has no samples", file=path, expected="1 sample", found=0)
    starts = range(0, audio.shape[1], block_samples)
    return (audio[:, start : start + block_samples] for start in starts)


def raw_blocks(
    source: BinaryIO, *, raw_format: str, num_channels: int, block_samples: int
) -> Iterator[Audio]:
    """Read interleaved raw samples until the stream ends.

    Args:
        source: The bytes.
        raw_format: A name in `RAW_TYPES`.
        num_channels: Channels in the stream.
        block_samples: Samples per channel that are waited for before a block is given.

    Yields:
        float32, (channel, time).

    Raises:
        TruncatedFileError: The stream ends inside a sample.
    """
    kind = RAW_TYPES[raw_format]
    width = kind.itemsize * num_channels
    while content := source.read(block_samples * width):
        num_samples, rest = divmod(len(content), width)
        values = np.frombuffer(content, dtype=kind, count=num_samples * num_channels)
        samples = values.reshape(num_samples, num_channels).T
        yield from_int16(samples) if raw_format == "s16le" else samples.astype(np.float32)
        if rest:
            raise TruncatedFileError(
                "the input ends inside a sample", expected=f"multiples of {width} bytes", found=f"{rest} more"
            )
