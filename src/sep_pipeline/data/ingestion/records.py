"""What ingestion found out about one track, kept so that finished tracks are not done again."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from sep_pipeline.data.ingestion.faults import Fault
from sep_pipeline.files import write_text


@dataclass(frozen=True, kw_only=True)
class TrackRecord:
    """Result of ingesting one track.

    Attributes:
        key: Folder of the store and name of the track ("train/Track00001").
        digest: Hash of everything the result depends on.
        rows: Manifest rows; none when the track was dropped.
        faults: Faults of the track.
        formats: Sample rate, channels and an example file of each format its files have.
    """

    key: str
    digest: str
    rows: list[dict[str, Any]] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    formats: list[tuple[int, int, str]] = field(default_factory=list)


def read_record(path: Path, digest: str, store_folder: Path) -> TrackRecord | None:
    """Read a record; None when there is none, when it was made from other inputs, or when its files are gone.

    Args:
        path: The record.
        digest: Hash of what the track would be made from now.
        store_folder: What the paths of its rows start from.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(content, dict) or content.get("digest") != digest:
        return None
    if not all((store_folder / row["path"]).is_file() for row in content["rows"]):
        return None
    return TrackRecord(
        key=content["key"],
        digest=digest,
        rows=content["rows"],
        faults=[Fault(**fault) for fault in content["faults"]],
        formats=[(rate, channels, file) for rate, channels, file in content["formats"]],
    )


def write_record(path: Path, record: TrackRecord) -> None:
    """Write a record so that it is never half written."""
    write_text(path, json.dumps(asdict(record), indent=1))
