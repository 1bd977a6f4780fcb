"""Read and write audio files; channels come first and 16-bit samples stay exact."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import numpy.typing as npt

from sep_pipeline.audio.pcm import from_int16, from_int24, to_int16, to_int24
from sep_pipeline.errors import StorageError, TooShortError, TruncatedFileError, UnreadableFileError
from sep_pipeline.files import storage_errors, written_aside

Subtype = Literal["PCM_16", "PCM_24", "FLOAT", "MPEG_LAYER_III"]
WriteBlock = Callable[[npt.NDArray[np.generic]], None]
_WAV_SAMPLE_BYTES: dict[Subtype, int] = {"PCM_16": 2, "PCM_24": 3, "FLOAT": 4}
# The highest constant rate of an MP3 file, 320 kbit/s at 44.1 kHz.
_MP3_SETTINGS = {"bitrate_mode": "CONSTANT", "compression_level": 0.0}
_LARGEST_WAV_BYTES = 2**32 - 2**16
_LONGEST_OGG_PAGE_BYTES = 65307
_OGG_FLAGS_OFFSET = 5


@dataclass(frozen=True, kw_only=True)
class AudioInfo:
    """What the header of an audio file says.

    Attributes:
        sample_rate: Hz.
        num_channels: Number of channels.
        num_frames: Samples per channel.
        subtype: Sample format as libsndfile names it ("PCM_16", "FLOAT").
    """

    sample_rate: int
    num_channels: int
    num_frames: int
    subtype: str

    @property
    def duration_seconds(self) -> float:
        """Length in seconds."""
        return self.num_frames / self.sample_rate


def audio_info(path: Path) -> AudioInfo:
    """Read the header of an audio file.

    Raises:
        UnreadableFileError: The file is missing or is no audio file.
        TruncatedFileError: It ends before its header says.
    """
    with _opened(path) as sound:
        return _info(sound)


def read_audio(
    path: Path, *, start: int = 0, num_frames: int | None = None
) -> tuple[npt.NDArray[np.float32], int]:
    """Read samples from an audio file; only the wanted part is decoded.

    Args:
        path: A file of any format that libsndfile decodes (WAV, FLAC, OGG, MP3).
        start: First frame.
        num_frames: Frames to read; None reads to the end.

    Returns:
        float32, (channel, time), in [-1, 1] (16-bit files give exactly integer / 32768), and the sample
        rate in Hz.

    Raises:
        UnreadableFileError: The file is missing or is no audio file.
        TruncatedFileError: It ends before its header says.
        TooShortError: The wanted part reaches past the end of the file.
    """
    import soundfile

    with _opened(path) as sound:
        wanted = sound.frames - start if num_frames is None else num_frames
        if start < 0 or wanted < 0 or start + wanted > sound.frames:
            raise TooShortError(
                "the file is shorter than what is read from it",
                file=path,
                expected=f"{wanted} frames from frame {start}",
                found=f"{sound.frames} frames",
            )
        try:
            sound.seek(start)
            frames = sound.read(wanted, dtype="float32", always_2d=True)
        except soundfile.LibsndfileError as error:
            raise UnreadableFileError("the audio does not decode", file=path, found=str(error)) from error
        rate = int(sound.samplerate)
    _refuse_missing_frames(path, wanted, len(frames))
    return np.ascontiguousarray(frames.T), rate


@contextmanager
def audio_read_in_blocks(
    path: Path, block_frames: int
) -> Iterator[tuple[AudioInfo, Iterator[npt.NDArray[np.float32]]]]:
    """Read a file from its beginning to its end without holding it.

    Args:
        path: As for `read_audio`.
        block_frames: Frames per block; the last one may be shorter.

    Yields:
        The header, and blocks as `read_audio` gives them. Errors of decoding come with the blocks.

    Raises:
        UnreadableFileError: The file is missing or is no audio file.
        TruncatedFileError: It ends before its header says.
    """
    with _opened(path) as sound:
        info = _info(sound)
        yield info, _blocks(path, sound, info, block_frames)


def _blocks(path: Path, sound: Any, info: AudioInfo, block_frames: int) -> Iterator[npt.NDArray[np.float32]]:
    import soundfile

    num_read = 0
    while True:
        try:
            frames = sound.read(block_frames, dtype="float32", always_2d=True)
        except soundfile.LibsndfileError as error:
            raise UnreadableFileError("the audio does not decode", file=path, found=str(error)) from error
        num_read += len(frames)
        if len(frames):
            yield np.ascontiguousarray(frames.T)
        if len(frames) < block_frames:
            break
    _refuse_missing_frames(path, info.num_frames, num_read)


def write_audio(
    path: Path, audio: npt.NDArray[np.generic], sample_rate: int, *, subtype: Subtype = "PCM_16"
) -> None:
    """Write samples so that `path` is never half written; the suffix chooses the format (.wav, .flac).

    Args:
        path: The file to write; missing folders are made.
        audio: (channel, time); floating point with full scale 1.0, or int16, which is written unchanged.
        sample_rate: Hz.
        subtype: "PCM_16" and "PCM_24" round floating-point samples to so many bits and clip; "FLOAT" writes
            32-bit floats (WAV only), "MPEG_LAYER_III" MP3 files of the highest constant rate.

    Raises:
        StorageError: The folder is not writable or the disk is full.
    """
    import soundfile

    samples = _samples(audio, subtype)
    with written_aside(path) as aside:
        try:
            with storage_errors(path):
                soundfile.write(aside, samples.T, sample_rate, subtype=subtype, **_settings(subtype))
        except soundfile.LibsndfileError as error:
            raise StorageError("the audio file cannot be written", file=path, found=str(error)) from error


@contextmanager
def audio_written_in_blocks(
    path: Path, sample_rate: int, *, num_channels: int, num_frames: int, subtype: Subtype = "PCM_16"
) -> Iterator[WriteBlock]:
    """Write a file whose samples come block by block; it appears when the block of the `with` ends well.

    Args:
        path: As for `write_audio`.
        sample_rate: Hz.
        num_channels: Channels of every block.
        num_frames: Samples per channel of all blocks together, by which the largest files get a header that
            can name their size (RF64 instead of WAV).
        subtype: As for `write_audio`.

    Yields:
        A function that takes the next block, as `audio` of `write_audio`.

    Raises:
        StorageError: The folder is not writable or the disk is full.
    """
    import soundfile

    num_bytes = num_frames * num_channels * _WAV_SAMPLE_BYTES.get(subtype, 0)
    is_large = path.suffix.lower() == ".wav" and num_bytes > _LARGEST_WAV_BYTES
    settings = {"format": "RF64" if is_large else None, **_settings(subtype)}
    with written_aside(path) as aside:
        try:
            with (
                storage_errors(path),
                soundfile.SoundFile(aside, "w", sample_rate, num_channels, subtype, **settings) as sound,
            ):
                yield lambda audio: sound.write(_samples(audio, subtype).T)
        except soundfile.LibsndfileError as error:
            raise StorageError("the audio file cannot be written", file=path, found=str(error)) from error


def _samples(audio: npt.NDArray[np.generic], subtype: Subtype) -> npt.NDArray[Any]:
    is_integer = audio.dtype == np.int16
    if subtype == "PCM_16":
        return audio if is_integer else to_int16(cast("npt.NDArray[np.floating]", audio))
    integers = cast("npt.NDArray[np.integer]", audio)
    samples = from_int16(integers) if is_integer else audio.astype(np.float32)
    return to_int24(samples) if subtype == "PCM_24" else samples


def as_stored(audio: npt.NDArray[np.float32], subtype: Subtype) -> npt.NDArray[np.float32]:
    """What a reader of the written samples gets: rounded and clipped where the format does that.

    Args:
        audio: Full scale 1.0; any shape.
        subtype: As for `write_audio`; what MP3 changes is not known before.
    """
    if subtype == "PCM_16":
        return from_int16(to_int16(audio))
    return from_int24(to_int24(audio)) if subtype == "PCM_24" else audio


def _settings(subtype: Subtype) -> dict[str, Any]:
    return _MP3_SETTINGS if subtype == "MPEG_LAYER_III" else {}


def _info(sound: Any) -> AudioInfo:
    return AudioInfo(
        sample_rate=sound.samplerate,
        num_channels=sound.channels,
        num_frames=sound.frames,
        subtype=sound.subtype,
    )


def _refuse_missing_frames(path: Path, expected: int, found: int) -> None:
    if found != expected:
        raise TruncatedFileError(
            "the audio file is truncated", file=path, expected=f"{expected} frames", found=f"{found} frames"
        )


def _opened(path: Path) -> Any:
    """An open `soundfile.SoundFile`, after the checks that libsndfile leaves out."""
    import soundfile

    try:
        _refuse_truncated(path)
        return soundfile.SoundFile(path)
    except OSError as error:
        raise UnreadableFileError("the file cannot be opened", file=path, found=error.strerror) from error
    except soundfile.LibsndfileError as error:
        raise UnreadableFileError("the file is not readable audio", file=path, found=str(error)) from error


def _refuse_truncated(path: Path) -> None:
    """Libsndfile shortens cut WAV, AIFF and Ogg files without a word, so their own ends are looked at."""
    with path.open("rb") as stream:
        header = stream.read(12)
        size = os.fstat(stream.fileno()).st_size
        if header[:4] in (b"RIFF", b"FORM"):
            _refuse_missing_bytes(path, header, size)
        elif header[:4] == b"OggS":
            stream.seek(max(0, size - _LONGEST_OGG_PAGE_BYTES))
            _refuse_truncated_ogg(path, stream.read())


def _refuse_missing_bytes(path: Path, header: bytes, size: int) -> None:
    """WAV and AIFF files begin with their size, in the byte order of their kind."""
    (told,) = struct.unpack("<I" if header[:4] == b"RIFF" else ">I", header[4:8])
    is_streamed = told in (0, 0xFFFFFFFF)
    if not is_streamed and told + 8 > size:
        raise TruncatedFileError(
            "the audio file is truncated", file=path, expected=f"{told + 8} bytes", found=f"{size} bytes"
        )


def _refuse_truncated_ogg(path: Path, end: bytes) -> None:
    """The last page of a whole stream carries the flag that says so."""
    last_page = end.rfind(b"OggS")
    is_last = 0 <= last_page <= len(end) - _OGG_FLAGS_OFFSET - 1 and end[last_page + _OGG_FLAGS_OFFSET] & 4
    if not is_last:
        raise TruncatedFileError(
            "the audio file is truncated", file=path, expected="a last page", found="the middle of the stream"
        )
