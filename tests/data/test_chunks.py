"""Reading of short pieces of audio files."""

import pickle
import struct
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from sep_pipeline.audio.io import read_audio, write_audio
from sep_pipeline.data.chunks import ChunkReader
from sep_pipeline.errors import StemMismatchError, TooShortError, UnreadableFileError

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


@pytest.mark.parametrize(("name", "subtype"), [("a.wav", "PCM_16"), ("a.wav", "FLOAT"), ("a.flac", "PCM_16")])
def test_pieces_read_into_memory_equal_those_read_afresh(tmp_path: Path, name: str, subtype: str) -> None:
    path = tmp_path / name
    write_audio(path, AUDIO, 8000, subtype=subtype)  # type: ignore[arg-type]
    reader, room = ChunkReader(), np.full((3, 2, 120), np.nan, dtype=np.float32)
    reader.read_into(path, 123, room[1, :, 20:97])
    np.testing.assert_array_equal(room[1, :, 20:97], reader.read(path, 123, 77))
    assert np.isnan(room).sum() == room.size - 2 * 77


@pytest.mark.parametrize("name", ["a.wav", "a.flac"])
def test_room_for_another_number_of_channels_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    write_audio(path, AUDIO, 8000)
    with pytest.raises(StemMismatchError, match=r"a\.\w+; expected: 1; found: 2"):
        ChunkReader().read_into(path, 0, np.empty((1, 10), dtype=np.float32))


def test_a_small_piece_after_a_large_one_is_exact(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    write_audio(path, AUDIO, 8000)
    reader = ChunkReader()
    reader.read(path, 0, 500)
    np.testing.assert_array_equal(reader.read(path, 7, 3), ChunkReader().read(path, 7, 3))


def test_pieces_that_were_read_stay_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    write_audio(path, AUDIO, 8000)
    reader = ChunkReader()
    first = reader.read(path, 0, 100)
    before = first.copy()
    reader.read(path, 50, 100)
    np.testing.assert_array_equal(first, before)


def test_threads_share_a_reader(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    write_audio(path, AUDIO, 8000)
    whole, _ = read_audio(path)
    reader = ChunkReader()
    with ThreadPoolExecutor(4) as pool:
        pieces = list(pool.map(lambda start: reader.read(path, start, 200), range(300)))
    np.testing.assert_array_equal(pieces, [whole[:, start : start + 200] for start in range(300)])


def test_a_reader_can_be_sent_to_another_process(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    write_audio(path, AUDIO, 8000)
    reader = ChunkReader()
    piece = reader.read(path, 3, 10)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(reader)).read(path, 3, 10), piece)
