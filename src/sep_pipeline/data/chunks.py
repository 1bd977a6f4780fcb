"""Read short pieces of audio files: 16-bit WAV straight from the disk, other formats through a decoder."""

from __future__ import annotations

import struct
from collections import deque
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from sep_pipeline.audio.io import read_audio
from sep_pipeline.audio.pcm import FULL_SCALE
from sep_pipeline.errors import StemMismatchError, UnreadableFileError

_PCM = 1
_SCALE = np.float32(1 / FULL_SCALE)
# What is in work at a time fits into the cache of a core.
_BLOCK_FRAMES = 1 << 16
_SCALE = np.float32(1 / FULL_SCALE)
# What is in work at a time fits into the cache of a core.
_BLOCK_FRAMES = 1 << 16
# What is in work at a time fits into the cache of a core.
_BLOCK_FRAMES = 1 << 16


@dataclass(frozen=True)
class _PcmLayout:
    """Where the 16-bit samples of a WAV file lie."""

    offset_bytes: int
    num_channels: int


class ChunkReader:
    """Reads pieces of many files; remembers where the samples of each WAV file begin.

    No file stays open and none is mapped, so any number of tracks can be read. Several threads may share one
    reader; it keeps one buffer, as large as the largest piece, for each that reads at the same time. A reader
    can be sent to another process.
    """

    def __init__(self) -> None:
        self._layouts: dict[Path, _PcmLayout | None] = {}
        self._scratches: deque[_Scratch] = deque()

    def __reduce__(self) -> tuple[type[ChunkReader], tuple[()]]:
        return type(self), ()

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
        layout = self._layout(path)
        if layout is None:
            return read_audio(path, start=start, num_frames=num_frames)[0]
        out = np.empty((layout.num_channels, num_frames), dtype=np.float32)
        self._read_pcm(path, layout, start, out)
        return out

    def read_into(self, path: Path, start: int, out: npt.NDArray[np.float32]) -> None:
        """Read a piece into memory that is there already.

        Args:
            path: An audio file of any format `audio.io` decodes.
            start: First frame.
            out: float32, (channel, num_frames), to be overwritten with what `read` gives; any strides.

        Raises:
            StemMismatchError: The file has another number of channels than `out`.
            UnreadableFileError: The file is missing, is no audio file or ends before the piece does.
            TooShortError: A file that needs decoding is shorter than the piece.
        """
        layout = self._layout(path)
        if layout is None:
            audio = read_audio(path, start=start, num_frames=out.shape[1])[0]
            _check_channels(path, len(audio), out)
            out[...] = audio
        else:
            _check_channels(path, layout.num_channels, out)
            self._read_pcm(path, layout, start, out)

    def _layout(self, path: Path) -> _PcmLayout | None:
        if path not in self._layouts:
            self._layouts[path] = _pcm_layout(path)
        return self._layouts[path]

    def _read_pcm(self, path: Path, layout: _PcmLayout, start: int, out: npt.NDArray[np.float32]) -> None:
        try:
            scratch = self._scratches.pop()
        except IndexError:
            scratch = _Scratch()
        try:
            samples = scratch.samples_of(out.size)
            _read_samples(path, layout, start, samples)
            if layout.num_channels == 2:
                _convert_stereo(samples, scratch.halves, out)
            else:
                for channel, row in enumerate(out):
                    np.multiply(samples[channel :: len(out)], _SCALE, out=row, dtype=np.float32)
        finally:
            self._scratches.append(scratch)


class _Scratch:
    """Memory for one reading at a time; fresh memory would be paid for page by page in every read."""

    def __init__(self) -> None:
        self._samples = np.empty(0, dtype="<i2")
        self.halves = np.empty((2, _BLOCK_FRAMES), dtype="<i4")

    def samples_of(self, size: int) -> npt.NDArray[np.int16]:
        """Room for 16-bit samples, which grows to the largest size asked for."""
        if len(self._samples) < size:
            self._samples = np.empty(size, dtype="<i2")
        return self._samples[:size]


def _convert_stereo(
    samples: npt.NDArray[np.int16], halves: npt.NDArray[np.int32], out: npt.NDArray[np.float32]
) -> None:
    """Scale left and right to float32 and take them apart.

    A frame is seen as one 32-bit integer. Its halves come apart in passes over memory in one piece, which is
    faster than picking every second sample; the left sample is moved up and the right one masked, so that both
    are 65536 times too large. No step rounds.
    """
    frames = samples.view("<i4")
    for first in range(0, len(frames), _BLOCK_FRAMES):
        block = frames[first : first + _BLOCK_FRAMES]
        left_right = halves[:, : len(block)]
        np.left_shift(block, 16, out=left_right[0])
        np.bitwise_and(block, -(1 << 16), out=left_right[1])
        room = out[:, first : first + _BLOCK_FRAMES]
        np.multiply(left_right, _SCALE / (1 << 16), out=room, dtype=np.float32, casting="unsafe")


def _read_samples(path: Path, layout: _PcmLayout, start: int, out: npt.NDArray[np.int16]) -> None:
    bytes_per_frame = 2 * layout.num_channels
    num_bytes = _read_bytes(path, layout.offset_bytes + start * bytes_per_frame, out)
    if num_bytes < out.nbytes:
        raise UnreadableFileError(
            "the audio file ends before the chunk that is read from it",
            file=path,
            expected=f"{start + out.nbytes // bytes_per_frame} frames",
            found=f"{start + num_bytes // bytes_per_frame} frames",
        )


def _read_bytes(path: Path, offset: int, out: npt.NDArray[np.int16]) -> int:
    """Fill `out` from the file; gives the number of bytes found, fewer than wanted at the file's end."""
    wanted = out.view(np.uint8).data
    num_bytes = 0
    try:
        with FileIO(path) as stream:
            stream.seek(offset)
            while num_bytes < len(wanted) and (num_read := stream.readinto(wanted[num_bytes:])):
                num_bytes += num_read
    except OSError as error:
        raise UnreadableFileError("the audio file cannot be read", file=path, found=error.strerror) from error
    return num_bytes


def _check_channels(path: Path, num_channels: int, out: npt.NDArray[np.float32]) -> None:
    if num_channels != len(out):
        raise StemMismatchError(
            "the audio file has another number of channels than its track",
            file=path,
            expected=len(out),
            found=num_channels,
        )


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
