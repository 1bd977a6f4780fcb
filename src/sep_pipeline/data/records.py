"""What ingestion found out about one track, kept so that finished tracks are not measured again."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from sep_pipeline.data.checks import Fault
from sep_pipeline.files import write_text


@dataclass(frozen=True, kw_only=True)
class TrackRecord:
    """Result of ingesting one track.

    Attributes:
        digest: Hash of everything the result depends on.
        rows: Manifest rows; none when the track was dropped.
        faults: Faults of the track.
    """

    digest: str
    rows: list[dict[str, Any]] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)


def read_record(path: Path, digest: str) -> TrackRecord | None:
    """Read a record; None when there is none, or when it was made from other inputs."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(content, dict) or content.get("digest") != digest:
        return None
    faults = [Fault(**fault) for fault in content["faults"]]
    return TrackRecord(digest=digest, rows=content["rows"], faults=faults)


def write_record(path: Path, record: TrackRecord) -> None:
    """Write a record so that it is never half written."""
    write_text(path, json.dumps(asdict(record), indent=1))
