"""The report of an ingestion for reading: what was seen, what the store holds, and every fault."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sep_pipeline.data.ingestion.faults import KINDS, Fault
from sep_pipeline.data.layouts.source import Reading
from sep_pipeline.data.manifest import MIXTURE, SPLITS

if TYPE_CHECKING:
    import pandas

REPORT_NAME = "report.md"
MOST_LINES_PER_KIND = 20


def report_text(
    reading: Reading, manifest: pandas.DataFrame, faults: Sequence[Fault], *, root: Path, set_name: str
) -> str:
    """Write the report as Markdown.

    Args:
        reading: What the reader found.
        manifest: Rows of the store.
        faults: All faults; at most 20 of a kind and action are listed one by one, the others counted.
        root: Folder of the data set, which file names are shortened by.
        set_name: Name of the data set.
    """
    lines = [
        f"# Data set {set_name}",
        "",
        f"{root}, layout {reading.layout}, number of tracks {len(reading.tracks)}: {', '.join(reading.labels)}.",
        "",
        *_contents(manifest),
        "",
        *_faults(faults, root),
    ]
    return "\n".join(lines) + "\n"


def _contents(manifest: pandas.DataFrame) -> list[str]:
    from tabulate import tabulate

    if not len(manifest):
        return ["No track is left."]
    stems = [str(stem) for stem in dict.fromkeys(manifest["stem"]) if stem != MIXTURE]
    seconds = manifest["frames"] / manifest["sample_rate"]
    rows = []
    for split in SPLITS:
        is_split = manifest["split"] == split
        minutes = [float(seconds[is_split & (manifest["stem"] == stem)].sum()) / 60 for stem in stems]
        rows.append([split, manifest[is_split]["track"].nunique(), *(f"{value:.1f}" for value in minutes)])
    header = ["split", "tracks", *(f"{stem}, min" for stem in stems)]
    return [tabulate(rows, header, tablefmt="pipe", disable_numparse=True)]


def _faults(faults: Sequence[Fault], root: Path) -> list[str]:
    from tabulate import tabulate

    if not faults:
        return ["No fault was found."]
    order = list(KINDS)
    counts = Counter((fault.kind, fault.action) for fault in faults)
    lines = [f"{len(faults)} faults. What was done follows from the rule; `on_fault` changes it.", ""]
    rows = []
    for kind, action in sorted(counts, key=lambda pair: (pair[1] != "stopped", order.index(pair[0]))):
        members = [fault for fault in faults if (fault.kind, fault.action) == (kind, action)]
        rows += [
            [kind, action, fault.rule, _place(fault), _shortened(fault.file, root), fault.reason]
            for fault in members[:MOST_LINES_PER_KIND]
        ]
        if len(members) > MOST_LINES_PER_KIND:
            rows.append([kind, action, "", f"and {len(members) - MOST_LINES_PER_KIND} more", "", ""])
    header = ["kind", "action", "rule", "track / stem", "file", "reason"]
    return [*lines, tabulate(rows, header, tablefmt="pipe", disable_numparse=True)]


def _place(fault: Fault) -> str:
    return " / ".join(name for name in (fault.track, fault.stem) if name)


def _shortened(file: str, root: Path) -> str:
    path = Path(file)
    return str(path.relative_to(root)) if path.is_relative_to(root) else file
