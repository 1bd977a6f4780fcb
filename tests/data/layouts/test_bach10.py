from pathlib import Path

import pytest

from sep_pipeline.data.layouts.bach10 import Bach10
from sep_pipeline.errors import NoInputError

FIRST = "01-AchGottundHerr"


def test_the_last_piece_in_name_order_is_the_test(bach10: Path) -> None:
    splits = {track.track_id: track.split for track in Bach10().read(bach10).tracks}
    assert len(splits) == 10
    assert [name for name, split in splits.items() if split == "test"] == ["10-NunBitten"]
    assert set(splits.values()) == {"train", "test"}


def test_the_sets_spelling_of_the_saxophone_is_understood(bach10: Path) -> None:
    parts = Bach10().read(bach10).tracks[0].parts
    assert {part.label: part.path for part in parts} == {
        "violin": bach10 / FIRST / f"{FIRST}-violin.wav",
        "clarinet": bach10 / FIRST / f"{FIRST}-clarinet.wav",
        "saxophone": bach10 / FIRST / f"{FIRST}-saxphone.wav",
        "bassoon": bach10 / FIRST / f"{FIRST}-bassoon.wav",
    }


def test_the_right_spelling_is_understood_too(bach10: Path) -> None:
    path = bach10 / FIRST / f"{FIRST}-saxophone.wav"
    (bach10 / FIRST / f"{FIRST}-saxphone.wav").rename(path)
    assert Bach10().read(bach10).tracks[0].parts[2].path == path


def test_the_ensemble_is_the_mixture(bach10: Path) -> None:
    mixture = Bach10().read(bach10).tracks[0].mixture
    assert mixture is not None
    assert mixture.path == bach10 / FIRST / f"{FIRST}.wav"


def test_labels_and_stems_are_the_four_instruments(bach10: Path) -> None:
    reading = Bach10().read(bach10)
    assert reading.labels == reading.default_stems == ("violin", "clarinet", "saxophone", "bassoon")
    assert reading.refusals == ()


@pytest.mark.parametrize("extra", ["Audio", "v1.0/Audio"])
def test_pieces_may_lie_deeper(bach10: Path, tmp_path: Path, extra: str) -> None:
    parent = tmp_path / "copy" / extra
    parent.parent.mkdir(parents=True)
    bach10.rename(parent)
    assert len(Bach10().read(tmp_path / "copy").tracks) == 10


def test_pieces_are_not_looked_for_deeper_than_three_folders(bach10: Path, tmp_path: Path) -> None:
    parent = tmp_path / "copy" / "one" / "two" / "three"
    parent.parent.mkdir(parents=True)
    bach10.rename(parent)
    assert Bach10().recognise(tmp_path / "copy") is None


def test_a_missing_voice_is_a_part_without_file(bach10: Path) -> None:
    (bach10 / FIRST / f"{FIRST}-clarinet.wav").unlink()
    parts = Bach10().read(bach10).tracks[0].parts
    assert [part.label for part in parts if part.path is None] == ["clarinet"]


@pytest.mark.parametrize("name", [f"{FIRST}-oboe.wav", "02-AchLiebenChristen-violin.wav", "click track.wav"])
def test_unknown_names_are_refused(bach10: Path, name: str) -> None:
    (bach10 / FIRST / name).touch()
    refusals = Bach10().read(bach10).refusals
    assert [(found.kind, found.track, found.file.name) for found in refusals] == [
        ("unknown_name", FIRST, name)
    ]


def test_a_second_file_of_a_voice_is_left_out(bach10: Path) -> None:
    (bach10 / FIRST / f"{FIRST}-saxophone.wav").touch()
    refusals = Bach10().read(bach10).refusals
    assert [(found.kind, found.file.name) for found in refusals] == [("left_out", f"{FIRST}-saxphone.wav")]


def test_a_second_folder_of_a_piece_is_left_out(bach10: Path) -> None:
    twin = bach10 / "copies" / FIRST / f"{FIRST}-violin.wav"
    twin.parent.mkdir(parents=True)
    twin.touch()
    reading = Bach10().read(bach10)
    assert len(reading.tracks) == 10
    assert [(found.kind, found.file) for found in reading.refusals] == [("left_out", twin.parent)]


def test_a_piece_without_recordings_is_refused(bach10: Path) -> None:
    (bach10 / "11-Nothing").mkdir()
    assert [(found.kind, found.track) for found in Bach10().read(bach10).refusals] == [
        ("empty_folder", "11-Nothing")
    ]


def test_recognition_says_what_was_seen(bach10: Path) -> None:
    seen = Bach10().recognise(bach10)
    assert seen == "10 folders NN-<piece> with violin, clarinet, saxophone, bassoon"


def test_folders_with_numbers_alone_are_not_taken_for_pieces(tmp_path: Path) -> None:
    (tmp_path / "01-Song").mkdir()
    (tmp_path / "01-Song" / "01-Song-vocals.wav").touch()
    assert Bach10().recognise(tmp_path) is None


def test_a_tree_without_pieces_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NoInputError, match="Bach10's layout"):
        Bach10().read(tmp_path)
