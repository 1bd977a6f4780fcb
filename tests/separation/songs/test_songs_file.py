"""From a file to the files of its stems: exact lengths, exact sums, any kind of song, typed refusals."""

from __future__ import annotations

import errno
import tempfile
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from sep_pipeline.audio.io import audio_info, audio_written_in_blocks, read_audio
from sep_pipeline.audio.resampling import resample
from sep_pipeline.errors import (
    ConfigurationError,
    DataError,
    StorageError,
    TooShortError,
    TruncatedFileError,
    UnreadableFileError,
)
from sep_pipeline.separation import separate
from sep_pipeline.separation.songs import SongOptions, WrittenSong, separate_file
from sep_pipeline.separation.wiener import mixture_consistency, wiener_refine

RATE = 8000
FLOATS = SongOptions(bits=32)


def samples(written: WrittenSong) -> np.ndarray:
    return np.stack([read_audio(path)[0] for path in written.files.values()])


@pytest.mark.parametrize("num_samples", [1, 2, 4999, 12_000])
@pytest.mark.parametrize("num_channels", [1, 2])
def test_an_identity_gives_the_song_back(
    shares: Any, make_song: Any, tmp_path: Path, num_samples: int, num_channels: int
) -> None:
    source = make_song("song.wav", num_samples, num_channels)
    for model_channels in (1, 2):
        identity = shares({"all": 1.0}, model_channels)
        written = separate_file(identity, source, tmp_path / "out", options=FLOATS)
        np.testing.assert_allclose(samples(written)[0], read_audio(source)[0], rtol=0, atol=1e-6)
        assert audio_info(written.files["all"]).num_frames == num_samples
        assert written.sum_error <= 1e-6


def test_an_hour_passes_in_bounded_memory(shares: Any, tmp_path: Path) -> None:
    num_samples, size = 3600 * RATE, 2**20
    source = tmp_path / "hour.wav"
    with audio_written_in_blocks(source, RATE, num_channels=1, num_frames=num_samples) as write:
        for start in range(0, num_samples, size):
            length = min(size, num_samples - start)
            write((np.arange(start, start + length) % 30_011).astype(np.int16)[None])
    identity = shares({"all": 1.0}, 1)
    identity.block_samples = size
    tracemalloc.start()
    written = separate_file(identity, source, tmp_path / "out")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 60e6
    assert audio_info(written.files["all"]).num_frames == num_samples
    assert written.playing_seconds == 3600
    assert written.sum_error == 0.0
    last, _ = read_audio(written.files["all"], start=num_samples - 1000)
    expected = (np.arange(num_samples - 1000, num_samples) % 30_011) / 32768
    np.testing.assert_allclose(last[0], expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("rate", "num_samples"), [(192_000, 30_000), (44_100, 4999), (6000, 1), (192_000, 1)]
)
def test_other_rates_keep_length_and_rate(
    shares: Any, make_song: Any, tmp_path: Path, rate: int, num_samples: int
) -> None:
    source = make_song("song.wav", num_samples, rate=rate)
    written = separate_file(shares(), source, tmp_path / "out", options=FLOATS)
    info = audio_info(written.files["first"])
    assert (info.sample_rate, info.num_frames, info.num_channels) == (rate, num_samples, 2)
    mixture, _ = read_audio(source)
    there_and_back = resample(resample(mixture, rate, RATE), RATE, rate)[:, :num_samples]
    expected = np.zeros_like(mixture)
    expected[:, : there_and_back.shape[1]] = 0.75 * there_and_back
    np.testing.assert_allclose(samples(written)[0], expected, rtol=0, atol=1e-6)


def test_separators_that_need_whole_songs_get_them(whole_shares: Any, make_song: Any, tmp_path: Path) -> None:
    source = make_song()
    written = separate_file(whole_shares(), source, tmp_path / "out", options=FLOATS)
    expected = separate(whole_shares(), *read_audio(source))
    np.testing.assert_allclose(samples(written), expected, rtol=0, atol=1e-7)


