from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from sep_pipeline.audio.containers import read_any
from sep_pipeline.data.layouts.musdb18 import Musdb18
from sep_pipeline.data.layouts.musdb_lists import published_validation_tracks
from sep_pipeline.errors import NoInputError


@pytest.fixture
def preview(tmp_path: Path) -> Path:
    """The names of the preview's tree; no file has content, since reading opens none."""
    root = tmp_path / "MUSDB18-7"
    training = (*published_validation_tracks(), *(f"Artist - {number}" for number in range(80)))
    for split, names in (("train", training), ("test", [f"Band - {number}" for number in range(50)])):
        (root / split).mkdir(parents=True)
        for name in names:
            (root / split / f"{name}.stem.mp4").touch()
    return root


def test_the_preview_has_its_published_counts(preview: Path) -> None:
    splits = Counter(track.split for track in Musdb18().read(preview).tracks)
    assert splits == {"train": 80, "validation": 14, "test": 50}


def test_tracks_and_splits_are_those_of_the_musdb_package(musdb18: Path) -> None:
    import musdb

    reading = Musdb18().read(musdb18)
    for split, ours in (("train", "train"), ("valid", "validation")):
        theirs = {track.name for track in musdb.DB(str(musdb18), subsets="train", split=split)}
        assert {track.track_id for track in reading.tracks if track.split == ours} == theirs
    tests = {track.name for track in musdb.DB(str(musdb18), subsets="test")}
    assert {track.track_id for track in reading.tracks if track.split == "test"} == tests


def test_streams_are_those_of_the_musdb_package(musdb18: Path) -> None:
    import musdb

    theirs = musdb.DB(str(musdb18), subsets="test")[0]
    track = Musdb18().read(musdb18).tracks[-1]
    assert {part.label: part.stream for part in track.parts} == {
        name: source.stem_id for name, source in theirs.sources.items()
    }


def test_the_parts_sound_as_their_streams(musdb18: Path) -> None:
    track = Musdb18().read(musdb18).tracks[0]
    assert track.mixture is not None
    strongest = {}
    for part in (track.mixture, *track.parts):
        assert part.path is not None
        audio, sample_rate = read_any(part.path, stream=part.stream)
        spectrum = np.abs(np.fft.rfft(audio[0, :8820]))
        strongest[part.label] = round(float(spectrum.argmax()) * sample_rate / 8820)
    assert strongest == {"mixture": 200, "drums": 400, "bass": 600, "other": 800, "vocals": 1000}


def test_all_parts_of_a_track_lie_in_one_file(musdb18: Path) -> None:
    track = Musdb18().read(musdb18).tracks[0]
    assert track.files == (musdb18 / "train" / "ANiMAL - Rockshow.stem.mp4",)


def test_published_errata_are_noted(musdb18: Path) -> None:
    assert [track.track_id for track in Musdb18().read(musdb18).tracks if track.defects] == ["PR - Oh No"]


def test_files_of_other_names_are_refused(preview: Path) -> None:
    (preview / "train" / "Artist - 0.mp4").touch()
    (preview / "train" / "._Artist - 0.stem.mp4").touch()
    assert [(found.kind, found.file.name) for found in Musdb18().read(preview).refusals] == [
        ("unknown_name", "Artist - 0.mp4")
    ]


def test_recognition_says_what_was_seen(preview: Path, tmp_path: Path) -> None:
    assert Musdb18().recognise(preview) == "94 .stem.mp4 files in train and 50 in test"
    assert Musdb18().recognise(tmp_path) is None


def test_a_tree_without_tracks_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NoInputError, match=r"MUSDB18's layout.*<track>\.stem\.mp4"):
        Musdb18().read(tmp_path)
