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

_LENGTH_TAGS = (b"Xing", b"Info", b"VBRI")
_ID3_HEADER_BYTES = 10
_FIRST_FRAME_BYTES = 1024


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
    """Open a song.

    libsndfile is asked first, and ffmpeg where it does not know the format. Containers go to ffmpeg, and so do MPEG
    files that do not tell their length, of which libsndfile guesses it and leaves out the rest.

    Args:
        path: The file.
        block_frames: Frames per block; the last one may be shorter.

    Raises:
        UnreadableFileError: The file is missing, or neither of them reads it.
        TruncatedFileError: It ends before its header says.
        ConfigurationError: ffmpeg is needed and missing.
    """
    with ExitStack() as stack:
        if path.suffix.lower() in CONTAINER_SUFFIXES or _is_mpeg_of_unknown_length(path):
            decoding = _by_ffmpeg(stack, path, block_frames)
        else:
            decoding = _by_libsndfile(stack, path, block_frames)
        yield decoding


def _by_libsndfile(stack: ExitStack, path: Path, block_frames: int) -> Decoding:
    """What libsndfile reads, else ffmpeg; where that is missing or fails, too, the first complaint stands."""
    try:
        info, blocks = stack.enter_context(audio_read_in_blocks(path, block_frames))
    except TruncatedFileError:
        raise
    except UnreadableFileError as refusal:
        try:
            return _by_ffmpeg(stack, path, block_frames)
        except (UnreadableFileError, ConfigurationError):
            raise refusal from None
    return Decoding(sample_rate=info.sample_rate, num_channels=info.num_channels, blocks=blocks)


def _by_ffmpeg(stack: ExitStack, path: Path, block_frames: int) -> Decoding:
    opened = container_read_in_blocks(path, block_frames)
    sample_rate, num_channels, blocks = stack.enter_context(opened)
    return Decoding(sample_rate=sample_rate, num_channels=num_channels, blocks=blocks)


def _is_mpeg_of_unknown_length(path: Path) -> bool:
    """Whether this is MPEG audio whose first frame is not the one that encoders put there to tell the length."""
    try:
        with path.open("rb") as stream:
            head = stream.read(_ID3_HEADER_BYTES)
            has_id3 = head[:3] == b"ID3" and len(head) == _ID3_HEADER_BYTES
            stream.seek(_ID3_HEADER_BYTES + _seven_bits_each(head[6:]) if has_id3 else 0)
            first = stream.read(_FIRST_FRAME_BYTES)
    except OSError:
        return False
    # Eleven bits that are set begin a frame; Layer 0, which AAC uses, is none of MPEG's three.
    is_mpeg = len(first) > 1 and first[0] == 0xFF and first[1] & 0xE0 == 0xE0 and first[1] & 0x06 != 0
    return is_mpeg and not any(tag in first for tag in _LENGTH_TAGS)


def _seven_bits_each(content: bytes) -> int:
    size = 0
    for byte in content:
        size = size << 7 | byte & 0x7F
    return size
