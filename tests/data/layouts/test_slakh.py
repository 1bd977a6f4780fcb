from collections.abc import Callable
from pathlib import Path

import pytest

from sep_pipeline.data.layouts.slakh import Slakh, published_split
from sep_pipeline.data.layouts.source import Reading, SourceTrack
from sep_pipeline.data.midi import CLASS_NAMES
from sep_pipeline.errors import NoInputError


def track(reading: Reading, track_id: str) -> SourceTrack:
    return next(found for found in reading.tracks if found.track_id == track_id)


def splits(reading: Reading) -> dict[str, str | None]:
    return {found.track_id: found.split for found in reading.tracks}


def test_split_folders_give_the_splits(slakh_redux: Path) -> None:
    assert splits(Slakh().read(slakh_redux)) == {
        "Track00001": "train",
        "Track00002": "train",
        "Track00357": "train",
        "Track00616": "train",
        "Track01501": "validation",
        "Track01876": "test",
    }


def test_omitted_tracks_are_left_out(slakh_redux: Path) -> None:
    refusals = [found for found in Slakh().read(slakh_redux).refusals if found.kind == "left_out"]
    assert [found.track for found in refusals] == ["Track00004"]


def test_tracks_without_usable_metadata_are_refused_one_by_one(slakh_redux: Path) -> None:
    refusals = [found for found in Slakh().read(slakh_redux).refusals if found.kind == "unreadable"]
    assert [(found.track, found.reason.partition(":")[0]) for found in refusals] == [
        ("Track00006", "there is no metadata.yaml"),
        ("Track00005", "the metadata do not parse"),
    ]


def test_parts_tell_key_label_and_program(slakh_redux: Path) -> None:
    parts = track(Slakh().read(slakh_redux), "Track00001").parts
    assert [(part.key, part.label, part.program) for part in parts] == [
        ("S00", "Piano", 1),
        ("S01", "Drums", 128),
        ("S02", "Guitar", 30),
        ("S04", "Bass", 33),
        ("S10", "Strings", 49),
    ]


def test_a_listed_part_without_file_has_no_path(slakh_redux: Path) -> None:
    parts = track(Slakh().read(slakh_redux), "Track00002").parts
    assert {part.key for part in parts if part.path is None} == {"S02"}


def test_a_part_that_was_not_rendered_is_no_part(slakh_redux: Path) -> None:
    assert "S05" not in {part.key for part in track(Slakh().read(slakh_redux), "Track00002").parts}


def test_the_stems_folder_is_used_whatever_the_metadata_name(slakh_redux: Path) -> None:
    found = track(Slakh().read(slakh_redux), "Track00616")
    assert found.parts[0].path == slakh_redux / "train" / "Track00616" / "stems" / "S00.flac"


def test_another_folder_is_used_where_stems_is_missing(slakh_redux: Path) -> None:
    folder = slakh_redux / "train" / "Track00001"
    (folder / "stems").rename(folder / "audio")
    metadata = folder / "metadata.yaml"
    metadata.write_text(metadata.read_text().replace("Track00001/stems", "Track00001/audio"))
    assert track(Slakh().read(slakh_redux), "Track00001").parts[0].path == folder / "audio" / "S00.flac"


@pytest.mark.parametrize("named", ["{outside}", "../../outside"])
def test_a_folder_outside_the_track_is_never_followed(slakh_redux: Path, tmp_path: Path, named: str) -> None:
    folder = slakh_redux / "train" / "Track00001"
    (folder / "stems").rename(tmp_path / "outside")
    metadata = folder / "metadata.yaml"
    text = metadata.read_text().replace("Track00001/stems", named.format(outside=tmp_path / "outside"))
    metadata.write_text(text)
    assert {part.path for part in track(Slakh().read(slakh_redux), "Track00001").parts} == {None}


def test_the_mixture_and_the_metadata_belong_to_the_track(slakh_redux: Path) -> None:
    found = track(Slakh().read(slakh_redux), "Track00001")
    assert {found.folder / "mix.flac", found.folder / "metadata.yaml"} <= set(found.files)


