"""What a second ingestion does again: changed tracks, changed code, and what a killed one left undone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from sep_pipeline.data.ingestion import StoreConfig, conversion, ingest

DUO = StoreConfig(stems=("piano", "rest"), sample_rate=8000)


def run(root: Path, store: Path, config: StoreConfig = DUO) -> None:
    ingest(root, store, config, set_name="duos", num_processes=1)


@pytest.fixture
def duos(tmp_path: Path, make_duo: Callable[..., Path]) -> Path:
    for number, place in enumerate(("train/a", "train/b", "train/c", "test/d")):
        make_duo(tmp_path / "duos" / place, seed=number)
    return tmp_path / "duos"


@pytest.fixture
def converted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the tracks that were really converted, in order."""
    names: list[str] = []
    original = conversion.decoded_parts

    def noted(job, log):
        names.append(job.track.track_id)
        return original(job, log)

    monkeypatch.setattr(conversion, "decoded_parts", noted)
    return names


def test_an_unchanged_tree_is_not_decoded_again(duos: Path, tmp_path: Path, converted: list[str]) -> None:
    run(duos, tmp_path / "store")
    assert sorted(converted) == ["a", "b", "c", "d"]
    converted.clear()
    run(duos, tmp_path / "store")
    assert converted == []


def test_only_the_track_of_a_changed_file_is_done_again(
    duos: Path, tmp_path: Path, converted: list[str], make_duo: Callable[..., Path]
) -> None:
    run(duos, tmp_path / "store")
    converted.clear()
    make_duo(duos / "train/b", seed=9)
    run(duos, tmp_path / "store")
    assert converted == ["b"]


def test_a_lost_file_of_the_store_is_made_again(duos: Path, tmp_path: Path, converted: list[str]) -> None:
    run(duos, tmp_path / "store")
    converted.clear()
    (tmp_path / "store/train/c/rest.wav").unlink()
    run(duos, tmp_path / "store")
    assert converted == ["c"]


def test_other_code_does_everything_again(duos: Path, tmp_path: Path, converted: list[str]) -> None:
    run(duos, tmp_path / "store", replace(DUO, code="old"))
    converted.clear()
    run(duos, tmp_path / "store", replace(DUO, code="new"))
    assert sorted(converted) == ["a", "b", "c", "d"]


def test_an_interrupted_ingestion_goes_on_where_it_stopped(
    duos: Path, tmp_path: Path, converted: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    measured, calls = conversion.measured_row, []

    def stops_in_the_third_track(*arguments, **options):
        calls.append(options["track_id"])
        if len(set(calls)) == 3:
            raise KeyboardInterrupt
        return measured(*arguments, **options)

    monkeypatch.setattr(conversion, "measured_row", stops_in_the_third_track)
    with pytest.raises(KeyboardInterrupt):
        run(duos, tmp_path / "store")
    monkeypatch.setattr(conversion, "measured_row", measured)
    finished = converted[:2]
    converted.clear()
    run(duos, tmp_path / "store")
    assert sorted(finished + converted) == ["a", "b", "c", "d"]
    assert not list((tmp_path / "store").glob("*/.*"))
