from collections.abc import Callable
from pathlib import Path

import pytest

from sep_pipeline.data.layouts.source import Reading
from sep_pipeline.data.layouts.stem_folders import StemFolders
from sep_pipeline.errors import NoInputError

MakeTree = Callable[..., Path]


def contents(reading: Reading) -> dict[str, list[str]]:
    return {track.track_id: [part.label for part in track.parts if part.path] for track in reading.tracks}


def test_files_of_one_name_make_a_track(make_tree: MakeTree) -> None:
    root = make_tree("piano/A.wav", "piano/B.wav", "rest/A.flac", "rest/B.mp3")
    assert contents(StemFolders().read(root)) == {"A": ["piano", "rest"], "B": ["piano", "rest"]}


def test_names_are_compared_without_capitals_and_spaces(make_tree: MakeTree) -> None:
    root = make_tree("piano/My Song.wav", "rest/my_song.wav")
    assert contents(StemFolders().read(root)) == {"My Song": ["piano", "rest"]}


def test_names_with_further_words_are_other_tracks(make_tree: MakeTree) -> None:
    root = make_tree("piano/Song.wav", "rest/Song live.wav")
    assert contents(StemFolders().read(root)) == {"Song": ["piano"], "Song live": ["rest"]}


def test_the_folder_of_mixtures_gives_the_mixture(make_tree: MakeTree) -> None:
    root = make_tree("piano/A.wav", "rest/A.wav", "mix/A.wav")
    reading = StemFolders().read(root)
    assert reading.tracks[0].mixture is not None
    assert reading.tracks[0].mixture.path == root / "mix" / "A.wav"
    assert reading.labels == ("piano", "rest")


def test_folder_names_are_keys_and_their_labels_have_no_common_numbers(make_tree: MakeTree) -> None:
    parts = StemFolders().read(make_tree("01 Klavier/A.wav", "02 Übriges/A.wav")).tracks[0].parts
    assert [(part.key, part.label) for part in parts] == [
        ("01 Klavier", "klavier"),
        ("02 Übriges", "ubriges"),
    ]


def test_split_folders_give_the_split(make_tree: MakeTree) -> None:
    root = make_tree("train/piano/A.wav", "train/rest/A.wav", "val/piano/B.wav", "val/rest/B.wav")
    assert [(track.track_id, track.split) for track in StemFolders().read(root).tracks] == [
        ("A", "train"),
        ("B", "validation"),
    ]


def test_a_track_that_a_stem_folder_lacks_lists_the_stem_without_file(make_tree: MakeTree) -> None:
    parts = StemFolders().read(make_tree("piano/A.wav", "rest/A.wav", "piano/B.wav")).tracks[1].parts
    assert [(part.label, part.path is None) for part in parts] == [("piano", False), ("rest", True)]


def test_two_files_of_one_track_in_a_stem_folder_are_both_parts(make_tree: MakeTree) -> None:
    root = make_tree("piano/Song.wav", "piano/song.flac")
    paths = [part.path for part in StemFolders().read(root).tracks[0].parts]
    assert paths == [root / "piano" / "Song.wav", root / "piano" / "song.flac"]


def test_what_does_not_fit_is_refused(make_tree: MakeTree) -> None:
    root = make_tree("piano/A.wav", "loose.wav", "piano/takes/A.wav", "piano/A.mp4", "empty/notes.txt")
    assert [(refusal.kind, refusal.file.name) for refusal in StemFolders().read(root).refusals] == [
        ("unknown_name", "loose.wav"),
        ("unknown_name", "A.mp4"),
        ("empty_folder", "empty"),
        ("unknown_name", "takes"),
    ]


def test_a_tree_without_stem_folders_is_no_input(make_tree: MakeTree) -> None:
    with pytest.raises(NoInputError, match="<stem>/<track>"):
        StemFolders().read(make_tree("piano.wav", "rest.wav"))
