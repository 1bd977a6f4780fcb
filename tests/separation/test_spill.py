"""Rows kept aside come back as they were, from memory and from disk."""

from __future__ import annotations

import errno
import tempfile

import pytest
import torch

from sep_pipeline.errors import StorageError
from sep_pipeline.separation.spill import Spill


@pytest.mark.parametrize("on_disk", [False, True])
def test_rows_come_back_in_any_order(on_disk: bool) -> None:
    rows = torch.arange(30.0).view(10, 3)
    spill = Spill(10, 3, on_disk=on_disk)
    spill.put(6, rows[6:])
    spill.put(0, rows[:6])
    for start, stop in ((0, 10), (5, 7), (9, 10)):
        torch.testing.assert_close(spill.get(start, stop), rows[start:stop], rtol=0, atol=0)
    spill.close()


def test_parts_of_wider_tables_can_be_kept() -> None:
    wide = torch.arange(30.0).view(10, 3)
    spill = Spill(10, 1, on_disk=True)
    spill.put(0, wide[:, 1:2])
    torch.testing.assert_close(spill.get(0, 10), wide[:, 1:2], rtol=0, atol=0)
    spill.close()


def test_a_full_disk_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    with pytest.raises(StorageError):
        Spill(10, 3, on_disk=True)
