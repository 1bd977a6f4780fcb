"""Song lists: the shipped one recomputed, splits of a folder, and typed errors."""

from __future__ import annotations

from collections import Counter
from itertools import combinations
from pathlib import Path

import pytest

from sep_pipeline.data.midi import midi_files, note_ngrams, notes_hash, read_midi, similarity
from sep_pipeline.data.song_list import Song, read_song_list, songs_of_folder
from sep_pipeline.errors import ConfigurationError, NoInputError, SplitOverlapError, UnreadableFileError

MIDI = Path(__file__).parents[2] / "data" / "01_raw" / "midi"
HEADER = "file,part,demo,start_seconds,seconds,notes_hash,instruments,licence\n"


@pytest.fixture(scope="module")
def shipped() -> tuple[Song, ...]:
    return read_song_list(MIDI / "songs.csv")


def test_the_shipped_parts_have_their_sizes(shipped: tuple[Song, ...]) -> None:
    assert Counter(song.part for song in shipped) == {"train": 10, "validation": 3, "test": 5, "pretrain": 77}
    assert Counter(song.part for song in shipped if song.is_demo)["pretrain"] == 12
    pretrain = [song for song in shipped if song.part == "pretrain"]
    assert all(song.is_demo for song in pretrain[:12])


def test_the_list_names_every_shipped_file_once(shipped: tuple[Song, ...]) -> None:
    files = [path.relative_to(MIDI).as_posix() for path in midi_files(MIDI)]
    assert sorted(song.file for song in shipped) == files


def test_the_studys_windows_are_40_to_60_s_with_the_four_stems(shipped: tuple[Song, ...]) -> None:
    for song in shipped:
        if song.part != "pretrain":
            assert song.seconds is not None
            assert 40 <= song.seconds <= 60
            assert {"Drums", "Bass", "Guitar"} < set(song.instruments.split("; "))


def test_every_song_has_a_permissive_licence(shipped: tuple[Song, ...]) -> None:
    assert {song.licence for song in shipped} == {"BSD-3-Clause", "CC-BY-4.0", "CC0-1.0"}


def test_the_shipped_parts_share_no_music(shipped: tuple[Song, ...]) -> None:
    parsed = {song.file: read_midi(MIDI / song.file) for song in shipped}
    for song in shipped:
        assert notes_hash(parsed[song.file]) == song.notes_hash
    figures = {file: note_ngrams(song) for file, song in parsed.items()}
    for first, second in combinations(shipped, 2):
        if first.part != second.part:
            assert similarity(figures[first.file], figures[second.file]) < 0.3, (first.file, second.file)


def test_a_folder_is_split_by_notes_not_names(tmp_path: Path, make_midi) -> None:
    for number in range(10):
        make_midi(tmp_path / "one" / f"{number}.mid", seed=number)
        make_midi(tmp_path / "two" / f"other{9 - number}.mid", seed=number)
    splits = [
        {song.notes_hash: song.part for song in songs_of_folder(tmp_path / folder, seed=1)}
        for folder in ("one", "two")
    ]
    assert splits[0] == splits[1]
    assert Counter(splits[0].values()) == {"train": 8, "validation": 1, "test": 1}
    assert splits[0] != {song.notes_hash: song.part for song in songs_of_folder(tmp_path / "one", seed=2)}


def test_the_same_notes_share_a_split(tmp_path: Path, make_midi) -> None:
    for number in range(4):
        make_midi(tmp_path / f"{number}.mid", seed=number)
        make_midi(tmp_path / f"{number}_moved.mid", seed=number, key=65)
    parts: dict[str, set[str]] = {}
    for song in songs_of_folder(tmp_path, fractions=(0.5, 0.25, 0.25)):
        parts.setdefault(song.notes_hash, set()).add(song.part)
    assert [len(names) for names in parts.values()] == [1, 1, 1, 1]


def test_three_songs_reach_all_splits(tmp_path: Path, make_midi) -> None:
    for number in range(3):
        make_midi(tmp_path / f"{number}.mid", seed=number)
    assert {song.part for song in songs_of_folder(tmp_path)} == {"train", "validation", "test"}


def test_wrong_fractions_and_empty_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="fractions"):
        songs_of_folder(tmp_path, fractions=(0.5, 0.1, 0.1))
    with pytest.raises(NoInputError):
        songs_of_folder(tmp_path)


def test_pretraining_songs_are_rendered_to_the_training_split() -> None:
    assert Song(file="a.mid", part="pretrain").split == "train"
    assert Song(file="a.mid", part="test").split == "test"


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        (HEADER, NoInputError, "empty"),
        ("file,part\na,train\n", UnreadableFileError, "lacks columns"),
        (HEADER + "a.mid,training,yes,0,,x,,\n", UnreadableFileError, "line 2: part 'training'"),
        (HEADER + "a.mid,train,yes,soon,,x,,\n", UnreadableFileError, "line 2"),
        (
            HEADER + "a.mid,train,yes,0,,x,,\nb.mid,test,yes,0,,x,,\n",
            SplitOverlapError,
            "a.mid .train. and b.mid",
        ),
    ],
)
def test_broken_lists_are_refused(tmp_path: Path, text: str, error: type[Exception], message: str) -> None:
    path = tmp_path / "songs.csv"
    path.write_text(text)
    with pytest.raises(error, match=message):
        read_song_list(path)


def test_a_missing_list_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NoInputError, match="no song list"):
        read_song_list(tmp_path / "songs.csv")
