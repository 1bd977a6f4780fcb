"""The track manifest as a file and as tracks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sep_pipeline.data.manifest import (
    check_disjoint,
    manifest_frame,
    measured_row,
    read_manifest,
    tracks_of,
    write_manifest,
)
from sep_pipeline.errors import DataError, NoInputError, SplitOverlapError, UnreadableFileError


def row(split: str, track: str, stem: str, audio: np.ndarray) -> dict[str, object]:
    return measured_row(
        audio,
        sample_rate=100,
        set_name="made",
        split=split,
        track_id=track,
        stem=stem,
        path=f"{split}/{track}/{stem}.wav",
        provenance={},
    )


def noise(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-0.5, 0.5, (2, 250)).astype(np.float32)


def test_silent_spans_end_with_the_audio() -> None:
    audio = noise(0)
    audio[:, 100:] = 0
    assert row("train", "A", "drums", audio)["silent_spans"] == "[[1.0, 2.5]]"


def test_tracks_are_sorted_and_resolved_against_the_root(tmp_path: Path) -> None:
    rows = [row("train", track, stem, noise(0)) for track in "BA" for stem in ("mixture", "drums")]
    tracks = tracks_of(manifest_frame(rows), "train", root=tmp_path)
    assert [track.track_id for track in tracks] == ["A", "B"]
    assert tracks[0].paths["drums"] == tmp_path / "train" / "A" / "drums.wav"
    assert (tracks[0].stems, tracks[0].num_frames, tracks[0].duration_seconds) == (("drums",), 250, 2.5)


def test_a_track_is_as_long_as_its_shortest_file() -> None:
    rows = [row("train", "A", "mixture", noise(0)), row("train", "A", "drums", noise(0)[:, :200])]
    assert tracks_of(manifest_frame(rows), "train")[0].num_frames == 200


def test_unknown_splits_are_refused() -> None:
    with pytest.raises(DataError, match="found: valid"):
        tracks_of(manifest_frame([row("train", "A", "mixture", noise(0))]), "valid")


def test_files_round_trip(tmp_path: Path) -> None:
    manifest = manifest_frame([row("train", "A", "mixture", noise(0))])
    write_manifest(manifest, tmp_path / "tracks.parquet")
    pd.testing.assert_frame_equal(read_manifest(tmp_path / "tracks.parquet"), manifest)


def test_missing_and_foreign_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(NoInputError, match="ingest"):
        read_manifest(tmp_path / "none.parquet")
    (tmp_path / "text.parquet").write_text("text")
    with pytest.raises(UnreadableFileError, match="does not parse"):
        read_manifest(tmp_path / "text.parquet")
    pd.DataFrame({"set": ["a"]}).to_parquet(tmp_path / "other.parquet")
    with pytest.raises(UnreadableFileError, match="lacks columns"):
        read_manifest(tmp_path / "other.parquet")


def test_the_same_audio_in_two_splits_is_an_error_unless_silent() -> None:
    silence = np.zeros((2, 250), dtype=np.float32)
    rows = [row("train", "A", "mixture", noise(0)), row("test", "B", "mixture", noise(1))]
    rows += [row("train", "A", "drums", silence), row("test", "B", "drums", silence)]
    check_disjoint(manifest_frame(rows))
    rows.append(row("test", "B", "bass", noise(0)))
    with pytest.raises(SplitOverlapError, match="test/B/bass; train/A/mixture"):
        check_disjoint(manifest_frame(rows))
