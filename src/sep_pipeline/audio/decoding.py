"""Read a song of any format that libsndfile or ffmpeg knows, from its beginning to its end, in blocks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sep_pipeline.audio.containers import CONTAINER_SUFFIXES, container_read_in_blocks
from sep_pipeline.audio.io import audio_read_in_blocks
from sep_pipeline.errors import ConfigurationError, TruncatedFileError, UnreadableFileError


@dataclass(frozen=True, kw_only=True)
class Decoding:
    """A song that is being read.

    Attributes:
        sample_rate: In Hz.
        num_channels: Number of channels.
        blocks: float32, (channel, time); errors in the middle of a file come with them.
    """

    sample_rate: int
    num_channels: int
    blocks: Iterator[npt.NDArray[np.float32]]


@contextmanager
def decoded(path: Path, block_frames: int) -> Iterator[Decoding]:
    """Open a song. libsndfile is asked first, but for containers, and ffmpeg where it does not know the format.

    Args:
        path: The file.
        block_frames: Frames per block; the last one may be shorter.

    Raises:
        UnreadableFileError: The file is missing, or neither of them reads it.
        TruncatedFileError: It ends before its header says.
        ConfigurationError: ffmpeg is needed and missing.
    """
    with ExitStack() as stack:
        if path.suffix.lower() in CONTAINER_SUFFIXES:
            decoding = _by_ffmpeg(stack, path, block_frames)
        else:
            try:
                info, blocks = stack.enter_context(audio_read_in_blocks(path, block_frames))
                decoding = Decoding(
                    sample_rate=info.sample_rate, num_channels=info.num_channels, blocks=blocks
                )
            except TruncatedFileError:
                raise
            except UnreadableFileError as error:
                decoding = _where_libsndfile_fails(stack, path, block_frames, error)
        yield decoding


def _where_libsndfile_fails(
    stack: ExitStack, path: Path, block_frames: int, refusal: UnreadableFileError
) -> Decoding:
    """What ffmpeg makes of the file; without it, or if it makes nothing, libsndfile's complaint stands."""
    try:
        return _by_ffmpeg(stack, path, block_frames)
    except (UnreadableFileError, ConfigurationError):
        raise refusal from None


def _by_ffmpeg(stack: ExitStack, path: Path, block_frames: int) -> Decoding:
    opened = container_read_in_blocks(path, block_frames)
    sample_rate, num_channels, blocks = stack.enter_context(opened)
    return Decoding(sample_rate=sample_rate, num_channels=num_channels, blocks=blocks)
