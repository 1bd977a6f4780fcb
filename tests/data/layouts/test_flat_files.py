from collections.abc import Callable
from pathlib import Path

import pytest

from sep_pipeline.data.layouts.flat_files import FlatFiles
from sep_pipeline.data.layouts.source import Reading
from sep_pipeline.errors import NoInputError

MakeTree = Callable[..., Path]


def contents(reading: Reading) -> dict[str, list[str]]:
    return {track.track_id: [part.label for part in track.parts if part.path] for track in reading.tracks}


@pytest.mark.parametrize("separator", ["_", "-", ".", " - ", " – "])
def test_names_are_divided_at_every_usual_separator(make_tree: MakeTree, separator: str) -> None:
    names = [f"{track}{separator}{stem}.wav" for track in ("A", "B") for stem in ("klang", "rest")]
    reading = FlatFiles().read(make_tree(*names))
    assert contents(reading) == {"A": ["klang", "rest"], "B": ["klang", "rest"]}


def test_separators_inside_track_names_do_not_matter(make_tree: MakeTree) -> None:
    names = [f"Band - My_{track}-live_{stem}.wav" for track in ("Song", "Tune") for stem in ("piano", "rest")]
    assert list(contents(FlatFiles().read(make_tree(*names)))) == [
        "Band - My_Song-live",
        "Band - My_Tune-live",
    ]


def test_separators_inside_stem_names_are_told_by_repetition(make_tree: MakeTree) -> None:
    names = [f"{track}_{stem}.wav" for track in ("A", "B") for stem in ("lead_vocals", "lead_guitar", "oh_l")]
    assert contents(FlatFiles().read(make_tree(*names))) == {
        "A": ["lead_guitar", "lead_vocals", "oh_l"],
        "B": ["lead_guitar", "lead_vocals", "oh_l"],
    }


def test_numbers_in_front_of_all_stems_are_no_part_of_the_label(make_tree: MakeTree) -> None:
    names = [f"{track} - {stem}.wav" for track in ("A", "B") for stem in ("01 drums", "02 bass")]
    assert FlatFiles().read(make_tree(*names)).labels == ("drums", "bass")


def test_a_stem_of_one_track_only_belongs_to_its_track(make_tree: MakeTree) -> None:
    root = make_tree("A_piano.wav", "A_rest.wav", "B_piano.wav", "B_rest.wav", "B_gong.wav")
    assert contents(FlatFiles().read(root))["B"] == ["gong", "piano", "rest"]


def test_a_track_with_one_stem_only_lists_the_others_without_file(make_tree: MakeTree) -> None:
    root = make_tree("A_piano.wav", "A_rest.wav", "B_piano.wav", "B_rest.wav", "C_piano.wav")
    parts = FlatFiles().read(root).tracks[2].parts
    assert [(part.label, part.path is None) for part in parts] == [("piano", False), ("rest", True)]


def test_a_single_track_is_divided_by_its_common_beginning(make_tree: MakeTree) -> None:
    assert contents(FlatFiles().read(make_tree("My_Song_klang.wav", "My_Song_rest.wav"))) == {
        "My_Song": ["klang", "rest"]
    }


@pytest.mark.parametrize("name", ["A_mixture", "A_mix", "A"])
def test_the_mixture_is_named_so_or_for_the_track_alone(make_tree: MakeTree, name: str) -> None:
    root = make_tree("A_piano.wav", "A_rest.wav", "B_piano.wav", "B_rest.wav", f"{name}.wav")
    track = FlatFiles().read(root).tracks[0]
    assert track.mixture is not None
    assert (track.mixture.path, len(track.parts)) == (root / f"{name}.wav", 2)


def test_keys_are_the_endings_as_spelt(make_tree: MakeTree) -> None:
    parts = FlatFiles().read(make_tree("A_Lead Vocals.wav", "A_REST.wav")).tracks[0].parts
    assert [(part.key, part.label) for part in parts] == [("Lead Vocals", "lead_vocals"), ("REST", "rest")]


def test_tracks_are_told_apart_by_split(make_tree: MakeTree) -> None:
    names = [f"{split}/01_{stem}.wav" for split in ("train", "test") for stem in ("piano", "rest")]
    assert [
        (track.track_id, track.split, len(track.parts))
        for track in FlatFiles().read(make_tree(*names)).tracks
    ] == [("01", "test", 2), ("01", "train", 2)]


def test_what_does_not_fit_is_refused(make_tree: MakeTree) -> None:
    root = make_tree(
        *("A_piano.wav", "A_rest.wav", "B_piano.wav", "B_rest.wav"),
        *("hello.wav", "odd_thing.wav", "A_piano.mp4", "folder/x.wav", "notes.txt"),
    )
    assert [(refusal.kind, refusal.file.name) for refusal in FlatFiles().read(root).refusals] == [
        ("unknown_name", "folder"),
        ("unknown_name", "A_piano.mp4"),
        ("unknown_name", "hello.wav"),
        ("unknown_name", "odd_thing.wav"),
    ]


def test_a_tree_without_such_files_is_no_input(make_tree: MakeTree) -> None:
    with pytest.raises(NoInputError, match="<track>_<stem>"):
        FlatFiles().read(make_tree("piano.wav", "rest.wav"))
