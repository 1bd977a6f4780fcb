"""The tidy table of results: one row per arm, stem and metric, with intervals and the printed figures."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sep_pipeline.metrics.aggregate import Interval, bootstrap_interval
from sep_pipeline.reporting.scores import TOTAL, check_scores, score_array, stems_of

if TYPE_CHECKING:
    import pandas as pd

TABLE_COLUMNS = (
    "arm",
    "stem",
    "metric",
    "aggregation",
    "value",
    "low",
    "high",
    "published",
    "num_tracks",
    "num_seeds",
    "steps",
    "weights",
    "data_hash",
    "code_version",
)
"""Columns of a result table, in the order in which its CSV file holds them."""

Published = Mapping[str, Mapping[str, Mapping[str, float]]]
"""Printed figures: metric, then arm, then stem (or "total") to dB."""


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """Where the estimates of one arm come from.

    Attributes:
        steps: Training steps; None for an arm without training.
        weights: What the training started from, or "none".
        data_hash: Hash of the data the arm was trained on.
    """

    steps: int | None = None
    weights: str = "none"
    data_hash: str = ""


def result_table(
    scores: pd.DataFrame,
    *,
    aggregations: Mapping[str, str],
    provenance: Mapping[str, Provenance],
    code_version: str,
    published: Published | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """Aggregate per-track scores into the tidy table.

    Args:
        scores: One row per arm, seed, track, stem and metric, see `SCORE_COLUMNS`. Arms and stems keep the
            order in which they appear first.
        aggregations: Metric to the name of its aggregation; metrics that are not named are left out.
        provenance: Arm to where it comes from; arms that are not named get empty entries.
        code_version: Version of the package and commit.
        published: Printed figures; an arm, stem or metric without one gets NaN.
        seed: Seed of the bootstrap.

    Returns:
        Columns `TABLE_COLUMNS`; for every arm with all stems also the row "total", the mean over stems.

    Raises:
        DataError: The scores frame lacks columns or scores a track twice.
        ConfigurationError: An aggregation is unknown.
    """
    import pandas as pd

    check_scores(scores)
    stems = stems_of(scores)
    groups = [(stem, (stem,)) for stem in stems] + [(TOTAL, stems)]
    rows = []
    for metric, aggregation in aggregations.items():
        printed = (published or {}).get(metric, {})
        for arm in scores.loc[scores["metric"] == metric, "arm"].unique():
            for label, members in groups:
                values = score_array(scores, arm=arm, metric=metric, stems=members)
                if values is None:
                    continue
                interval = bootstrap_interval(values, aggregation=aggregation, seed=seed)
                row = {"arm": arm, "stem": label, "metric": metric, "aggregation": aggregation}
                row |= _figures(interval, printed.get(arm, {}).get(label, math.nan))
                row |= _origin(provenance.get(arm, Provenance()), code_version)
                rows.append(row)
    return pd.DataFrame(rows, columns=list(TABLE_COLUMNS)).astype({"steps": "Int64"})


def _figures(interval: Interval, published: float) -> dict[str, object]:
    return {
        "value": interval.value,
        "low": interval.low,
        "high": interval.high,
        "published": published,
        "num_tracks": interval.num_tracks,
        "num_seeds": interval.num_seeds,
    }


def _origin(provenance: Provenance, code_version: str) -> dict[str, object]:
    return {
        "steps": provenance.steps,
        "weights": provenance.weights,
        "data_hash": provenance.data_hash,
        "code_version": code_version,
    }
