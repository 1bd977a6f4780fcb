"""Read short pieces of audio files: 16-bit WAV straight from the disk, other formats through a decoder."""

from __future__ import annotations

import struct
import threading
from dataclasses import dataclass
from io import RawIOBase
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from sep_pipeline.audio.io import read_audio
from sep_pipeline.audio.pcm import FULL_SCALE
from sep_pipeline.errors import StemMismatchError, UnreadableFileError

_PCM = 1
_SCALE = np.float32(1 / FULL_SCALE)
# What is in work at a time fits into the cache of a core.
_BLOCK_FRAMES = 1 << 16


@dataclass(frozen=True)
class _PcmLayout:
    """Where the 16-bit samples of a WAV file lie."""

    offset_bytes: int
    num_channels: int


class ChunkReader:
    """Reads pieces of many files; remembers where the samples of each WAV file begin.

    No file stays open and none is mapped, so any number of tracks can be read; several threads may share one
    reader, each with its own small buffers. A reader can be sent to another process.
    """

    def __init__(self) -> None:
        self._layouts: dict[Path, _PcmLayout | None] = {}
        self._scratches = threading.local()

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
        bytes_per_frame = 2 * layout.num_channels
        done = 0
        try:
            with path.open("rb", buffering=0) as stream:
                stream.seek(layout.offset_bytes + start * bytes_per_frame)
                while done < out.shape[1]:
                    block = out[:, done : done + _BLOCK_FRAMES]
                    samples = self._scratch("samples", np.int16, block.size)
                    num_bytes = _fill_from(stream, samples)
                    if num_bytes < samples.nbytes:
                        found = start + done + num_bytes // bytes_per_frame
                        raise _ends_early(path, start + out.shape[1], found)
                    self._convert(samples, block)
                    done += block.shape[1]
        except OSError as error:
            raise UnreadableFileError(
                "the audio file cannot be read", file=path, found=error.strerror
            ) from error

    def _convert(self, samples: npt.NDArray[np.int16], out: npt.NDArray[np.float32]) -> None:
        """Scale interleaved samples to float32, (channel, time)."""
        if len(out) != 2:
            for channel, row in enumerate(out):
                np.multiply(samples[channel :: len(out)], _SCALE, out=row, dtype=np.float32)
            return
        # Both samples of a stereo frame as one integer of 32 bits: taking them apart as its halves goes over
        # memory in one piece, which is faster than picking every second sample. No step rounds.
        frames = samples.view("<i4")
        halves = self._scratch("halves", np.int32, out.size).reshape(out.shape)
        np.left_shift(frames, 16, out=halves[0])
        np.bitwise_and(frames, -(1 << 16), out=halves[1])
        np.multiply(halves, _SCALE / (1 << 16), out=out, dtype=np.float32, casting="unsafe")

    def _scratch(self, name: str, dtype: type, size: int) -> npt.NDArray[Any]:
        """Memory of this thread; fresh memory would be paid for page by page in every read."""
        scratch: npt.NDArray[Any] | None = getattr(self._scratches, name, None)
        if scratch is None or len(scratch) < size:
            scratch = np.empty(size, dtype=np.dtype(dtype).newbyteorder("<"))
            setattr(self._scratches, name, scratch)
        return scratch[:size]


def _fill_from(stream: RawIOBase, out: npt.NDArray[np.int16]) -> int:
    """Read into `out`; gives the number of bytes found, fewer than wanted at the file's end."""
    wanted = out.view(np.uint8).data
    num_bytes = 0
    while num_bytes < len(wanted) and (num_read := stream.readinto(wanted[num_bytes:])):
        num_bytes += num_read
    return num_bytes


def _ends_early(path: Path, expected: int, found: int) -> UnreadableFileError:
    return UnreadableFileError(
        "the audio file ends before the chunk that is read from it",
        file=path,
        expected=f"{expected} frames",
        found=f"{found} frames",
    )


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