@pytest.mark.parametrize("ending", ["flac", "mp3", "ogg", "aiff"])
def test_formats_of_libsndfile_are_read(
    shares: Any, make_song: Any, noise: Any, tmp_path: Path, ending: str
) -> None:
    source = tmp_path / f"song.{ending}"
    soundfile.write(source, noise(3000).T, RATE)
    written = separate_file(shares(), source, tmp_path / "out", options=FLOATS)
    mixture, _ = read_audio(source)
    np.testing.assert_allclose(samples(written)[0], 0.75 * mixture, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("file_format", "bits", "subtype"),
    [
        *(("wav", bits, subtype) for bits, subtype in ((16, "PCM_16"), (24, "PCM_24"), (32, "FLOAT"))),
        *(("flac", 16, "PCM_16"), ("flac", 24, "PCM_24"), ("mp3", 16, "MPEG_LAYER_III")),
    ],
)
def test_files_have_the_wanted_format(
    shares: Any, make_song: Any, tmp_path: Path, file_format: str, bits: int, subtype: str
) -> None:
    options = SongOptions(format=file_format, bits=bits)
    written = separate_file(shares(), make_song(), tmp_path / "out", options=options)
    path = written.files["first"]
    assert path.name == f"first.{file_format}"
    assert (audio_info(path).subtype, audio_info(path).num_frames) == (subtype, 1234)


@pytest.mark.parametrize("bits", [16, 24])
def test_with_the_residual_files_add_up_exactly(
    shares: Any, make_song: Any, tmp_path: Path, bits: int
) -> None:
    source = make_song()
    options = SongOptions(stems=("second",), has_residual=True, bits=bits)
    written = separate_file(shares(), source, tmp_path / "out", options=options)
    assert list(written.files) == ["second", "residual"]
    assert written.sum_error == 0.0
    np.testing.assert_array_equal(samples(written).sum(axis=0), read_audio(source)[0])


def test_without_the_residual_the_difference_is_told(shares: Any, make_song: Any, tmp_path: Path) -> None:
    source = make_song()
    written = separate_file(shares(), source, tmp_path / "out", options=FLOATS)
    expected = 0.125 * np.abs(read_audio(source)[0]).max()
    assert written.sum_error == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("refine", ["consistency", "wiener"])
@pytest.mark.parametrize("num_samples", [1, 700, 600_000])
def test_refinement_is_that_of_signals_in_memory(
    shares: Any, make_song: Any, tmp_path: Path, refine: str, num_samples: int
) -> None:
    source = make_song("song.wav", num_samples)
    separator = shares({"first": 0.5, "second": 0.1})
    separator.block_samples = 10_007
    written = separate_file(separator, source, tmp_path / "out", options=SongOptions(refine=refine, bits=32))
    mixture, _ = read_audio(source)
    estimates = np.stack([np.float32(0.5) * mixture, np.float32(0.1) * mixture])
    function = mixture_consistency if refine == "consistency" else wiener_refine
    np.testing.assert_allclose(samples(written), function(mixture, estimates), rtol=0, atol=1e-6)
    assert written.sum_error < 1e-5


def test_stems_come_in_the_order_asked_for(shares: Any, make_song: Any, tmp_path: Path) -> None:
    options = SongOptions(stems=("second", "first"), bits=32)
    written = separate_file(shares(), make_song(), tmp_path / "out", options=options)
    assert list(written.files) == ["second", "first"]
    quiet, loud = samples(written)
    np.testing.assert_allclose(6 * quiet, loud, rtol=0, atol=1e-6)


def test_clipped_samples_are_counted(shares: Any, make_song: Any, tmp_path: Path) -> None:
    source = make_song()
    separator = shares({"first": 2.0, "second": 0.5})
    expected = int((np.abs(2 * read_audio(source)[0]) >= 1).sum())
    written = separate_file(separator, source, tmp_path / "out")
    assert written.clipped == {"first": expected}
    assert separate_file(separator, source, tmp_path / "out", options=FLOATS).clipped == {}


