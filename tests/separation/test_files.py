"""Separation from file to files: the estimates of the separator, complete or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from sep_pipeline.separation.files import BlockSeparator, separate_file

from sep_pipeline.audio.io import audio_info, read_audio, write_audio
from sep_pipeline.errors import (
    ConfigurationError,
    DataError,
    StemMismatchError,
    TooShortError,
    UnreadableFileError,
)
from sep_pipeline.separation import separate

RATE = 8000
Progress = Callable[[float], None]


class Halves:
    """Two stems that share the mixture unevenly; knows songs in memory only."""

    name = "halves"
    stems = ("first", "second")
    sample_rate = RATE

    def __init__(self, num_channels: int = 2) -> None:
        self.num_channels = num_channels
        self.modes: list[str] = []

    def separate(self, mixture: np.ndarray, *, mode: str = "context") -> np.ndarray:
        self.modes.append(mode)
        return np.stack([0.75 * mixture, 0.25 * mixture])


class BlockHalves(Halves):
    """The same in blocks of 100 samples, and never in memory."""

    fails = False

    def separate(self, mixture: np.ndarray, *, mode: str = "context") -> np.ndarray:
        raise AssertionError("a song that can be read in blocks is not held in memory")

    def separate_blocks(
        self,
        read: Callable[[int, int], np.ndarray],
        num_samples: int,
        *,
        mode: str = "context",
        progress: Progress | None = None,
    ) -> Iterator[np.ndarray]:
        self.modes.append(mode)
        for start in range(0, num_samples, 100):
            block = read(start, min(start + 100, num_samples))
            yield np.stack([0.75 * block, 0.25 * block])
            if self.fails:
                raise DataError("a sample is no number")
            if progress is not None:
                progress(min(1.0, (start + 100) / num_samples))


class BlockHalvesOrWhole(BlockHalves):
    """In blocks where that is possible."""

    def separate(self, mixture: np.ndarray, *, mode: str = "context") -> np.ndarray:
        return Halves.separate(self, mixture, mode=mode)


@pytest.fixture
def song() -> np.ndarray:
    return np.random.default_rng(0).uniform(-0.9, 0.9, (2, 1234)).astype(np.float32)


@pytest.fixture
def source(tmp_path: Path, song: np.ndarray) -> Path:
    path = tmp_path / "song.wav"
    write_audio(path, song, RATE, subtype="FLOAT")
    return path


@pytest.mark.parametrize("kind", [Halves, BlockHalves])
def test_files_hold_the_estimates(kind: type[Halves], source: Path, song: np.ndarray, tmp_path: Path) -> None:
    separator = kind()
    paths = separate_file(separator, source, tmp_path / "out", mode="published", subtype="FLOAT")
    assert list(paths) == ["first", "second"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["first.wav", "second.wav"]
    for stem, share in zip(paths, (0.75, 0.25), strict=True):
        estimate, rate = read_audio(paths[stem])
        assert rate == RATE
        np.testing.assert_allclose(estimate, share * song, rtol=0, atol=1e-7)
    assert separator.modes == ["published"]


def test_sixteen_bits_are_the_rule(source: Path, song: np.ndarray, tmp_path: Path) -> None:
    paths = separate_file(BlockHalves(), source, tmp_path / "out")
    assert audio_info(paths["first"]).subtype == "PCM_16"
    np.testing.assert_allclose(read_audio(paths["first"])[0], 0.75 * song, rtol=0, atol=1 / 32768)


@pytest.mark.parametrize("num_channels", [1, 2])
def test_channels_are_mapped_as_in_memory(num_channels: int, song: np.ndarray, tmp_path: Path) -> None:
    source = tmp_path / "song.wav"
    write_audio(source, song[:1] if num_channels == 2 else song, RATE, subtype="FLOAT")
    paths = separate_file(BlockHalves(num_channels), source, tmp_path / "out", subtype="FLOAT")
    expected = separate(Halves(num_channels), *read_audio(source))
    for path, stem in zip(paths.values(), expected, strict=True):
        estimate, _ = read_audio(path)
        assert estimate.shape == (1, 1234)
        np.testing.assert_allclose(estimate, stem, rtol=0, atol=1e-6)


def test_another_rate_is_separated_in_memory(song: np.ndarray, tmp_path: Path) -> None:
    source = tmp_path / "song.wav"
    write_audio(source, song, 6000, subtype="FLOAT")
    paths = separate_file(BlockHalvesOrWhole(), source, tmp_path / "out", subtype="FLOAT")
    expected = separate(Halves(), song, 6000)
    for path, stem in zip(paths.values(), expected, strict=True):
        estimate, rate = read_audio(path)
        assert (rate, estimate.shape) == (6000, song.shape)
        np.testing.assert_allclose(estimate, stem, rtol=0, atol=1e-6)


def test_compressed_songs_are_separated_in_memory(song: np.ndarray, tmp_path: Path) -> None:
    import soundfile

    source = tmp_path / "song.ogg"
    soundfile.write(source, song.T, RATE, format="OGG", subtype="VORBIS")
    separator = BlockHalvesOrWhole()
    paths = separate_file(separator, source, tmp_path / "out", subtype="FLOAT")
    expected = 0.75 * read_audio(source)[0]
    np.testing.assert_allclose(read_audio(paths["first"])[0], expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("kind", [Halves, BlockHalves])
def test_progress_ends_at_one(kind: type[Halves], source: Path, tmp_path: Path) -> None:
    shares: list[float] = []
    separate_file(kind(), source, tmp_path / "out", progress=shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_a_failure_leaves_what_was_there(source: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "first.wav").write_bytes(b"older")
    separator = BlockHalves()
    separator.fails = True
    with pytest.raises(DataError, match="no number") as caught:
        separate_file(separator, source, folder)
    assert caught.value.file == source
    assert [path.name for path in folder.iterdir()] == ["first.wav"]
    assert (folder / "first.wav").read_bytes() == b"older"


def test_files_of_an_earlier_run_are_replaced(source: Path, tmp_path: Path) -> None:
    for subtype in ("PCM_16", "FLOAT"):
        paths = separate_file(BlockHalves(), source, tmp_path / "out", subtype=subtype)
        assert audio_info(paths["second"]).subtype == subtype


def test_the_source_is_never_replaced(song: np.ndarray, tmp_path: Path) -> None:
    source = tmp_path / "first.wav"
    write_audio(source, song, RATE)
    with pytest.raises(ConfigurationError, match="would replace"):
        separate_file(BlockHalves(), source, tmp_path)


def test_channels_without_a_mapping_are_refused(song: np.ndarray, tmp_path: Path) -> None:
    source = tmp_path / "song.wav"
    write_audio(source, np.concatenate([song, song]), RATE)
    with pytest.raises(StemMismatchError) as caught:
        separate_file(BlockHalves(), source, tmp_path / "out")
    assert caught.value.file == source
    assert not list((tmp_path / "out").iterdir())


def test_sources_without_music_are_refused(tmp_path: Path) -> None:
    empty = tmp_path / "empty.wav"
    write_audio(empty, np.zeros((2, 0), np.float32), RATE)
    with pytest.raises(TooShortError) as caught:
        separate_file(BlockHalves(), empty, tmp_path / "out")
    assert caught.value.file == empty
    text = tmp_path / "text.wav"
    text.write_text("no music")
    with pytest.raises(UnreadableFileError):
        separate_file(BlockHalves(), text, tmp_path / "out")


def test_a_folder_that_is_a_file_is_refused(source: Path, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("taken")
    with pytest.raises(ConfigurationError, match="is a file"):
        separate_file(BlockHalves(), source, tmp_path / "out")


def test_only_separators_with_blocks_count_as_such() -> None:
    assert isinstance(BlockHalves(), BlockSeparator)
    assert not isinstance(Halves(), BlockSeparator)
