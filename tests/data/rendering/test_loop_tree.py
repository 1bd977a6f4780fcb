"""Trees of loops: names, what is kept and removed, and what the reader of the layout makes of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sep_pipeline.data.layouts.detection import read_tree
from sep_pipeline.data.rendering import DrumKitConfig, RenderConfig, render_drum_kit
from sep_pipeline.data.song_list import Song
from sep_pipeline.errors import NoInputError, SplitOverlapError

SINE = RenderConfig(engine="sine", sample_rate=8000, channels=1, tail_seconds=0.25, required_classes=())
KIT = DrumKitConfig(min_hits=1)
SONGS = (
    Song(file="own/a.mid", part="train"),
    Song(file="own/b.mid", part="test"),
    Song(file="c.mid", part="pretrain"),
)

MakeDrums = Callable[..., Path]


@pytest.fixture
def midi(tmp_path: Path, make_drums: MakeDrums) -> Path:
    for number, song in enumerate(SONGS):
        make_drums(tmp_path / "midi" / song.file, {36: [0.1 * number, 0.5], 42: [0.2, 0.4]})
    return tmp_path / "midi"


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.wav"))


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def test_songs_stay_in_the_split_of_their_part(midi: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    made = render_drum_kit(SONGS, midi, out, SINE, KIT, num_processes=1)
    assert files(out) == [
        "test/cymbals/own-b.wav",
        "test/kick/own-b.wav",
        "train/cymbals/c.wav",
        "train/cymbals/own-a.wav",
        "train/kick/c.wav",
        "train/kick/own-a.wav",
    ]
    assert [path.relative_to(out).as_posix() for path in made[:2]] == [
        "train/cymbals/own-a.wav",
        "train/kick/own-a.wav",
    ]


def test_the_reader_of_the_layout_finds_every_loop_and_nothing_else(midi: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    render_drum_kit(SONGS, midi, out, SINE, KIT, num_processes=1)
    reading = read_tree(out, "remixpacks", {})
    assert {track.track_id: track.split for track in reading.tracks} == {
        "cymbals - c": "train",
        "cymbals - own-a": "train",
        "cymbals - own-b": "test",
        "kick - c": "train",
        "kick - own-a": "train",
        "kick - own-b": "test",
    }
    assert reading.labels == ("cymbals", "kick")
    assert reading.refusals == ()


def test_without_split_folders_the_layout_divides_the_files(midi: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    kit = DrumKitConfig(min_hits=1, splits="files")
    render_drum_kit(SONGS, midi, out, SINE, kit, num_processes=1)
    reading = read_tree(out, "remixpacks", {})
    splits = [(track.parts[0].label, track.split) for track in reading.tracks]
    assert sorted(splits) == [
        ("cymbals", "test"),
        ("cymbals", "train"),
        ("cymbals", "train"),
        ("kick", "test"),
        ("kick", "train"),
        ("kick", "train"),
    ]


def test_what_is_no_longer_asked_for_is_removed(midi: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    render_drum_kit(SONGS, midi, out, SINE, KIT, num_processes=1)
    own = out / "train" / "kick" / "own.wav"
    own.write_bytes(b"not ours")
    render_drum_kit(SONGS[:1], midi, out, SINE, KIT, num_processes=1)
    assert files(out) == ["train/cymbals/own-a.wav", "train/kick/own-a.wav", "train/kick/own.wav"]
    assert not (out / "test").exists()


def test_another_way_to_split_leaves_nothing_behind(midi: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    render_drum_kit(SONGS[:2], midi, out, SINE, KIT, num_processes=1)
    kit = DrumKitConfig(min_hits=1, splits="files")
    render_drum_kit(SONGS[:2], midi, out, SINE, kit, num_processes=1)
    assert files(out) == ["cymbals/own-a.wav", "cymbals/own-b.wav", "kick/own-a.wav", "kick/own-b.wav"]
    assert not (out / "train").exists()


def test_several_processes_give_the_same_tree(midi: Path, tmp_path: Path) -> None:
    for num_processes in (1, 2):
        render_drum_kit(SONGS, midi, tmp_path / str(num_processes), SINE, KIT, num_processes=num_processes)
    assert contents(tmp_path / "1") == contents(tmp_path / "2")


def test_songs_without_a_loop_are_left_out(
    midi: Path, tmp_path: Path, make_drums: MakeDrums, caplog: pytest.LogCaptureFixture
) -> None:
    out = tmp_path / "out"
    render_drum_kit(SONGS, midi, out, SINE, KIT, num_processes=1)
    make_drums(midi / "c.mid", {45: [0.0]})
    render_drum_kit(SONGS, midi, out, SINE, KIT, num_processes=1)
    assert not any(name.endswith("/c.wav") for name in files(out))
    assert "c.mid" in caplog.text
    with pytest.raises(NoInputError, match="no song has a loop"):
        render_drum_kit(SONGS[2:], midi, out, SINE, KIT, num_processes=1)


def test_two_songs_of_one_name_are_refused(midi: Path, tmp_path: Path) -> None:
    songs = (Song(file="own/a.mid", part="train"), Song(file="own-a.mid", part="test"))
    with pytest.raises(SplitOverlapError, match="one name") as caught:
        render_drum_kit(songs, midi, tmp_path / "out", SINE, KIT, num_processes=1)
    assert caught.value.found == "own-a"


def test_no_song_is_refused(midi: Path, tmp_path: Path) -> None:
    with pytest.raises(NoInputError, match="no song to render"):
        render_drum_kit((), midi, tmp_path / "out", SINE, KIT)
