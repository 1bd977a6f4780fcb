"""Decode audio that libsndfile does not (MP4, M4A, AAC), one stream at a time, with the program ffmpeg."""

from __future__ import annotations

import re
import shutil
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt

from sep_pipeline.audio.io import read_audio
from sep_pipeline.errors import ConfigurationError, TruncatedFileError, UnreadableFileError

CONTAINER_SUFFIXES = (".mp4", ".m4a", ".aac")

# Sun's AU format: magic, offset of the samples, their size, encoding, sample rate, channels; big endian.
_AU_HEADER = struct.Struct(">4s5I")
_SAMPLE_BYTES = 4
_BLOCK_FRAMES = 2**18


def read_any(path: Path, *, stream: int = 0) -> tuple[npt.NDArray[np.float32], int]:
    """Read one audio stream of a file of any supported format; the suffix says which.

    Args:
        path: A container (.mp4, .m4a, .aac), or a file that libsndfile decodes.
        stream: Number of the audio stream, from 0; other files than containers have only one.

    Returns:
        float32, (channel, time), and the sample rate in Hz.

    Raises:
        UnreadableFileError: The file is missing, damaged or has no such stream.
        TruncatedFileError: It ends before its header says.
        ConfigurationError: ffmpeg is needed and missing.
    """
    if path.suffix.lower() in CONTAINER_SUFFIXES:
        return read_container(path, stream)
    if stream != 0:
        raise UnreadableFileError(
            "the file has no such audio stream", file=path, expected="stream 0", found=f"stream {stream}"
        )
    return read_audio(path)


def read_container(path: Path, stream: int = 0) -> tuple[npt.NDArray[np.float32], int]:
    """Decode one audio stream of a container; see `container_read_in_blocks`.

    Args:
        path: The file.
        stream: Number of the audio stream, from 0; pictures and texts do not count.

    Returns:
        float32, (channel, time), and the sample rate in Hz.

    Raises:
        UnreadableFileError: The file is missing, damaged or has no such stream.
        TruncatedFileError: It ends before its header says.
        ConfigurationError: ffmpeg is missing.
    """
    with container_read_in_blocks(path, _BLOCK_FRAMES, stream=stream) as (sample_rate, num_channels, blocks):
        none = np.empty((num_channels, 0), dtype=np.float32)
        return np.concatenate([none, *blocks], axis=1), sample_rate


@contextmanager
def container_read_in_blocks(
    path: Path, block_frames: int, *, stream: int = 0
) -> Iterator[tuple[int, int, Iterator[npt.NDArray[np.float32]]]]:
    """Decode one audio stream of a container, or of any other file that ffmpeg reads, without holding it.

    The length may exceed that of the encoded audio by some hundreds of samples of padding, equally in all
    streams of a file; it depends on ffmpeg's version. Samples may exceed 1.0 and are not clipped. Whatever
    ffmpeg reports as an error counts as damage, even where it goes on to give the samples that it could read.

    Args:
        path: The file.
        block_frames: Frames per block; the last one may be shorter.
        stream: Number of the audio stream, from 0; pictures and texts do not count.

    Yields:
        Sample rate in Hz, number of channels, and blocks of float32, (channel, time). Damage in the middle of
        a file is found, and said, with the last block.

    Raises:
        UnreadableFileError: The file is missing, damaged or has no such stream.
        TruncatedFileError: It ends before its header says.
        ConfigurationError: ffmpeg is missing.
    """
    if not path.is_file():
        raise UnreadableFileError("the file cannot be opened", file=path, found="no such file")
    command = [_ffmpeg(path), "-nostdin", "-v", "error", "-i", f"file:{path}"]
    command += ["-map", f"0:a:{stream}", "-c:a", "pcm_f32be", "-f", "au", "pipe:1"]
    with (
        tempfile.TemporaryFile() as complaints,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=complaints) as process,
    ):
        try:
            assert process.stdout is not None
            header = process.stdout.read(_AU_HEADER.size)
            if len(header) < _AU_HEADER.size:
                _refuse_damage(path, stream, process, complaints)
            _, offset, _, _, sample_rate, num_channels = _AU_HEADER.unpack(header)
            process.stdout.read(offset - _AU_HEADER.size)

            def blocks(source: IO[bytes] = process.stdout) -> Iterator[npt.NDArray[np.float32]]:
                while content := source.read(block_frames * num_channels * _SAMPLE_BYTES):
                    frames = np.frombuffer(content, dtype=">f4").reshape(-1, num_channels)
                    yield np.ascontiguousarray(frames.T, dtype=np.float32)
                _refuse_damage(path, stream, process, complaints)

            yield sample_rate, num_channels, blocks()
        finally:
            process.kill()


def _refuse_damage(path: Path, stream: int, process: subprocess.Popen[bytes], complaints: IO[bytes]) -> None:
    process.wait()
    complaints.seek(0)
    said = complaints.read().decode(errors="replace").strip()
    if process.returncode != 0 or said:
        is_cut = "partial file" in said
        raise (TruncatedFileError if is_cut else UnreadableFileError)(
            "the audio file is truncated" if is_cut else f"audio stream {stream} does not decode",
            file=path,
            found=f"ffmpeg says: {_first_complaint(said)}",
        )


def _ffmpeg(path: Path) -> str:
    """The program on the PATH, else the one beside the running Python."""
    found = shutil.which("ffmpeg") or shutil.which("ffmpeg", path=str(Path(sys.executable).parent))
    if found is None:
        raise ConfigurationError(
            "ffmpeg, which decodes this kind of file, is not installed",
            file=path,
            expected="the system's ffmpeg package, or the one that `make setup` links into .venv/bin",
        )
    return found


def _first_complaint(said: str) -> str:
    """The line that tells of a cut file, since ffmpeg's threads speak in any order; else the first, the cause."""
    lines = said.split("\n")
    first = next((line for line in lines if "partial file" in line), lines[0])
    return re.sub(r"^(\[[^\]]*\] ?)+", "", first) or "nothing"
