import logging
import shutil
from pathlib import Path

import pytest

from sep_pipeline.data.layouts.musdb_hq import MusdbHq
from sep_pipeline.data.layouts.musdb_lists import published_validation_tracks
from sep_pipeline.errors import NoInputError


def test_splits_are_the_folders_but_for_the_published_validation_tracks(musdb_hq: Path) -> None:
    assert [(track.track_id, track.split) for track in MusdbHq().read(musdb_hq).tracks] == [
        ("Artist - Song", "train"),
        ("Meaxic - Take A Step", "validation"),
        ("Other - Tune", "train"),
        ("PR - Oh No", "test"),
    ]


def test_a_validation_name_in_the_test_folder_stays_in_the_test(musdb_hq: Path) -> None:
    (musdb_hq / "train" / "Meaxic - Take A Step").rename(musdb_hq / "test" / "Meaxic - Take A Step")
    tracks = MusdbHq().read(musdb_hq).tracks
    assert {track.split for track in tracks if track.track_id.startswith("Meaxic")} == {"test"}


def test_validation_names_match_exactly(musdb_hq: Path) -> None:
    (musdb_hq / "train" / "Meaxic - Take A Step").rename(musdb_hq / "train" / "Meaxic - Take a Step")
    assert {track.split for track in MusdbHq().read(musdb_hq).tracks} == {"train", "test"}


def test_fourteen_validation_tracks_are_published() -> None:
    names = published_validation_tracks()
    assert len(set(names)) == 14
    assert {"Actions - One Minute Smile", "Traffic Experiment - Sirens"} <= set(names)


def test_without_the_musdb_package_no_track_is_held_out(
    musdb_hq: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert {track.split for track in MusdbHq().read(musdb_hq).tracks} == {"train", "test"}
    assert "musdb is not installed" in caplog.text


def test_parts_are_the_files_beside_the_mixture(musdb_hq: Path) -> None:
    track = MusdbHq().read(musdb_hq).tracks[0]
    assert [part.label for part in track.parts] == ["drums", "bass", "other", "vocals"]
    assert {part.path for part in track.parts} == {track.folder / f"{part.key}.wav" for part in track.parts}
    assert track.mixture is not None
    assert track.mixture.path == track.folder / "mixture.wav"


def test_a_part_that_other_tracks_have_is_listed_without_file(musdb_hq: Path) -> None:
    (musdb_hq / "test" / "PR - Oh No" / "bass.wav").unlink()
    track = MusdbHq().read(musdb_hq).tracks[-1]
    assert [part.label for part in track.parts if part.path is None] == ["bass"]


def test_own_stems_follow_the_usual_ones(musdb_hq: Path) -> None:
    shutil.copy(
        musdb_hq / "train" / "Other - Tune" / "other.wav", musdb_hq / "train" / "Other - Tune" / "banjo.wav"
    )
    reading = MusdbHq().read(musdb_hq)
    assert reading.labels == ("drums", "bass", "other", "vocals", "banjo")
    assert reading.default_stems == ("drums", "bass", "other", "vocals")


def test_a_tree_of_own_stems_has_them_as_default(tmp_path: Path) -> None:
    for name in ("mixture", "piano", "drums"):
        path = tmp_path / "train" / "Song" / f"{name}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert MusdbHq().read(tmp_path).default_stems == ("drums", "piano")


def test_a_track_without_mixture_has_none(musdb_hq: Path) -> None:
    (musdb_hq / "test" / "PR - Oh No" / "mixture.wav").unlink()
    assert MusdbHq().read(musdb_hq).tracks[-1].mixture is None


def test_published_errata_are_noted(musdb_hq: Path) -> None:
    noted = {track.track_id: track.defects for track in MusdbHq().read(musdb_hq).tracks if track.defects}
    assert noted == {"PR - Oh No": ("the left channel of the mixture is not the sum of the stems",)}


def test_an_empty_track_folder_is_refused(musdb_hq: Path) -> None:
    (musdb_hq / "train" / "Nothing").mkdir()
    (musdb_hq / "train" / ".hidden").mkdir()
    assert [(found.kind, found.track) for found in MusdbHq().read(musdb_hq).refusals] == [
        ("empty_folder", "Nothing")
    ]


def test_counts_are_logged(musdb_hq: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        MusdbHq().read(musdb_hq)
    assert "2 training, 1 validation (of 14 published) and 1 test tracks" in caplog.text


def test_recognition_says_what_was_seen(musdb_hq: Path, tmp_path: Path) -> None:
    assert MusdbHq().recognise(musdb_hq) == (
        "mixture and the usual four stems, track folders: 3 of train, 1 of test"
    )
    assert MusdbHq().recognise(tmp_path) is None


def test_a_tree_without_tracks_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NoInputError, match=r"MUSDB18-HQ.*\{train,test\}/<track>"):
        MusdbHq().read(tmp_path)
