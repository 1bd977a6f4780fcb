"""What the visits of a pool brought, kept so that a resumed training need not render what it has had."""

from __future__ import annotations

import zlib
from array import array
from pathlib import Path

from sep_pipeline.data.chunk_pool.bookkeeping import VisitRecord
from sep_pipeline.files import storage_errors, write_text

_HEADER = "chunk pool"


class Ledger:
    """The records of visits, in order, in memory and in a file.

    Every record is a line of its own with a checksum, handed to the operating system before it is used. A file that
    ends in the middle of a line, as after a crash, counts up to its last whole line; a file of another pool is
    replaced.

    Args:
        path: The file; None keeps the records in memory only.
        identity: Digest of everything that the records depend on.

    Raises:
        StorageError: The folder is not writable or the disk is full.
    """

    def __init__(self, path: Path | None, identity: str) -> None:
        self._path = path
        self._num_chunks, self._reuse = array("l"), array("l")
        if path is None:
            return
        header = f"{_HEADER} {identity}\n"
        lines = _whole_lines(path)
        known = _records(lines[1:]) if lines and lines[0] == header else []
        for record in known:
            self._remember(record)
        write_text(path, header + "".join(map(_line, range(len(known)), known)))

    def __len__(self) -> int:
        return len(self._reuse)

    def __getitem__(self, visit: int) -> VisitRecord:
        return VisitRecord(self._num_chunks[visit], self._reuse[visit])

    def append(self, record: VisitRecord) -> None:
        """Add the record of the next visit.

        Raises:
            StorageError: The disk is full.
        """
        if self._path is not None:
            with storage_errors(self._path), self._path.open("a", encoding="utf-8") as stream:
                stream.write(_line(len(self), record))
        self._remember(record)

    def _remember(self, record: VisitRecord) -> None:
        self._num_chunks.append(record.num_chunks)
        self._reuse.append(record.reuse)


def _line(visit: int, record: VisitRecord) -> str:
    text = f"{visit} {record.num_chunks} {record.reuse}"
    return f"{text} {zlib.crc32(text.encode()):08x}\n"


def _records(lines: list[str]) -> list[VisitRecord]:
    """Records up to the first line that is not what `_line` writes."""
    records: list[VisitRecord] = []
    for line in lines:
        fields = line.split()
        if len(fields) != 4 or not all(field.isdecimal() for field in fields[:3]):
            break
        record = VisitRecord(int(fields[1]), int(fields[2]))
        if line != _line(len(records), record):
            break
        records.append(record)
    return records


def _whole_lines(path: Path) -> list[str]:
    if not path.is_file():
        return []
    text = path.read_text(encoding="utf-8", errors="replace")
    return [line for line in text.splitlines(keepends=True) if line.endswith("\n")]
