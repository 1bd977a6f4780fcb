"""Final scores, tables and figures of a study in MLflow."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sep_pipeline.tracking.session import TrackingSession

if TYPE_CHECKING:
    import pandas


def log_study_results(session: TrackingSession, scores: pandas.DataFrame, files: Sequence[Path]) -> None:
    """Log mean test scores to the run of each cell, and means over stems and the files to the study's run.

    A cell's scores are named `final/<metric>`, those of a refined estimate `final_<refinement>/<metric>`:
    before `phase_one/…`, so that the charts begin with them. The study's run has `total_<metric>/<arm>`
    and the first Markdown file as its description.

    Args:
        session: The tracking of this run of the study.
        scores: One row per arm, stem, seed, track and metric, with its value in dB. The rows of a refined
            estimate are called `<arm>+<refinement>`.
        files: Tables, figures and reports.
    """
    means = scores.groupby(["arm", "stem", "seed", "metric"])["value"].mean().reset_index()
    cells: defaultdict[tuple[str, str, int], dict[str, float]] = defaultdict(dict)
    for row in means.to_dict("records"):
        arm, _, refinement = str(row["arm"]).partition("+")
        prefix = f"final_{metric_key(refinement)}" if refinement else "final"
        cell = arm, str(row["stem"]), int(row["seed"])
        cells[cell][f"{prefix}/{metric_key(row['metric'])}"] = row["value"]
    for (arm, stem, seed), metrics in cells.items():
        tracker = session.latest_cell(arm=arm, stem=stem, seed=seed)
        if tracker is not None:
            tracker.log_metrics(metrics)
    totals = means.groupby(["arm", "metric"])["value"].mean().reset_index().to_dict("records")
    study = session.study_tracker()
    study.log_metrics(
        {f"total_{metric_key(row['metric'])}/{metric_key(row['arm'])}": row["value"] for row in totals}
    )
    for path in files:
        study.log_file(path)
    description = next((path for path in files if path.suffix == ".md"), None)
    if description is not None:
        study.describe(description.read_text(encoding="utf-8"))


def metric_key(name: object) -> str:
    """A name that MLflow takes as part of a metric's: other characters become underscores."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "_", str(name)).strip("_")