def test_published_defects_are_noted(slakh_redux: Path) -> None:
    reading = Slakh().read(slakh_redux)
    noted = {found.track_id: found.defects for found in reading.tracks if found.defects}
    assert noted == {"Track00357": ("S03 is listed with audio and has no sound",)}


def test_labels_stems_and_grouping_are_those_of_general_midi_classes(slakh_redux: Path) -> None:
    reading = Slakh().read(slakh_redux)
    assert reading.labels == CLASS_NAMES
    assert reading.default_stems == ("drums", "bass", "guitar", "other")
    assert reading.default_grouping["piano"] == ("Piano",)


def test_babyslakh_is_read_flat_and_without_splits(baby_slakh: Path) -> None:
    reading = Slakh().read(baby_slakh)
    assert splits(reading) == {"Track00001": None, "Track00002": None, "Track00003": None}
    assert reading.tracks[0].parts[0].path == baby_slakh / "Track00001" / "stems" / "S00.wav"


def test_a_flat_copy_of_the_whole_set_is_split_by_number(
    tmp_path: Path, make_track: Callable[..., Path]
) -> None:
    for number in (1, 1500, 1501, 1875, 1876, 2100):
        make_track(tmp_path / f"Track{number:05d}", stems={})
    assert list(splits(Slakh().read(tmp_path)).values()) == [
        *("train", "train", "validation", "validation", "test", "test")
    ]


@pytest.mark.parametrize("other", ["Track01875", "Track02101", "My song"])
def test_other_flat_trees_have_no_splits(tmp_path: Path, make_track: Callable[..., Path], other: str) -> None:
    names = ("Track00001", other) if other == "Track01875" else ("Track00001", "Track02000", other)
    for name in names:
        make_track(tmp_path / name, stems={})
    assert set(splits(Slakh().read(tmp_path)).values()) == {None}


@pytest.mark.parametrize("track_id", ["Track00000", "Track02101", "Track1", "song"])
def test_names_outside_the_published_set_have_no_split(track_id: str) -> None:
    assert published_split(track_id) is None


def test_rendered_trees_keep_their_provenance_and_names(
    tmp_path: Path, make_track: Callable[..., Path]
) -> None:
    stems = {"S00": {"audio_rendered": True, "inst_class": "Bass", "program_num": 33, "name": "low line"}}
    folder = tmp_path / "train" / "Track00357"
    make_track(folder, stems=stems, engine="fluidsynth", sound_font="made.sf2", midi_dir="MIDI")
    found = Slakh().read(tmp_path).tracks[0]
    assert found.provenance == {"UUID": "Track00357", "engine": "fluidsynth", "sound_font": "made.sf2"}
    assert found.parts[0].aliases == ("low line",)
    assert found.defects == ()


@pytest.mark.parametrize(
    "text", ["stems: {S00: {program_num: 1}}", "- a list", "UUID: only", "stems: 3", "\x00"]
)
def test_metadata_without_what_a_stem_needs_are_refused(slakh_redux: Path, text: str) -> None:
    (slakh_redux / "train" / "Track00001" / "metadata.yaml").write_text(text)
    reading = Slakh().read(slakh_redux)
    assert ("Track00001", "unreadable") in {(found.track, found.kind) for found in reading.refusals}


def test_recognition_says_what_was_seen(slakh_redux: Path, baby_slakh: Path, tmp_path: Path) -> None:
    seen = Slakh().recognise(slakh_redux)
    assert seen == "metadata.yaml in track folders: 5 in train, 1 in validation, 1 in test, 1 in omitted"
    assert Slakh().recognise(baby_slakh) == "metadata.yaml in 3 track folders, no split folders"
    assert Slakh().recognise(tmp_path / "nowhere") is None


def test_a_tree_without_tracks_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NoInputError, match="no track in Slakh's layout"):
        Slakh().read(tmp_path)
