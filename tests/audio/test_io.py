"""Audio files: exact 16-bit samples, partial reads and typed errors."""

from __future__ import annotations

import errno
from pathlib import Path

import numpy as np
import pytest
import soundfile

from sep_pipeline.audio.io import audio_info, read_audio, write_audio
from sep_pipeline.errors import StorageError, TooShortError, TruncatedFileError, UnreadableFileError


@pytest.fixture
def every_value() -> np.ndarray:
    return np.arange(-32768, 32768, dtype=np.int16).reshape(2, -1)


@pytest.mark.parametrize("suffix", [".wav", ".flac"])
def test_every_16_bit_value_survives(tmp_path: Path, every_value: np.ndarray, suffix: str) -> None:
    path = tmp_path / f"all{suffix}"
    write_audio(path, every_value, 44100)
    audio, rate = read_audio(path)
    assert (audio.dtype, audio.shape, rate) == (np.float32, (2, 32768), 44100)
    assert np.array_equal(audio, every_value / np.float32(32768))
    write_audio(path, audio, 44100)
    assert np.array_equal(soundfile.read(path, dtype="int16")[0].T, every_value)


def test_pcm_rounds_to_nearest_and_clips(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    write_audio(path, np.array([[2.0, -2.0, 0.6 / 32768, -0.6 / 32768]]), 8000)
    assert soundfile.read(path, dtype="int16")[0].tolist() == [32767, -32768, 1, -1]


def test_float_files_keep_values_beyond_full_scale(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    audio = np.array([[2.5, -1e-6]], dtype=np.float32)
    write_audio(path, audio, 8000, subtype="FLOAT")
    assert np.array_equal(read_audio(path)[0], audio)
    assert audio_info(path).subtype == "FLOAT"


def test_integers_written_as_floats_are_scaled(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    write_audio(path, np.array([[16384]], dtype=np.int16), 8000, subtype="FLOAT")
    assert read_audio(path)[0].tolist() == [[0.5]]


def test_a_part_is_the_slice_of_the_whole(tmp_path: Path, every_value: np.ndarray) -> None:
    path = tmp_path / "all.flac"
    write_audio(path, every_value, 44100)
    whole, _ = read_audio(path)
    part, _ = read_audio(path, start=1000, num_frames=77)
    assert np.array_equal(part, whole[:, 1000:1077])


def test_info_reads_the_header(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    write_audio(path, np.zeros((2, 4000), dtype=np.int16), 8000)
    info = audio_info(path)
    assert (info.sample_rate, info.num_channels, info.num_frames, info.duration_seconds) == (
        8000,
        2,
        4000,
        0.5,
    )


def test_reading_past_the_end_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    write_audio(path, np.zeros((1, 100), dtype=np.int16), 8000)
    with pytest.raises(TooShortError, match=r"20 frames from frame 90.*100 frames"):
        read_audio(path, start=90, num_frames=20)


@pytest.mark.parametrize(
    ("suffix", "error"),
    [
        (".wav", TruncatedFileError),
        (".aiff", TruncatedFileError),
        (".ogg", TruncatedFileError),
        (".mp3", TruncatedFileError),
        (".flac", UnreadableFileError),  # its decoder cannot tell a missing end from a damaged middle
    ],
)
def test_truncated_files_are_refused(tmp_path: Path, suffix: str, error: type[Exception]) -> None:
    path = tmp_path / f"a{suffix}"
    noise = np.random.default_rng(0).uniform(-0.3, 0.3, (40000, 2))
    soundfile.write(path, noise, 8000)
    assert read_audio(path)[0].shape[0] == 2
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(error) as caught:
        read_audio(path)
    assert caught.value.file == path


def test_missing_and_foreign_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match="cannot be opened"):
        read_audio(tmp_path / "none.wav")
    path = tmp_path / "text.wav"
    path.write_text("no audio at all")
    with pytest.raises(UnreadableFileError, match="not readable audio"):
        audio_info(path)


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.wav"
    write_audio(path, np.ones((1, 10), dtype=np.int16), 8000)
    before = path.read_bytes()

    def full(*args: object, **kwargs: object) -> None:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(soundfile, "write", full)
    with pytest.raises(StorageError, match="disk is full"):
        write_audio(path, np.zeros((1, 10), dtype=np.int16), 8000)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["a.wav"]
