"""Read short pieces of audio files: 16-bit WAV straight from the disk, other formats through a decoder."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from sep_pipeline.audio.io import read_audio
from sep_pipeline.audio.pcm import FULL_SCALE
from sep_pipeline.errors import UnreadableFileError

_PCM = 1


@dataclass(frozen=True)
class _PcmLayout:
    """Where the 16-bit samples of a WAV file lie."""

    offset_bytes: int
    num_channels: int


class ChunkReader:
    """Reads pieces of many files; remembers where the samples of each WAV file begin.

    No file stays open, so any number of tracks can be read; several threads may share one reader.
    """

    def __init__(self) -> None:
        self._layouts: dict[Path, _PcmLayout | None] = {}

    def read(self, path: Path, start: int, num_frames: int) -> npt.NDArray[np.float32]:
        """Read a piece.

        Args:
            path: An audio file of any format `audio.io` decodes.
            start: First frame.
            num_frames: Frames to read.

        Returns:
            float32, (channel, num_frames), in [-1, 1], equal to what `audio.io.read_audio` gives.

        Raises:
            UnreadableFileError: The file is missing, is no audio file or ends before the piece does.
            TooShortError: A file that needs decoding is shorter than the piece.
        """
        if path not in self._layouts:
            self._layouts[path] = _pcm_layout(path)
        layout = self._layouts[path]
        if layout is None:
            return read_audio(path, start=start, num_frames=num_frames)[0]
        return _read_pcm(path, layout, start, num_frames)


def _read_pcm(path: Path, layout: _PcmLayout, start: int, num_frames: int) -> npt.NDArray[np.float32]:
    count = num_frames * layout.num_channels
    offset = layout.offset_bytes + 2 * start * layout.num_channels
    try:
        samples = np.fromfile(path, dtype="<i2", count=count, offset=offset)
    except OSError as error:
        raise UnreadableFileError("the audio file cannot be read", file=path, found=error.strerror) from error
    if len(samples) != count:
        raise UnreadableFileError(
            "the audio file ends before the chunk that is read from it",
            file=path,
            expected=f"{start + num_frames} frames",
            found=f"{start + len(samples) // layout.num_channels} frames",
        )
    audio = samples.reshape(num_frames, layout.num_channels).T.astype(np.float32, order="C")
    audio *= np.float32(1 / FULL_SCALE)
    return audio


def _pcm_layout(path: Path) -> _PcmLayout | None:
    """Where the samples begin; None when the file is not plain 16-bit WAV."""
    try:
        with path.open("rb") as stream:
            riff = stream.read(12)
            if riff[:4] != b"RIFF" or riff[8:] != b"WAVE":
                return None
            return _walk_riff(stream)
    except OSError as error:
        raise UnreadableFileError("the audio file cannot be read", file=path, found=error.strerror) from error


def _walk_riff(stream: BinaryIO) -> _PcmLayout | None:
    num_channels = 0
    while len(header := stream.read(8)) == 8:
        name, size = struct.unpack("<4sI", header)
        if name == b"fmt ":
            body = stream.read(size + size % 2)
            coding, num_channels, _, _, _, num_bits = struct.unpack_from("<HHIIHH", body)
            if coding != _PCM or num_bits != 16:
                return None
        elif name == b"data":
            return _PcmLayout(stream.tell(), num_channels) if num_channels else None
        else:
            stream.seek(size + size % 2, 1)
    return None
