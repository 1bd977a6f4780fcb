"""Ingestion of Slakh and MUSDB18-HQ trees: exact audio, splits, faults and resuming."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
import yaml

from sep_pipeline.audio.io import read_audio, write_audio
from sep_pipeline.data.ingestion import StoreConfig, conversion, ingest
from sep_pipeline.data.manifest import MANIFEST_COLUMNS, read_manifest, tracks_of
from sep_pipeline.data.rendering import RenderConfig, render_tree
from sep_pipeline.data.song_list import Song
from sep_pipeline.errors import (
    ConfigurationError,
    DataError,
    NoInputError,
    SilentStemError,
    SplitOverlapError,
    StemMismatchError,
    TooShortError,
    UnreadableFileError,
)

RATE = 8000
SLAKH = StoreConfig(layout="slakh", stems=("drums", "bass", "guitar", "other"), sample_rate=RATE)
MUSDB = StoreConfig(layout="musdb_hq", stems=("drums", "bass", "other", "vocals"), sample_rate=RATE)


def samples(path: Path) -> np.ndarray:
    return soundfile.read(path, dtype="int16", always_2d=True)[0].astype(np.int64)


def run(root: Path, store: Path, config: StoreConfig, **options: object) -> tuple[pd.DataFrame, pd.DataFrame]:
    return ingest(root, store, config, set_name="made", num_processes=1, **options)


@pytest.fixture
def slakh(tmp_path: Path, make_slakh_track) -> Path:
    root = tmp_path / "slakh"
    make_slakh_track(root / "train" / "Track00001", seed=1)
    make_slakh_track(root / "validation" / "Track00002", seed=2, audio_dir="Track00002/stems", gap_after=1)
    make_slakh_track(root / "test" / "Track00003", seed=3)
    return root


@pytest.fixture
def musdb(tmp_path: Path, make_musdb_track) -> Path:
    root = tmp_path / "musdb"
    make_musdb_track(root / "train" / "A Band - Song", seed=1)
    make_musdb_track(root / "train" / "Meaxic - Take A Step", seed=2)
    make_musdb_track(root / "test" / "C", seed=3)
    return root


def test_stems_and_mixture_are_exact_integer_sums(slakh: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    _, faults = run(slakh, store, SLAKH)
    source, track = slakh / "train" / "Track00001" / "stems", store / "train" / "Track00001"
    assert np.array_equal(samples(track / "drums.wav"), samples(source / "S00.flac"))
    assert np.array_equal(
        samples(track / "other.wav"), samples(source / "S03.flac") + samples(source / "S04.flac")
    )
    total = sum(samples(track / f"{stem}.wav") for stem in SLAKH.stems)
    assert np.array_equal(samples(track / "mixture.wav"), total)
    assert faults.empty


def test_manifest_and_faults_are_written_with_relative_paths(slakh: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    manifest, _ = run(slakh, store, SLAKH)
    assert tuple(manifest.columns) == MANIFEST_COLUMNS
    pd.testing.assert_frame_equal(read_manifest(store / "tracks.parquet"), manifest)
    assert (store / "faults.csv").read_text().startswith("set,track,stem,file,kind,reason,action,rule")
    row = manifest[(manifest["track"] == "Track00003") & (manifest["stem"] == "bass")].iloc[0]
    assert (row["path"], row["split"], row["frames"]) == ("test/Track00003/bass.wav", "test", 16000)
    assert row["peak"] == pytest.approx(0.1, abs=1e-3)
    assert row["rms"] == pytest.approx(0.1 / np.sqrt(3), rel=0.01)
    assert json.loads(row["silent_spans"]) == []
    assert json.loads(row["provenance"]) == {
        "UUID": "made", "layout": "slakh", "parts": ["S01"], "source_formats": ["8000 Hz, 2 ch"],
    }  # fmt: skip


def test_validation_tracks_lie_in_train_and_are_named_by_the_manifest(slakh: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    manifest, _ = run(slakh, store, SLAKH)
    (track,) = tracks_of(manifest, "validation", root=store)
    assert (track.track_id, track.stems) == ("Track00002", SLAKH.stems)
    assert track.paths["mixture"] == store / "train" / "Track00002" / "mixture.wav"
    assert read_audio(track.paths["mixture"])[0].shape == (track.num_channels, track.num_frames)


def test_validation_tracks_can_be_chosen(slakh: Path, tmp_path: Path) -> None:
    manifest, _ = run(slakh, tmp_path / "store", SLAKH, validation_tracks=["Track00001"])
    assert [track.track_id for track in tracks_of(manifest, "validation")] == ["Track00001"]
    assert [track.track_id for track in tracks_of(manifest, "train")] == ["Track00002"]
    with pytest.raises(ConfigurationError, match="Track00003"):
        run(slakh, tmp_path / "store", SLAKH, validation_tracks=["Track00003"])


def test_finished_tracks_are_not_converted_again(slakh: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    first, _ = run(slakh, store, SLAKH)
    times = {path: path.stat().st_mtime_ns for path in store.glob("*/*/*.wav")}
    second, _ = run(slakh, store, SLAKH)
    assert {path: path.stat().st_mtime_ns for path in store.glob("*/*/*.wav")} == times
    pd.testing.assert_frame_equal(first, second)
    run(slakh, store, replace(SLAKH, stems=("drums", "bass", "other")))
    assert not (store / "train" / "Track00001" / "guitar.wav").exists()


def test_tracks_that_left_the_source_leave_the_store(slakh: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    run(slakh, store, SLAKH)
    (slakh / "test" / "Track00003" / "metadata.yaml").unlink()
    manifest, _ = run(slakh, store, SLAKH)
    assert not (store / "test" / "Track00003").exists()
    assert tracks_of(manifest, "test") == ()


def test_a_failure_leaves_no_partial_track(
    slakh: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise RuntimeError("power cut")

    monkeypatch.setattr(conversion, "measured_row", fail)
    with pytest.raises(RuntimeError, match="power cut"):
        run(slakh, tmp_path / "store", SLAKH)
    assert list((tmp_path / "store" / "train").iterdir()) == []


def test_a_stem_without_classes_takes_the_rest(slakh: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    run(slakh, store, replace(SLAKH, stems=("piano", "rest")))
    source, track = slakh / "train" / "Track00001" / "stems", store / "train" / "Track00001"
    assert np.array_equal(samples(track / "piano.wav"), samples(source / "S03.flac"))
    rest = sum(samples(source / f"S{number:02d}.flac") for number in (0, 1, 2, 4))
    assert np.array_equal(samples(track / "rest.wav"), rest)


def test_the_mixture_stays_whole_when_only_some_stems_are_named(slakh: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    run(slakh, store, replace(SLAKH, stems=("drums", "bass")))
    track = store / "train" / "Track00001"
    assert sorted(path.name for path in track.glob("*.wav")) == [
        "bass.wav",
        "drums.wav",
        "mixture.wav",
        "other.wav",
    ]
    assert np.array_equal(
        samples(track / "mixture.wav"), samples(slakh / "train" / "Track00001" / "mix.flac")
    )


def test_strings_are_read_in_both_spellings(tmp_path: Path, make_slakh_track) -> None:
    make_slakh_track(tmp_path / "slakh" / "train" / "T", classes=("Drums", "Strings", "Strings (continued)"))
    config = replace(
        SLAKH, stems=("drums", "strings"), grouping={"drums": ["Drums"], "strings": ["Strings (continued)"]}
    )
    run(tmp_path / "slakh", tmp_path / "store", config)
    source, track = tmp_path / "slakh" / "train" / "T" / "stems", tmp_path / "store" / "train" / "T"
    both = samples(source / "S01.flac") + samples(source / "S02.flac")
    assert np.array_equal(samples(track / "strings.wav"), both)


def test_rate_and_channels_are_converted(slakh: Path, tmp_path: Path) -> None:
    manifest, _ = run(slakh, tmp_path / "store", replace(SLAKH, sample_rate=4000, channels=1))
    assert set(manifest["sample_rate"]) == {4000}
    assert set(manifest["channels"]) == {1}
    assert set(manifest["frames"]) == {8000}


def test_a_clipping_sum_gets_one_common_gain(tmp_path: Path, make_slakh_track) -> None:
    make_slakh_track(tmp_path / "slakh" / "train" / "T", amplitude=0.6)
    _, faults = run(tmp_path / "slakh", tmp_path / "store", SLAKH)
    track = tmp_path / "store" / "train" / "T"
    mixture = samples(track / "mixture.wav")
    assert np.array_equal(mixture, sum(samples(track / f"{stem}.wav") for stem in SLAKH.stems))
    assert 32700 < np.abs(mixture).max() <= 32767
    assert (faults.iloc[0]["kind"], faults.iloc[0]["action"]) == ("clipped", "repaired")


def test_a_foreign_mixture_is_measured_and_replaced(slakh: Path, tmp_path: Path) -> None:
    path = slakh / "train" / "Track00001" / "mix.flac"
    write_audio(path, np.zeros((2, 16000), dtype=np.int16), RATE)
    _, faults = run(slakh, tmp_path / "store", SLAKH)
    (fault,) = faults.to_dict("records")
    assert (fault["kind"], fault["action"], fault["stem"]) == ("mixture_not_sum", "repaired", "mixture")
    assert "largest difference" in fault["reason"]


def break_short(track: Path) -> None:
    write_audio(track / "stems" / "S01.flac", np.full((2, 9000), 999, dtype=np.int16), RATE)


def break_rate(track: Path) -> None:
    write_audio(track / "stems" / "S01.flac", np.full((2, 32000), 999, dtype=np.int16), 2 * RATE)


def break_silent(track: Path) -> None:
    write_audio(track / "stems" / "S01.flac", np.zeros((2, 16000), dtype=np.int16), RATE)


def break_missing(track: Path) -> None:
    (track / "stems" / "S01.flac").unlink()


def break_unreadable(track: Path) -> None:
    (track / "stems" / "S01.flac").write_bytes(b"fLaC no")


def break_not_finite(track: Path) -> None:
    (track / "stems" / "S01.flac").unlink()
    write_audio(track / "stems" / "S01.wav", np.full((2, 16000), np.nan), RATE, subtype="FLOAT")


CASES = [
    ("length_mismatch", break_short, StemMismatchError, "repaired"),
    ("rate_mismatch", break_rate, StemMismatchError, "repaired"),
    ("silent_stem", break_silent, SilentStemError, "kept"),
    ("missing_stem", break_missing, NoInputError, "kept"),
    ("unreadable", break_unreadable, UnreadableFileError, "kept"),
    ("not_finite", break_not_finite, DataError, "repaired"),
]


@pytest.mark.parametrize(("kind", "damage", "error", "action"), CASES, ids=[case[0] for case in CASES])
def test_every_fault_follows_its_rule(slakh: Path, tmp_path: Path, kind, damage, error, action) -> None:
    damage(slakh / "train" / "Track00001")
    others = {"missing_stem": "keep", "silent_stem": "keep"}
    with pytest.raises(error) as caught:
        run(slakh, tmp_path / "stop", replace(SLAKH, on_fault={**others, kind: "stop"}))
    assert caught.value.parameter == f"on_fault.{kind}"
    assert caught.value.file is not None
    manifest, faults = run(slakh, tmp_path / "drop", replace(SLAKH, on_fault={**others, kind: "drop"}))
    assert faults[faults["kind"] == kind].iloc[0]["action"] == "dropped"
    assert tracks_of(manifest, "train") == ()
    assert not (tmp_path / "drop" / "train" / "Track00001").exists()
    manifest, faults = run(slakh, tmp_path / "keep", replace(SLAKH, on_fault={**others, kind: "keep"}))
    assert faults[faults["kind"] == kind].iloc[0]["action"] == action
    assert len(tracks_of(manifest, "train")) == 1


def test_short_tracks_are_dropped_and_an_empty_store_is_an_error(slakh: Path, tmp_path: Path) -> None:
    with pytest.raises(NoInputError, match="too_short"):
        run(slakh, tmp_path / "store", replace(SLAKH, min_seconds=3.0))
    with pytest.raises(TooShortError, match=r"2\.00 s"):
        run(slakh, tmp_path / "store", replace(SLAKH, min_seconds=3.0, on_fault={"too_short": "stop"}))


def test_the_same_audio_in_two_splits(tmp_path: Path, make_slakh_track) -> None:
    root = tmp_path / "slakh"
    make_slakh_track(root / "train" / "A", seed=1)
    make_slakh_track(root / "train" / "B", seed=2)
    make_slakh_track(root / "test" / "C", seed=1)
    with pytest.raises(SplitOverlapError, match="test/C"):
        run(root, tmp_path / "stop", SLAKH)
    manifest, faults = run(root, tmp_path / "drop", replace(SLAKH, on_fault={"duplicate": "drop"}))
    assert [track.track_id for track in tracks_of(manifest, "train")] == ["B"]
    assert [track.track_id for track in tracks_of(manifest, "test")] == ["C"]
    assert set(faults["track"]) == {"A"}


def test_equal_names_in_train_and_validation_are_refused(tmp_path: Path, make_slakh_track) -> None:
    make_slakh_track(tmp_path / "slakh" / "train" / "A", seed=1)
    make_slakh_track(tmp_path / "slakh" / "validation" / "A", seed=2)
    with pytest.raises(SplitOverlapError, match="same name"):
        run(tmp_path / "slakh", tmp_path / "store", SLAKH)


def test_broken_metadata_name_the_file(slakh: Path, tmp_path: Path) -> None:
    path = slakh / "train" / "Track00001" / "metadata.yaml"
    for text in ("{[", "- a list\n", yaml.safe_dump({"stems": {"S00": {"inst_class": "Bass"}}})):
        path.write_text(text)
        with pytest.raises(UnreadableFileError) as caught:
            run(slakh, tmp_path / "store", SLAKH)
        assert caught.value.file == path


@pytest.mark.parametrize("config", [SLAKH, MUSDB], ids=["slakh", "musdb_hq"])
def test_a_folder_of_another_layout_is_refused(tmp_path: Path, config: StoreConfig) -> None:
    with pytest.raises(NoInputError, match="layout"):
        run(tmp_path, tmp_path / "store", config)


def test_musdb_is_used_in_place(musdb: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    manifest, faults = run(musdb, store, MUSDB)
    assert faults.empty
    assert not list(store.rglob("*.wav"))
    (track,) = tracks_of(manifest, "train", root=store)
    assert track.paths["vocals"] == musdb / "train" / "A Band - Song" / "vocals.wav"
    assert [track.track_id for track in tracks_of(manifest, "validation")] == ["Meaxic - Take A Step"]
    assert [track.track_id for track in tracks_of(manifest, "test")] == ["C"]


def test_musdb_validation_tracks_can_be_named(musdb: Path, tmp_path: Path) -> None:
    manifest, _ = run(musdb, tmp_path / "store", MUSDB, validation_tracks=["A Band - Song"])
    assert [track.track_id for track in tracks_of(manifest, "train")] == ["Meaxic - Take A Step"]
    with pytest.raises(ConfigurationError, match="found: C"):
        run(musdb, tmp_path / "store", MUSDB, validation_tracks=["C"])


def test_musdb_faults_are_measured_and_follow_their_rules(musdb: Path, tmp_path: Path) -> None:
    (musdb / "test" / "C" / "vocals.wav").unlink()
    path = musdb / "train" / "A Band - Song" / "mixture.wav"
    audio, _ = read_audio(path)
    write_audio(path, audio * np.float32(0.5), RATE)
    manifest, faults = run(musdb, tmp_path / "store", MUSDB)
    assert {(fault.track, fault.kind, fault.action) for fault in faults.itertuples()} == {
        ("C", "missing_stem", "dropped"),
        ("A Band - Song", "mixture_not_sum", "kept"),
    }
    assert "0.0 dB of the mixture" in faults[faults["kind"] == "mixture_not_sum"].iloc[0]["reason"]
    assert tracks_of(manifest, "test") == ()


def test_files_that_cannot_serve_in_place_stop_the_run(musdb: Path, tmp_path: Path) -> None:
    path = musdb / "train" / "Meaxic - Take A Step" / "bass.wav"
    write_audio(path, np.full((2, 16000), 999, dtype=np.int16), 2 * RATE)
    with pytest.raises(StemMismatchError, match="16000 Hz, not 8000 Hz"):
        run(musdb, tmp_path / "store", MUSDB)
    manifest, faults = run(musdb, tmp_path / "store", replace(MUSDB, on_fault={"rate_mismatch": "drop"}))
    assert ("rate_mismatch", "dropped") in set(zip(faults["kind"], faults["action"], strict=True))
    assert "Meaxic - Take A Step" not in set(manifest["track"])


@pytest.mark.parametrize(
    "change",
    [{"sample_rate": 4000}, {"channels": 1}, {"stems": ("vocals", "accompaniment")}],
    ids=["rate", "channels", "sum"],
)
def test_musdb_is_converted_where_its_files_are_not_what_is_wanted(
    musdb: Path, tmp_path: Path, change: dict[str, object]
) -> None:
    store = tmp_path / "store"
    config = replace(MUSDB, **change)
    manifest, _ = run(musdb, store, config)
    track = store / "test" / "C"
    assert sorted(path.stem for path in track.glob("*.wav")) == sorted(("mixture", *config.stems))
    assert set(manifest["sample_rate"]) == {config.sample_rate}
    if "stems" in change:
        source = musdb / "test" / "C"
        total = sum(samples(source / f"{name}.wav") for name in ("drums", "bass", "other"))
        assert np.array_equal(samples(track / "accompaniment.wav"), total)


def test_rendered_songs_pass_through_unchanged(tmp_path: Path, make_midi) -> None:
    for name in "ab":
        make_midi(tmp_path / "midi" / f"{name}.mid", seed=ord(name))
    songs = [Song(file="a.mid", part="train", licence="CC0-1.0"), Song(file="b.mid", part="test")]
    config = RenderConfig(engine="sine", sample_rate=RATE, tail_seconds=0.5)
    render_tree(songs, tmp_path / "midi", tmp_path / "tree", config, num_processes=1)
    manifest, faults = run(tmp_path / "tree", tmp_path / "store", SLAKH)
    assert faults.empty
    mixture = samples(tmp_path / "store" / "train" / "Track00001" / "mixture.wav")
    assert np.array_equal(mixture, samples(tmp_path / "tree" / "train" / "Track00001" / "mix.flac"))
    provenance = json.loads(manifest[manifest["split"] == "train"].iloc[0]["provenance"])
    assert (provenance["lmd_midi_dir"], provenance["engine"], provenance["licence"]) == (
        "a.mid",
        "sine",
        "CC0-1.0",
    )


@pytest.mark.parametrize(
    ("change", "parameter"),
    [
        ({"stems": ()}, "stems"),
        ({"stems": ("drums", "mixture")}, "stems"),
        ({"rest": "nothing"}, "rest"),
        ({"min_stems": 5}, "min_stems"),
        ({"channels": 5}, "channels"),
        ({"min_seconds": -1.0}, "sample_rate, min_seconds"),
        ({"on_fault": {"clippd": "drop"}}, "on_fault.clippd"),
        ({"on_fault": {"clipped": "ignore"}}, "on_fault.clipped"),
    ],
)
def test_wrong_parameters_are_named(change: dict[str, object], parameter: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        replace(SLAKH, **change)
    assert caught.value.parameter == parameter
