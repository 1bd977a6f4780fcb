"""Songs of any format in blocks: libsndfile's own, ffmpeg's, and MPEG files that do not tell their length."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from sep_pipeline.audio import containers
from sep_pipeline.audio.decoding import decoded
from sep_pipeline.audio.io import read_audio, write_audio
from sep_pipeline.errors import ConfigurationError, TruncatedFileError, UnreadableFileError

RATE = 44_100
NUM_SAMPLES = 20_000
ENCODER_PADDING = 4000

Encode = Callable[..., Path]


@pytest.fixture
def song() -> np.ndarray:
    time = np.arange(NUM_SAMPLES) / RATE
    return (0.3 * np.sin(2 * np.pi * np.array([[440.0], [1000.0]]) * time)).astype(np.float32)


@pytest.fixture
def encode(tmp_path: Path, song: np.ndarray) -> Encode:
    """Write the song in a format of ffmpeg's; `options` go to the encoder."""
    program = shutil.which("ffmpeg") or str(Path(sys.executable).parent / "ffmpeg")

    def make(name: str, *options: str) -> Path:
        write_audio(tmp_path / "source.wav", song, RATE)
        command = [program, "-nostdin", "-v", "error", "-y", "-i", str(tmp_path / "source.wav"), *options]
        subprocess.run([*command, str(tmp_path / name)], check=True)
        return tmp_path / name

    return make


def samples_of(path: Path, block_frames: int = 3000) -> np.ndarray:
    with decoded(path, block_frames) as decoding:
        blocks = list(decoding.blocks)
        assert all(block.shape[1] == block_frames for block in blocks[:-1])
        assert (decoding.sample_rate, decoding.num_channels) == (RATE, 2)
    return np.concatenate(blocks, axis=1)


@pytest.mark.parametrize("name", ["song.wav", "song.flac"])
@pytest.mark.parametrize("block_frames", [1000, 3000, NUM_SAMPLES + 1])
def test_blocks_make_the_file(tmp_path: Path, song: np.ndarray, name: str, block_frames: int) -> None:
    write_audio(tmp_path / name, song, RATE)
    whole, _ = read_audio(tmp_path / name)
    np.testing.assert_array_equal(samples_of(tmp_path / name, block_frames), whole)


@pytest.mark.parametrize("name", ["song.m4a", "song.mka", "song.wv", "song.mp2"])
def test_ffmpeg_reads_what_libsndfile_does_not(encode: Encode, song: np.ndarray, name: str) -> None:
    samples = samples_of(encode(name))
    assert 0 <= samples.shape[1] - NUM_SAMPLES < ENCODER_PADDING
    spectra = [np.abs(np.fft.rfft(audio[:, 2000:18_000])) for audio in (samples, song)]
    np.testing.assert_array_equal(*(spectrum.argmax(axis=1) for spectrum in spectra))
    np.testing.assert_allclose(*(spectrum.max(axis=1) for spectrum in spectra), rtol=0.02)


@pytest.mark.parametrize("options", [("-b:a", "128k"), ("-q:a", "5")])
@pytest.mark.parametrize("tags", [(), ("-id3v2_version", "0")])
def test_mp3_files_that_do_not_tell_their_length_are_read_whole(
    encode: Encode, options: tuple[str, ...], tags: tuple[str, ...]
) -> None:
    title = ("-metadata", f"title={'long ' * 100}")
    samples = samples_of(encode("song.mp3", *options, *tags, *title, "-write_xing", "0"))
    assert 0 <= samples.shape[1] - NUM_SAMPLES < ENCODER_PADDING


def test_mp3_files_that_tell_their_length_have_it(encode: Encode) -> None:
    assert samples_of(encode("song.mp3")).shape[1] == NUM_SAMPLES


def test_damage_in_the_middle_is_found_at_the_end(encode: Encode) -> None:
    path = encode("song.mp3")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(TruncatedFileError) as caught:
        samples_of(path)
    assert caught.value.file == path


@pytest.mark.parametrize("content", [b"", b"no music at all"])
def test_what_nothing_reads_is_refused_in_libsndfiles_words(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "song.wav"
    path.write_bytes(content)
    with pytest.raises(UnreadableFileError, match="not readable audio"), decoded(path, 1000):
        pass


def test_missing_files_and_folders_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "song.mp3", tmp_path / "song.m4a", tmp_path):
        with pytest.raises(UnreadableFileError), decoded(path, 1000):
            pass


def test_without_ffmpeg_only_its_files_are_refused(
    encode: Encode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    container, unknown = encode("song.m4a"), tmp_path / "song.xyz"
    unknown.write_bytes(b"no music at all")
    monkeypatch.setattr(containers.shutil, "which", lambda *_, **__: None)
    assert samples_of(tmp_path / "source.wav").shape == (2, NUM_SAMPLES)
    with pytest.raises(ConfigurationError, match="not installed"), decoded(container, 1000):
        pass
    with pytest.raises(UnreadableFileError, match="not readable audio"), decoded(unknown, 1000):
        pass


def test_a_reader_that_stops_early_leaves_no_program_running(encode: Encode) -> None:
    with decoded(encode("song.mka"), 100) as decoding:
        assert next(decoding.blocks).shape == (2, 100)
