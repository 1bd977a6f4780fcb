"""Per-track scores as one tidy frame, and the arrays that are aggregated from it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from sep_pipeline.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

SCORE_COLUMNS = ("arm", "seed", "track", "stem", "metric", "value")
"""Columns of a scores frame: one row per arm, seed, track, stem and metric, `value` in dB."""

TOTAL = "total"
"""Name of the mean over stems, beside the stems' own names."""


def check_scores(scores: pd.DataFrame) -> None:
    """Refuse a frame that lacks columns or scores the same thing twice.

    Raises:
        DataError: Columns are missing, or rows are repeated.
    """
    missing = [name for name in SCORE_COLUMNS if name not in scores.columns]
    if missing:
        raise DataError(
            "the scores frame lacks columns", expected=list(SCORE_COLUMNS), found=list(scores.columns)
        )
    keys = [name for name in SCORE_COLUMNS if name != "value"]
    repeated = scores.loc[scores.duplicated(keys), keys]
    if len(repeated):
        raise DataError("a track is scored twice", expected="one row each", found=repeated.iloc[0].to_dict())


def stems_of(scores: pd.DataFrame) -> tuple[str, ...]:
    """Stem names in order of first appearance."""
    return tuple(str(stem) for stem in scores["stem"].unique())


def score_array(
    scores: pd.DataFrame, *, arm: str, metric: str, stems: Sequence[str], tracks: Sequence[str] | None = None
) -> npt.NDArray[np.float64] | None:
    """Scores of one arm as an array.

    Args:
        scores: A scores frame.
        arm: Name of the arm.
        metric: Name of the metric.
        stems: Stems in the wanted order.
        tracks: Tracks in the wanted order; None takes all tracks of the arm, sorted.

    Returns:
        float64, (stem, seed, track), NaN where nothing was scored; None if the arm lacks one of the stems.
    """
    chosen = scores[(scores["arm"] == arm) & (scores["metric"] == metric)]
    if any(stem not in set(chosen["stem"]) for stem in stems):
        return None
    seeds = sorted(chosen["seed"].unique())
    wanted_tracks = sorted(chosen["track"].unique()) if tracks is None else list(tracks)
    table = chosen.set_index(["stem", "seed", "track"])["value"].to_dict()
    return np.array(
        [
            [[table.get((stem, seed, track), np.nan) for track in wanted_tracks] for seed in seeds]
            for stem in stems
        ],
        dtype=np.float64,
    )


def tracks_of(scores: pd.DataFrame, *, arm: str, metric: str) -> set[str]:
    """Names of the tracks on which an arm was scored."""
    return set(scores.loc[(scores["arm"] == arm) & (scores["metric"] == metric), "track"])


def seeds_of(scores: pd.DataFrame, *, arm: str, metric: str) -> tuple[int, ...]:
    """Seeds of an arm, ascending."""
    return tuple(sorted(scores.loc[(scores["arm"] == arm) & (scores["metric"] == metric), "seed"].unique()))
