"""Reading of short pieces of audio files."""

import struct
from pathlib import Path

import numpy as np
import pytest

from sep_pipeline.audio.io import read_audio, write_audio
from sep_pipeline.data.chunks import ChunkReader
from sep_pipeline.errors import TooShortError, UnreadableFileError

AUDIO = (np.random.default_rng(1).standard_normal((2, 500)) * 0.3).astype(np.float32)


@pytest.mark.parametrize(("name", "subtype"), [("a.wav", "PCM_16"), ("a.wav", "FLOAT"), ("a.flac", "PCM_16")])
@pytest.mark.parametrize("num_channels", [1, 2])
def test_pieces_equal_the_decoded_file(tmp_path: Path, name: str, subtype: str, num_channels: int) -> None:
    path = tmp_path / name
    write_audio(path, AUDIO[:num_channels], 8000, subtype=subtype)  # type: ignore[arg-type]
    whole, _ = read_audio(path)
    reader = ChunkReader()
    for start, length in [(0, 500), (0, 1), (123, 77), (499, 1)]:
        piece = reader.read(path, start, length)
        assert piece.dtype == np.float32
        assert piece.flags.c_contiguous
        np.testing.assert_array_equal(piece, whole[:, start : start + length])


def test_chunks_of_the_header_are_skipped(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    write_audio(path, AUDIO, 8000)
    plain = ChunkReader().read(path, 3, 10)
    content = path.read_bytes()
    with_note = content[:12] + b"LIST" + struct.pack("<I", 5) + b"note!\0" + content[12:]
    path.write_bytes(with_note)
    np.testing.assert_array_equal(ChunkReader().read(path, 3, 10), plain)


def test_a_piece_past_the_end_of_a_wav_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    write_audio(path, AUDIO, 8000)
    with pytest.raises(UnreadableFileError, match=r"a\.wav; expected: 510 frames; found: 500 frames"):
        ChunkReader().read(path, 490, 20)


def test_a_piece_past_the_end_of_a_flac_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.flac"
    write_audio(path, AUDIO, 8000)
    with pytest.raises(TooShortError):
        ChunkReader().read(path, 490, 20)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match=r"gone\.wav"):
        ChunkReader().read(tmp_path / "gone.wav", 0, 1)


def test_a_file_that_vanishes_between_reads_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    write_audio(path, AUDIO, 8000)
    reader = ChunkReader()
    reader.read(path, 0, 1)
    path.unlink()
    with pytest.raises(UnreadableFileError, match=r"a\.wav"):
        reader.read(path, 0, 1)


def test_something_that_is_no_audio_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(b"RIFF\x00\x00\x00\x00WAVEfmt ")
    with pytest.raises(UnreadableFileError, match=r"a\.wav"):
        ChunkReader().read(path, 0, 1)
