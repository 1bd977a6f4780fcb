"""Where the stems go: a file each, or raw samples on a byte stream."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from sep_pipeline.audio.pcm import to_int16
from sep_pipeline.commands.stream.inputs import RAW_TYPES
from sep_pipeline.errors import ConfigurationError, StorageError
from sep_pipeline.files import require_writable, storage_errors, written_aside

Audio = npt.NDArray[np.float32]
Writer = Callable[[Audio], None]
"""Takes the next samples of the stems: float32, (stem, channel, time)."""

_SUBTYPES = {"s16le": "PCM_16", "f32le": "FLOAT"}


def stem_paths(folder: Path, stems: Sequence[str]) -> list[Path]:
    """The file of each stem."""
    return [folder / f"{stem}.wav" for stem in stems]


def check_outputs(paths: Sequence[Path], *, should_overwrite: bool) -> None:
    """Find out before any work whether the files can be written, and keep what is there.

    Raises:
        ConfigurationError: One of the files exists and should not be replaced.
        StorageError: The folder of one cannot be written to, or a folder bears its name.
    """
    for path in paths:
        require_writable(path)
        if path.is_dir():
            raise StorageError("a folder bears the name of the file", file=path)
        if path.exists() and not should_overwrite:
            raise ConfigurationError(
                "the file exists", file=path, expected="--overwrite, or another place to write to"
            )


@contextmanager
def stem_files(
    paths: Sequence[Path], *, sample_rate: int, num_channels: int, raw_format: str
) -> Iterator[Writer]:
    """Open a WAV file per stem, which appears only when all samples have been written.

    Args:
        paths: The files, in the order of the stems.
        sample_rate: In Hz.
        num_channels: Channels per stem.
        raw_format: "s16le" writes 16 bits, rounded and clipped, "f32le" 32-bit floats.

    Raises:
        StorageError: The folder is not writable or the disk is full; no file appears.
    """
    import soundfile

    with ExitStack() as stack:
        sounds = []
        for path in paths:
            aside = stack.enter_context(written_aside(path))
            sound = soundfile.SoundFile(aside, "w", sample_rate, num_channels, _SUBTYPES[raw_format])
            sounds.append(stack.enter_context(sound))

        def write(stems: Audio) -> None:
            for path, sound, stem in zip(paths, sounds, stems, strict=True):
                with storage_errors(path):
                    sound.write(_encoded(stem.T, raw_format))

        yield write


def raw_writer(sink: BinaryIO, *, raw_format: str) -> Writer:
    """Write raw samples, those of all channels of the first stem, then of the second, and so on, per instant.

    The writer raises `StorageError` where the stream is a file on a disk that is full.
    """

    def write(stems: Audio) -> None:
        num_stems, num_channels, num_samples = stems.shape
        channels = stems.reshape(num_stems * num_channels, num_samples)
        with storage_errors(Path("standard output")):
            sink.write(_encoded(channels.T, raw_format).tobytes())
            sink.flush()

    return write


def _encoded(samples: Audio, raw_format: str) -> npt.NDArray[np.generic]:
    """(time, channel) in the number format of the output."""
    values: npt.NDArray[Any] = to_int16(samples) if raw_format == "s16le" else samples
    return np.ascontiguousarray(values).astype(RAW_TYPES[raw_format], copy=False)
