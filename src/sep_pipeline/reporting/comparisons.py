"""Paired differences between two arms, and the sentence that says what they show."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from sep_pipeline.errors import NoInputError
from sep_pipeline.metrics.aggregate import MEAN_OVER_SONGS, Interval, bootstrap_interval
from sep_pipeline.reporting.rendering import count_of, format_decibels, format_interval
from sep_pipeline.reporting.scores import (
    TOTAL,
    check_scores,
    score_array,
    seeds_of,
    stems_of,
    tracks_of,
)

if TYPE_CHECKING:
    import pandas as pd

FEWEST_SONGS_FOR_A_CLAIM = 6
"""With five songs even differences of one sign all through come by chance in 2 of 32 cases, above 5 %."""


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One arm minus another on the same songs.

    Attributes:
        arm: The arm.
        baseline: The arm that is subtracted.
        stem: Stem, or "total" for the mean over stems.
        metric: Metric.
        interval: Mean difference in dB with its bootstrap interval over songs (and seeds).
        is_paired_by_seed: Whether both arms have the same seeds; otherwise each arm's mean over seeds is
            compared, the interval is over songs alone and `num_seeds` is the smaller number of both.
    """

    arm: str
    baseline: str
    stem: str
    metric: str
    interval: Interval
    is_paired_by_seed: bool

    @property
    def verdict(self) -> str:
        """What the difference shows, in one sentence that claims no more than the interval does."""
        interval = self.interval
        figure = f"{format_decibels(interval.value, has_sign=True)} dB"
        ends = format_interval(interval.low, interval.high, has_sign=True)
        basis = f"over {count_of(interval.num_tracks, 'song')}, {count_of(interval.num_seeds, 'seed')}"
        where = "" if self.stem == TOTAL else f" ({self.stem})"
        return f"{self.arm} minus {self.baseline}{where}: {figure} {ends} {basis}: {self._finding()}"

    def _finding(self) -> str:
        interval = self.interval
        if interval.num_tracks < 2:
            return "one song gives no interval, nothing shown"
        if not (interval.low > 0.0 or interval.high < 0.0):
            return "no difference shown"
        better = self.arm if interval.low > 0.0 else self.baseline
        if interval.num_tracks < FEWEST_SONGS_FOR_A_CLAIM:
            return f"{better} scores higher on these songs, too few to say more"
        if interval.num_seeds < 2:
            return f"{better} scores higher with this seed"
        return f"{better} scores higher"


def paired_difference(
    scores: pd.DataFrame, arm: str, baseline: str, *, metric: str, stem: str = TOTAL, seed: int = 0
) -> Difference:
    """Compare two arms song by song.

    Args:
        scores: A scores frame.
        arm: The arm.
        baseline: The arm to subtract.
        metric: Metric.
        stem: A stem, or "total" for the mean over all stems.
        seed: Seed of the bootstrap.

    Returns:
        The difference over the songs that both arms have.

    Raises:
        NoInputError: The arms have no song or not all stems in common.
        DataError: The scores frame lacks columns or scores a track twice.
    """
    check_scores(scores)
    stems = stems_of(scores) if stem == TOTAL else (stem,)
    shared = sorted(
        tracks_of(scores, arm=arm, metric=metric) & tracks_of(scores, arm=baseline, metric=metric)
    )
    sides = [
        score_array(scores, arm=name, metric=metric, stems=stems, tracks=shared) for name in (arm, baseline)
    ]
    if not shared or sides[0] is None or sides[1] is None:
        raise NoInputError(
            f"{arm} and {baseline} have nothing in common to compare",
            expected=f"{metric} of {', '.join(stems)}",
        )
    values, baseline_values = sides[0], sides[1]
    seeds = [seeds_of(scores, arm=name, metric=metric) for name in (arm, baseline)]
    is_paired_by_seed = seeds[0] == seeds[1]
    if not is_paired_by_seed:
        values, baseline_values = (np.mean(side, axis=1, keepdims=True) for side in (values, baseline_values))
    interval = bootstrap_interval(values - baseline_values, aggregation=MEAN_OVER_SONGS, seed=seed)
    interval = replace(interval, num_seeds=min(len(side) for side in seeds))
    return Difference(
        arm=arm,
        baseline=baseline,
        stem=stem,
        metric=metric,
        interval=interval,
        is_paired_by_seed=is_paired_by_seed,
    )
