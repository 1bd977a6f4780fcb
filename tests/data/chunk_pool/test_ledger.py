"""Records of visits that outlive the process."""

from __future__ import annotations

from pathlib import Path

import pytest

from sep_pipeline.data.chunk_pool.bookkeeping import VisitRecord
from sep_pipeline.data.chunk_pool.ledger import Ledger
from sep_pipeline.errors import StorageError

RECORDS = [VisitRecord(5, 1), VisitRecord(0, 1), VisitRecord(3, 2), VisitRecord(12, 2)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    ledger = Ledger(tmp_path / "deep" / "pool.ledger", "abc")
    for record in RECORDS:
        ledger.append(record)
    return tmp_path / "deep" / "pool.ledger"


def kept(ledger: Ledger) -> list[VisitRecord]:
    return [ledger[visit] for visit in range(len(ledger))]


def test_records_come_back(path: Path) -> None:
    assert kept(Ledger(path, "abc")) == RECORDS


def test_records_of_another_pool_are_replaced(path: Path) -> None:
    assert kept(Ledger(path, "abd")) == []
    assert kept(Ledger(path, "abc")) == []


@pytest.mark.parametrize("num_lost", [1, 5, 14])
def test_a_torn_end_costs_the_last_record_only(path: Path, num_lost: int) -> None:
    path.write_bytes(path.read_bytes()[:-num_lost])
    ledger = Ledger(path, "abc")
    assert kept(ledger) == RECORDS[:3]
    ledger.append(RECORDS[3])
    assert kept(Ledger(path, "abc")) == RECORDS


@pytest.mark.parametrize("damage", [b"0 4 1 00000000\n", b"\xff\xfe\n", b"0 5 1\n", b"\n"])
def test_a_damaged_line_ends_the_records(path: Path, damage: bytes) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:3], damage, *lines[4:]]))
    assert kept(Ledger(path, "abc")) == RECORDS[:2]


def test_a_repeated_line_ends_the_records(path: Path) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:3], lines[2], *lines[3:]]))
    assert kept(Ledger(path, "abc")) == RECORDS[:2]


def test_without_a_file_records_live_in_memory() -> None:
    ledger = Ledger(None, "abc")
    for record in RECORDS:
        ledger.append(record)
    assert kept(ledger) == RECORDS


def test_a_ledger_that_cannot_be_written_is_an_error(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = Ledger(path, "abc")

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(StorageError, match=r"the disk is full.*pool\.ledger"):
        ledger.append(RECORDS[0])
    assert len(ledger) == len(RECORDS)