def test_progress_ends_at_one(shares: Any, make_song: Any, tmp_path: Path) -> None:
    for separator in (shares(), shares(num_channels=1)):
        told: list[float] = []
        separate_file(separator, make_song(), tmp_path / "out", progress=told.append)
        assert told == sorted(told)
        assert told[-1] == 1.0


def with_nan(path: Path) -> Path:
    audio = np.zeros((300_000, 2), dtype=np.float32)
    audio[270_000, 1] = np.nan
    soundfile.write(path, audio, RATE, subtype="FLOAT")
    return path


def test_songs_that_are_none_are_refused_and_leave_nothing(
    shares: Any, make_song: Any, tmp_path: Path
) -> None:
    text, cut = tmp_path / "text.wav", make_song("cut.wav")
    text.write_text("no music")
    cut.write_bytes(cut.read_bytes()[:1000])
    cases: list[tuple[Path, type[DataError], str]] = [
        (text, UnreadableFileError, "not readable audio"),
        (tmp_path / "nowhere.wav", UnreadableFileError, "cannot be opened"),
        (cut, TruncatedFileError, "truncated"),
        (make_song("empty.wav", 0), TooShortError, "nothing to separate"),
        (make_song("eight.wav", 100, 8), DataError, "more than two channels"),
        (with_nan(tmp_path / "nan.wav"), DataError, "first one at sample 270000"),
    ]
    for source, kind, complaint in cases:
        with pytest.raises(kind, match=complaint) as caught:
            separate_file(shares(), source, tmp_path / "out")
        assert type(caught.value) is kind
        assert caught.value.file == source
        assert list((tmp_path / "out").iterdir()) == []


def test_mp3_files_have_few_sample_rates(shares: Any, make_song: Any, tmp_path: Path) -> None:
    source = make_song("song.wav", rate=192_000)
    with pytest.raises(ConfigurationError, match="MP3 files cannot have the sample rate") as caught:
        separate_file(shares(), source, tmp_path / "out", options=SongOptions(format="mp3"))
    assert caught.value.file == source


def test_an_error_of_the_separator_names_the_song_and_keeps_older_files(
    shares: Any, make_song: Any, tmp_path: Path
) -> None:
    class Failing(shares):  # type: ignore[misc]
        def separate_blocks(self, *arguments: Any, **options: Any) -> Any:
            yield next(super().separate_blocks(*arguments, **options))
            raise DataError("something is wrong")

    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "first.wav").write_bytes(b"older")
    source = make_song()
    with pytest.raises(DataError, match="something is wrong") as caught:
        separate_file(Failing(), source, tmp_path / "out")
    assert caught.value.file == source
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["first.wav"]
    assert (tmp_path / "out" / "first.wav").read_bytes() == b"older"


def test_a_full_disk_is_said_whoever_meets_it(
    shares: Any, make_song: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    source = make_song()
    with monkeypatch.context() as patch:
        patch.setattr(tempfile, "TemporaryFile", refuse)
        with pytest.raises(StorageError, match="the disk is full"):
            separate_file(shares(), source, tmp_path / "out")
    with monkeypatch.context() as patch:
        patch.setattr(soundfile.SoundFile, "write", refuse)
        with pytest.raises(StorageError, match="the disk is full"):
            separate_file(shares(), source, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_libsndfiles_word_for_a_full_disk_is_understood(
    shares: Any, make_song: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise soundfile.LibsndfileError(2)

    source = make_song()
    monkeypatch.setattr(soundfile.SoundFile, "write", refuse)
    with pytest.raises(StorageError, match="cannot be written"):
        separate_file(shares(), source, tmp_path / "out")
    usage = type("Usage", (), {"free": 0})
    monkeypatch.setattr("sep_pipeline.files.shutil.disk_usage", lambda _: usage)
    with pytest.raises(StorageError, match="the disk is full"):
        separate_file(shares(), source, tmp_path / "out")
