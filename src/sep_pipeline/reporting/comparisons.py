"""Paired differences between two arms, and the sentence that says what they show."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from sep_pipeline.errors import NoInputError
from sep_pipeline.metrics.aggregate import MEAN_OVER_SONGS, Interval, bootstrap_interval, mean_along
from sep_pipeline.metrics.significance import wilcoxon_greater
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

COMPARISON_COLUMNS = (
    "arm",
    "baseline",
    "stem",
    "metric",
    "difference",
    "low",
    "high",
    "p_value",
    "num_tracks",
    "num_seeds",
)
"""Columns of a comparison table."""


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
        p_value: Of the signed-rank test that the arm is higher (one-sided), over songs, each with its mean
            over seeds and stems; NaN if it was not asked for or no song differs.
    """

    arm: str
    baseline: str
    stem: str
    metric: str
    interval: Interval
    is_paired_by_seed: bool
    p_value: float = math.nan

    @property
    def verdict(self) -> str:
        """What the difference shows, in one sentence that claims no more than the interval does.

        A p value stands in it as a figure; what is found follows from the interval and the songs alone.
        """
        interval = self.interval
        figure = f"{format_decibels(interval.value, has_sign=True)} dB"
        ends = format_interval(interval.low, interval.high, has_sign=True)
        basis = f"over {count_of(interval.num_tracks, 'song')}, {count_of(interval.num_seeds, 'seed')}"
        where = "" if self.stem == TOTAL else f" ({self.stem})"
        return f"{self.arm} minus {self.baseline}{where}: {figure} {ends} {basis}{self._test()}: {self._finding()}"

    def _test(self) -> str:
        """The p value; none for a single song, which has no interval either."""
        if math.isnan(self.p_value) or self.interval.num_tracks < 2:
            return ""
        return f", Wilcoxon {format_p_value(self.p_value)} ({count_of(self.interval.num_tracks, 'song')})"

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
    scores: pd.DataFrame,
    arm: str,
    baseline: str,
    *,
    metric: str,
    stem: str = TOTAL,
    seed: int = 0,
    has_test: bool = False,
) -> Difference:
    """Compare two arms song by song.

    Args:
        scores: A scores frame.
        arm: The arm.
        baseline: The arm to subtract.
        metric: Metric.
        stem: A stem, or "total" for the mean over all stems.
        seed: Seed of the bootstrap.
        has_test: Whether to add the p value of the signed-rank test that the arm is higher.

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
    differences = values - baseline_values
    interval = bootstrap_interval(differences, aggregation=MEAN_OVER_SONGS, seed=seed)
    interval = replace(interval, num_seeds=min(len(side) for side in seeds))
    return Difference(
        arm=arm,
        baseline=baseline,
        stem=stem,
        metric=metric,
        interval=interval,
        is_paired_by_seed=is_paired_by_seed,
        p_value=_p_value(differences) if has_test else math.nan,
    )


def comparison_table(differences: Iterable[Difference]) -> pd.DataFrame:
    """Differences as a frame, one row each.

    Returns:
        Columns arm, baseline, stem, metric, difference, low, high, p_value, num_tracks and num_seeds; dB but
        for the last three. `p_value` is that of the one-sided signed-rank test, NaN where there is none.
    """
    import pandas as pd

    return pd.DataFrame([_row(difference) for difference in differences], columns=list(COMPARISON_COLUMNS))


def format_p_value(p_value: float) -> str:
    """A p value in two decimals, three below 0.01, and as a bound below 0.001: "p = 0.03", "p < 0.001"."""
    if p_value < 0.001:
        return "p < 0.001"
    return f"p = {p_value:.3f}" if p_value < 0.01 else f"p = {p_value:.2f}"


def _p_value(differences: npt.NDArray[np.float64]) -> float:
    """Test differences, (stem, seed, song), song by song against zero."""
    per_song = mean_along(mean_along(differences, axis=1), axis=0)
    return wilcoxon_greater(per_song, np.zeros_like(per_song)).p_value


def _row(difference: Difference) -> dict[str, object]:
    interval = difference.interval
    return {
        "arm": difference.arm,
        "baseline": difference.baseline,
        "stem": difference.stem,
        "metric": difference.metric,
        "difference": interval.value,
        "low": interval.low,
        "high": interval.high,
        "p_value": difference.p_value,
        "num_tracks": interval.num_tracks,
        "num_seeds": interval.num_seeds,
    }
