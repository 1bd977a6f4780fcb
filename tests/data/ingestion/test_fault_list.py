"""One list of everything that is wrong with a data set, and the rules that decide what is done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from sep_pipeline.data.ingestion import StoreConfig, ingest
from sep_pipeline.data.ingestion.faults import KINDS
from sep_pipeline.data.manifest import MANIFEST_NAME, tracks_of
from sep_pipeline.errors import (
    ConfigurationError,
    DataError,
    NoInputError,
    SilentStemError,
    SplitOverlapError,
    StemMismatchError,
    TooShortError,
    TruncatedFileError,
    UnreadableFileError,
)

RATE = 8000
DUO = StoreConfig(stems=("piano", "rest"), sample_rate=RATE, min_seconds=1.0)
EVERYTHING_GOES_ON = {kind: "drop" for kind, known in KINDS.items() if known.rule == "stop"}


def run(root: Path, store: Path, config: StoreConfig = DUO) -> tuple[pd.DataFrame, pd.DataFrame]:
    return ingest(root, store, config, set_name="duos", num_processes=1)


def test_one_list_names_every_fault(faulty_tree: Path, tmp_path: Path) -> None:
    _, faults = run(faulty_tree, tmp_path / "store", replace(DUO, on_fault=EVERYTHING_GOES_ON))
    expected = {
        ("length_mismatch", "length_mismatch", "repaired", "keep"),
        ("rate_mismatch", "rate_mismatch", "repaired", "keep"),
        ("other_rate", "rate_mismatch", "repaired", "keep"),
        ("channel_mismatch", "channel_mismatch", "repaired", "keep"),
        ("not_finite", "not_finite", "dropped", "drop"),
        ("clipped", "clipped", "kept", "keep"),
        ("silent_stem", "silent_stem", "kept", "keep"),
        ("missing_stem", "missing_stem", "dropped", "drop"),
        ("mixture_not_sum", "mixture_not_sum", "repaired", "keep"),
        ("unreadable", "unreadable", "dropped", "drop"),
        ("truncated", "truncated", "dropped", "drop"),
        ("name_collision", "name_collision", "dropped", "drop"),
        ("first", "duplicate", "dropped", "drop"),
        ("too_short", "too_short", "dropped", "drop"),
        ("", "name_collision", "dropped", "drop"),
        ("", "empty_folder", "dropped", "drop"),
        ("", "unknown_name", "dropped", "drop"),
    }
    found = {(fault.track, fault.kind, fault.action, fault.rule) for fault in faults.itertuples()}
    assert expected <= found
    extra = {(track, kind) for track, kind, _, _ in found - expected}
    assert extra <= {("length_mismatch", "mixture_not_sum"), ("rate_mismatch", "mixture_not_sum"),
                     ("channel_mismatch", "mixture_not_sum"), ("not_finite", "mixture_not_sum")}  # fmt: skip


REASONS = {
    "length_mismatch": "12000 to 16000 frames (1.50 to 2.00 s), filled with silence",
    "not_finite": "10 samples are NaN or infinite",
    "silent_stem": "no 1 s frame rises over -60 dBFS",
    "missing_stem": "its audio file is missing",
    "truncated": "the audio file is truncated",
    "too_short": "0.50 s, less than 1.0 s",
    "clipped": "1.25% of the samples are at full scale",
}


def test_reasons_say_what_was_measured(faulty_tree: Path, tmp_path: Path) -> None:
    _, faults = run(faulty_tree, tmp_path / "store", replace(DUO, on_fault=EVERYTHING_GOES_ON))
    reasons = faults.groupby("kind")["reason"].agg(" | ".join)
    wrong = {kind: reasons[kind] for kind, text in REASONS.items() if text not in reasons[kind]}
    assert wrong == {}
    assert "dB of the mixture" in reasons["mixture_not_sum"]
    assert "train/first/piano is the same audio as test/duplicate/piano" in reasons["duplicate"]
    assert "16000 Hz, while" in reasons["rate_mismatch"]


def test_every_fault_names_its_file(faulty_tree: Path, tmp_path: Path) -> None:
    _, faults = run(faulty_tree, tmp_path / "store", replace(DUO, on_fault=EVERYTHING_GOES_ON))
    assert [file for file in faults["file"] if not file.startswith(str(faulty_tree))] == []
    by_kind = faults.drop_duplicates("kind").set_index("kind")["file"]
    assert by_kind["truncated"].endswith("train/truncated/rest.wav")
    assert by_kind["empty_folder"].endswith("train/empty_folder")
    assert by_kind["unknown_name"].endswith("first/unknown_name.xyz")


def test_the_list_is_complete_before_the_run_stops(faulty_tree: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    with pytest.raises(
        DataError, match=r"more such faults stop the run; all faults are listed in .*faults\.csv"
    ):
        run(faulty_tree, store)
    faults = pd.read_csv(store / "faults.csv")
    stopping = set(faults[faults["action"] == "stopped"]["kind"])
    assert stopping == {"not_finite", "unreadable", "truncated", "name_collision", "duplicate"}
    assert not (store / MANIFEST_NAME).exists()
    report = (store / "report.md").read_text()
    assert all(kind in report for kind in faults["kind"])


def test_a_stopped_ingestion_leaves_the_earlier_manifest(
    tmp_path: Path, make_duo: Callable[..., Path]
) -> None:
    for number, place in enumerate(("train/a", "train/b", "test/c")):
        make_duo(tmp_path / "duos" / place, seed=number)
    run(tmp_path / "duos", tmp_path / "store")
    before = (tmp_path / "store" / MANIFEST_NAME).read_bytes()
    (tmp_path / "duos/train/a/rest.wav").write_text("no sound")
    with pytest.raises(UnreadableFileError):
        run(tmp_path / "duos", tmp_path / "store")
    assert (tmp_path / "store" / MANIFEST_NAME).read_bytes() == before


CASES = {
    "length_mismatch": (StemMismatchError, "repaired"),
    "rate_mismatch": (StemMismatchError, "repaired"),
    "channel_mismatch": (StemMismatchError, "repaired"),
    "not_finite": (DataError, "repaired"),
    "clipped": (DataError, "kept"),
    "silent_stem": (SilentStemError, "kept"),
    "missing_stem": (NoInputError, "kept"),
    "mixture_not_sum": (StemMismatchError, "repaired"),
    "unreadable": (UnreadableFileError, "kept"),
    "truncated": (TruncatedFileError, "kept"),
    "name_collision": (SplitOverlapError, "kept"),
}


@pytest.fixture
def damaged(tmp_path: Path, make_duo: Callable[..., Path], damages, request) -> Path:
    root = tmp_path / "duos"
    for number, place in enumerate(("train/sound", "train/damaged", "test/other")):
        make_duo(root / place, seed=number)
    damages[request.param](root / "train/damaged")
    return root


@pytest.mark.parametrize(("damaged", "kind"), [(kind, kind) for kind in CASES], indirect=["damaged"])
@pytest.mark.parametrize("rule", ["stop", "drop", "keep"])
def test_every_kind_obeys_every_rule(damaged: Path, tmp_path: Path, kind: str, rule: str) -> None:
    others = dict.fromkeys(CASES, "keep")
    config = replace(DUO, on_fault={**others, kind: rule})
    error, action = CASES[kind]
    if rule == "stop":
        with pytest.raises(error, match=f"track damaged.*{kind.replace('_', ' ')}") as caught:
            run(damaged, tmp_path / "store", config)
        assert (caught.value.parameter, caught.value.file is not None) == (f"on_fault.{kind}", True)
        return
    manifest, faults = run(damaged, tmp_path / "store", config)
    assert faults[faults["kind"] == kind].iloc[0]["action"] == (action if rule == "keep" else "dropped")
    tracks = {
        track.track_id for split in ("train", "validation", "test") for track in tracks_of(manifest, split)
    }
    assert ("damaged" in tracks) == (rule == "keep")
    assert (tmp_path / "store/train/damaged").exists() == (rule == "keep")


@pytest.fixture
def odd_trees(tmp_path: Path, make_duo: Callable[..., Path], make_slakh_track, make_musdb_track) -> Path:
    """One tree for each fault that a reader finds, named by its kind."""
    for kind in ("empty_folder", "unknown_name", "name_collision", "duplicate"):
        for number, place in enumerate(("train/a", "train/b", "test/c")):
            make_duo(tmp_path / kind / place, seed=number)
    (tmp_path / "empty_folder/train/nothing").mkdir()
    (tmp_path / "unknown_name/train/a/song.xyz").write_text("?")
    make_duo(tmp_path / "name_collision/train/A", seed=5)
    make_duo(tmp_path / "duplicate/test/copy", seed=0)
    for number, place in enumerate(("train/Track00001", "omitted/Track00002", "test/Track01900")):
        make_slakh_track(tmp_path / "left_out" / place, seed=number)
    for number, place in enumerate(("train/PR - Oh No", "test/B")):
        make_musdb_track(tmp_path / "known_defect" / place, seed=number)
    return tmp_path


@pytest.mark.parametrize(
    ("kind", "stems", "error", "message"),
    [
        ("empty_folder", "piano+rest", NoInputError, r"empty folder.*nothing: the folder has no audio file"),
        ("unknown_name", "piano+rest", NoInputError, r"unknown name.*song\.xyz.*not a kind of file"),
        ("name_collision", "piano+rest", SplitOverlapError, r"name collision.*are the same name"),
        ("duplicate", "piano+rest", SplitOverlapError, r"duplicate.*the same audio as test/copy"),
        ("left_out", "drums+bass", NoInputError, r"left out.*Track00002.*omitted"),
        ("known_defect", "drums+bass+other+vocals", DataError, r"PR - Oh No: known defect.*left channel"),
    ],
)
def test_what_a_reader_finds_can_stop_the_run(
    odd_trees: Path, tmp_path: Path, kind: str, stems: str, error: type[DataError], message: str
) -> None:
    config = StoreConfig(stems=tuple(stems.split("+")), sample_rate=RATE, on_fault={kind: "stop"})
    with pytest.raises(error, match=message) as caught:
        run(odd_trees / kind, tmp_path / "stores" / kind, config)
    assert caught.value.parameter == f"on_fault.{kind}"
    assert str(caught.value.file).startswith(str(odd_trees / kind))


def test_equal_track_names_get_a_number_when_they_are_kept(
    tmp_path: Path, make_duo: Callable[..., Path]
) -> None:
    for number, place in enumerate(("train/Song", "train/song", "test/other")):
        make_duo(tmp_path / "duos" / place, seed=number)
    config = replace(DUO, on_fault={"name_collision": "keep"}, splits=replace(DUO.splits, validation_share=0))
    manifest, _ = run(tmp_path / "duos", tmp_path / "store", config)
    assert [track.track_id for track in tracks_of(manifest, "train")] == ["Song", "song (2)"]


def test_tracks_with_too_few_stems(tmp_path: Path, make_duo: Callable[..., Path]) -> None:
    for number, place in enumerate(("train/a", "train/b", "test/c")):
        make_duo(tmp_path / "duos" / place, seed=number)
    (tmp_path / "duos/train/a/rest.wav").unlink()
    config = replace(DUO, min_stems=2, on_fault={"missing_stem": "keep"})
    _, faults = run(tmp_path / "duos", tmp_path / "store", config)
    fault = faults[faults["kind"] == "too_few_stems"].iloc[0]
    assert (fault["track"], fault["reason"]) == ("a", "1 of the wanted 2: piano")


def test_short_tracks_can_stop_the_run_and_an_empty_store_is_an_error(
    tmp_path: Path, make_duo: Callable[..., Path]
) -> None:
    make_duo(tmp_path / "duos" / "train" / "a")
    with pytest.raises(NoInputError, match="too_short"):
        run(tmp_path / "duos", tmp_path / "store", replace(DUO, min_seconds=3.0))
    with pytest.raises(TooShortError, match=r"2\.00 s"):
        run(tmp_path / "duos", tmp_path / "x", replace(DUO, min_seconds=3.0, on_fault={"too_short": "stop"}))


@pytest.mark.parametrize(
    ("on_fault", "parameter", "message"),
    [
        ({"clippd": "drop"}, "on_fault.clippd", "clipped"),
        ({"clipped": "ignore"}, "on_fault.clipped", "stop or drop or keep"),
        ({"empty_folder": "keep"}, "on_fault.empty_folder", "stop or drop"),
    ],
)
def test_wrong_rules_are_named(on_fault: dict[str, str], parameter: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message) as caught:
        replace(DUO, on_fault=on_fault)
    assert caught.value.parameter == parameter
