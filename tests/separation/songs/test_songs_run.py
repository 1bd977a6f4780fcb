"""Many songs: found, called, finished once, continued after a stop; nothing of others is replaced."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from sep_pipeline.audio.io import read_audio
from sep_pipeline.errors import ConfigurationError, DataError, NoInputError, StorageError, UnreadableFileError
from sep_pipeline.separation.songs import SongOptions, job, separate_songs


def files_below(folder: Path) -> list[str]:
    paths = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return sorted(path.as_posix() for path in paths if not path.parts[0].startswith("."))


def times(folder: Path) -> dict[str, int]:
    return {name: (folder / name).stat().st_mtime_ns for name in files_below(folder)}


def test_a_song_becomes_a_folder(model: Path, make_song: Any, tmp_path: Path) -> None:
    (result,) = separate_songs(make_song(), tmp_path / "out", model)
    assert files_below(tmp_path / "out") == ["song/first.wav", "song/second.wav"]
    assert list(result.files) == ["first", "second"]
    assert result.playing_seconds == 1234 / 8000
    assert not result.was_finished
    assert "song: 2 files in" in result.as_text()


def test_a_folder_is_searched_and_its_tree_kept(model: Path, make_song: Any, tmp_path: Path) -> None:
    for name in ("songs/one.wav", "songs/album/two.flac", "songs/.hidden/three.wav"):
        make_song(name)
    (tmp_path / "songs" / "cover.jpg").write_bytes(b"a picture")
    results = separate_songs(tmp_path / "songs", tmp_path / "songs" / "stems", model)
    assert [result.track for result in results] == ["album/two", "one"]
    names = [f"{track}/{stem}.wav" for track in ("album/two", "one") for stem in ("first", "second")]
    assert files_below(tmp_path / "songs" / "stems") == names
    again = separate_songs(tmp_path / "songs", tmp_path / "songs" / "stems", model)
    assert [result.was_finished for result in again] == [True, True]


def test_what_is_finished_is_left_alone(model: Path, make_song: Any, tmp_path: Path) -> None:
    source, out = make_song(), tmp_path / "out"
    separate_songs(source, out, model)
    before = times(out)
    (result,) = separate_songs(source, out, model, should_overwrite=True)
    assert result.was_finished
    assert times(out) == before


def test_a_folder_that_was_moved_is_still_finished(model: Path, make_song: Any, tmp_path: Path) -> None:
    source = make_song()
    separate_songs(source, tmp_path / "out", model)
    (tmp_path / "out").rename(tmp_path / "elsewhere")
    (result,) = separate_songs(source, tmp_path / "elsewhere", model)
    assert result.was_finished
    assert result.files["first"] == tmp_path / "elsewhere" / "song" / "first.wav"


@pytest.mark.parametrize("change", ["song", "model", "options", "files"])
def test_what_has_changed_is_kept_unless_asked(
    model: Path, make_song: Any, tmp_path: Path, change: str
) -> None:
    source, out, options = make_song(), tmp_path / "out", SongOptions()
    separate_songs(source, out, model)
    if change == "song":
        make_song(seed=1)
    elif change == "model":
        card = model / "separator.json"
        card.write_text(card.read_text().replace('"steps": 0', '"steps": 1'))
    elif change == "options":
        options = SongOptions(bits=24)
    else:
        (out / "song" / "first.wav").write_bytes(b"precious")
    before = times(out)
    with pytest.raises(ConfigurationError, match="the file exists"):
        separate_songs(source, out, model, options=options)
    assert times(out) == before
    (result,) = separate_songs(source, out, model, options=options, should_overwrite=True)
    assert not result.was_finished
    np.testing.assert_allclose(
        read_audio(out / "song" / "first.wav")[0], 0.75 * read_audio(source)[0], rtol=0, atol=1 / 32768
    )


def test_files_of_someone_else_are_kept(model: Path, make_song: Any, tmp_path: Path) -> None:
    place = tmp_path / "out" / "song" / "second.wav"
    place.parent.mkdir(parents=True)
    place.write_bytes(b"precious")
    with pytest.raises(ConfigurationError, match="the file exists") as caught:
        separate_songs(make_song(), tmp_path / "out", model)
    assert caught.value.file == place
    assert place.read_bytes() == b"precious"
    assert files_below(tmp_path / "out") == ["song/second.wav"]


def test_a_call_that_was_killed_between_two_files_goes_on(
    model: Path, make_song: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, out = make_song(), tmp_path / "out"

    def half(made: dict[str, Path], places: dict[str, Path]) -> None:
        stem, path = next(iter(places.items()))
        path.parent.mkdir(parents=True)
        made[stem].replace(path)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(job, "publish", half)
        with pytest.raises(KeyboardInterrupt):
            separate_songs(source, out, model)
    assert files_below(out) == ["song/first.wav"]
    (result,) = separate_songs(source, out, model)
    assert not result.was_finished
    assert files_below(out) == ["song/first.wav", "song/second.wav"]


def test_what_a_killed_call_has_left_goes(model: Path, make_song: Any, tmp_path: Path) -> None:
    source, out = make_song(), tmp_path / "out"
    separate_songs(source, out, model)
    (record,) = (out / ".separated").glob("song.*.json")
    left = out / ".separated" / f"{record.name.split('.')[1]}.partial"
    left.mkdir()
    (left / "first.wav").write_bytes(b"half")
    shutil.rmtree(out / "song")
    separate_songs(source, out, model)
    assert [path.name for path in (out / ".separated").iterdir()] == [record.name]


def test_one_bad_song_does_not_stop_the_others(model: Path, make_song: Any, tmp_path: Path) -> None:
    make_song("songs/a.wav")
    (tmp_path / "songs" / "b.wav").write_text("no music")
    make_song("songs/c.wav", 0)
    make_song("songs/d.wav")
    with pytest.raises(DataError, match="2 of 4 songs could not be separated") as caught:
        separate_songs(tmp_path / "songs", tmp_path / "out", model)
    assert "b.wav" in str(caught.value)
    assert "c.wav" in str(caught.value)
    folders = {name.split("/")[0] for name in files_below(tmp_path / "out")}
    assert folders == {"a", "d"}


def test_where_nothing_came_about_nothing_is_left(model: Path, tmp_path: Path) -> None:
    source = tmp_path / "song.wav"
    source.write_text("no music")
    with pytest.raises(UnreadableFileError):
        separate_songs(source, tmp_path / "out", model)
    assert not (tmp_path / "out").exists()


def test_a_full_disk_leaves_nothing_either(
    model: Path, make_song: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    source = make_song()
    monkeypatch.setattr(soundfile.SoundFile, "write", refuse)
    with pytest.raises(StorageError, match="the disk is full"):
        separate_songs(source, tmp_path / "out", model)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("make_sources", "complaint"),
    [
        (lambda folder: [folder / "nowhere.mp3"], "no such file or folder"),
        (lambda folder: [folder / "empty"], "no song"),
    ],
)
def test_missing_songs_are_said(model: Path, tmp_path: Path, make_sources: Any, complaint: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(NoInputError, match=complaint):
        separate_songs(make_sources(tmp_path), tmp_path / "out", model)


def test_names_that_clash_are_refused_before_anything_is_made(
    model: Path, make_song: Any, tmp_path: Path
) -> None:
    one, other = make_song("one/song.wav"), make_song("two/song.wav")
    with pytest.raises(ConfigurationError, match="the same name"):
        separate_songs([one, other], tmp_path / "out", model)
    third = make_song("third.wav")
    with pytest.raises(ConfigurationError, match="two files would have the same name"):
        separate_songs([one, third], tmp_path / "out", model, options=SongOptions(template="{stem}"))
    with pytest.raises(ConfigurationError, match="among the songs"):
        separate_songs(tmp_path / "one", tmp_path / "one", model)
    stem = make_song("first.wav")
    with pytest.raises(ConfigurationError, match="would replace a song"):
        separate_songs(stem, tmp_path, model, options=SongOptions(template="{stem}"))
    assert not (tmp_path / "out").exists()


def test_an_output_that_cannot_be_written_to_is_refused(model: Path, make_song: Any, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(StorageError, match="cannot be written to"):
        separate_songs(make_song(), tmp_path / "taken" / "out", model)
    assert (tmp_path / "taken").read_text() == "a file"


def test_a_rate_that_the_format_lacks_counts_as_a_fault_of_the_song(
    model: Path, make_song: Any, tmp_path: Path
) -> None:
    sources = [make_song("high.wav", rate=192_000), make_song("usual.wav")]
    with pytest.raises(DataError, match="MP3 files cannot have"):
        separate_songs(sources, tmp_path / "out", model, options=SongOptions(format="mp3"))
    assert files_below(tmp_path / "out") == ["usual/first.mp3", "usual/second.mp3"]
