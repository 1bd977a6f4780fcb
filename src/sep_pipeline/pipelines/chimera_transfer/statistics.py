"""What excerpts say about models: mean SI-SDR of each, and paired comparisons of two."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from sep_pipeline.errors import DataError, NoInputError
from sep_pipeline.metrics.aggregate import Interval, mean_along
from sep_pipeline.metrics.cluster_bootstrap import cluster_interval
from sep_pipeline.metrics.significance import PairedTest, wilcoxon_greater
from sep_pipeline.metrics.track_scores import SI_SDR
from sep_pipeline.pipelines.chimera_transfer.excerpt_scores import ArmScores, scores_by_arm
from sep_pipeline.reporting.comparisons import FEWEST_SONGS_FOR_A_CLAIM, Difference, format_p_value
from sep_pipeline.reporting.rendering import count_of
from sep_pipeline.reporting.scores import TOTAL

Values = npt.NDArray[np.float64]

MODEL_COLUMNS = (
    "arm",
    "downstream",
    "si_sdr",
    "low",
    "high",
    "improvement",
    "num_excerpts",
    "num_used",
    "num_dropped",
    "num_songs",
    "num_seeds",
)
"""Columns of a table of models."""

LARGEST_P_VALUE = 0.001
"""The paper calls a difference significant below this p value."""

FEWEST_SEEDS_FOR_A_CLAIM = 2
"""With one training of each model nothing separates the method from the luck of its seed."""

HIGHER, LOWER, NOT_DECIDED = "higher", "lower", "not decided"
"""Outcomes of a comparison, said of the first arm."""


@dataclass(frozen=True, kw_only=True)
class PairedComparison:
    """One arm against another on the same excerpts.

    Attributes:
        arm: The arm.
        baseline: The arm that is subtracted.
        interval: Mean difference in dB with its bootstrap interval over songs (and seeds).
        is_paired_by_seed: Whether both arms have the same seeds; otherwise each arm's mean over seeds is
            compared, the interval is over songs alone and `num_seeds` is the smaller number of both.
        test: Signed-rank test over excerpts that the arm is higher, as in the paper.
        p_value_lower: Of the same test that the arm is lower.
    """

    arm: str
    baseline: str
    interval: Interval
    is_paired_by_seed: bool
    test: PairedTest
    p_value_lower: float

    @property
    def by_excerpts(self) -> str:
        """The paper's rule: "higher" or "lower" below p = 0.001 over excerpts, else "not decided".

        It takes excerpts for independent, which those of one song are not.
        """
        if self.test.p_value < LARGEST_P_VALUE:
            return HIGHER
        return LOWER if self.p_value_lower < LARGEST_P_VALUE else NOT_DECIDED

    @property
    def by_songs(self) -> str:
        """The stricter rule: "higher" or "lower" if the interval over songs lies on one side of zero.

        Below six songs or two seeds nothing is decided.
        """
        return answer_of_interval(self.interval)

    @property
    def verdict(self) -> str:
        """What the comparison shows, in one sentence; the finding follows from the interval over songs."""
        difference = Difference(
            arm=self.arm,
            baseline=self.baseline,
            stem=TOTAL,
            metric=SI_SDR,
            interval=self.interval,
            is_paired_by_seed=self.is_paired_by_seed,
        )
        excerpts = count_of(self.test.num_pairs, "excerpt")
        if math.isnan(self.test.p_value):
            return f"{difference.verdict}; {excerpts}"
        p_value = format_p_value(self.test.p_value)
        return f"{difference.verdict}; Wilcoxon over {excerpts}, as if independent: {p_value}"

    @property
    def row(self) -> dict[str, object]:
        """The comparison as a row of a table; difference, low and high in dB."""
        return {
            "arm": self.arm,
            "baseline": self.baseline,
            "difference": self.interval.value,
            "low": self.interval.low,
            "high": self.interval.high,
            "p_value": self.test.p_value,
            "p_value_lower": self.p_value_lower,
            "num_excerpts": self.test.num_pairs,
            "num_songs": self.interval.num_tracks,
            "num_seeds": self.interval.num_seeds,
            "by_excerpts": self.by_excerpts,
            "by_songs": self.by_songs,
            "verdict": self.verdict,
        }


def model_scores(excerpts: pd.DataFrame, *, seed: int = 0) -> pd.DataFrame:
    """Mean SI-SDR of every arm: over the sources of an excerpt, then over excerpts, then over seeds.

    A score that is not defined (silent reference or estimate) is left out and counted; the excerpt then has the
    mean of its other sources, and none if nothing is left.

    Args:
        excerpts: An excerpts frame.
        seed: Seed of the bootstrap.

    Returns:
        `MODEL_COLUMNS`: SI-SDR with its 95 % interval over songs (and seeds), improvement over the mixture (dB);
        `num_used` and `num_dropped` count scores of all sources and seeds, `num_excerpts` excerpts with a score.

    Raises:
        DataError: The frame does not fit, see `scores_by_arm`.
    """
    rows = [_model_row(scores, seed) for scores in scores_by_arm(excerpts).values()]
    return pd.DataFrame(rows, columns=list(MODEL_COLUMNS))


def paired_comparison(excerpts: pd.DataFrame, arm: str, baseline: str, *, seed: int = 0) -> PairedComparison:
    """Compare two arms excerpt by excerpt; see `compare`.

    Raises:
        DataError: The frame does not fit, see `scores_by_arm`, or the arms are scored on different mixtures.
        NoInputError: An arm is missing, or the arms have no excerpt in common.
    """
    scores = scores_by_arm(excerpts)
    return compare(_named(scores, arm), _named(scores, baseline), seed=seed)


def compare(ours: ArmScores, theirs: ArmScores, *, seed: int = 0) -> PairedComparison:
    """Compare two arms on the excerpts that both have.

    Source by source, so that one that is silent in either estimate counts for neither; then the mean over
    sources. The test takes every excerpt's mean over seeds; equal excerpts are dropped, and the p value is the
    normal approximation unless there are few excerpts.

    Args:
        ours: The arm.
        theirs: The arm to subtract.
        seed: Seed of the bootstrap.

    Raises:
        DataError: The arms are scored on different sets or sources.
        NoInputError: The arms have no excerpt in common.
    """
    if (ours.downstream, ours.stems) != (theirs.downstream, theirs.stems):
        raise DataError(
            f"{ours.arm} and {theirs.arm} are scored on different mixtures",
            expected=(ours.downstream, ours.stems),
            found=(theirs.downstream, theirs.stems),
        )
    shared = sorted(set(ours.excerpts) & set(theirs.excerpts))
    if not shared:
        raise NoInputError(
            f"{ours.arm} and {theirs.arm} have nothing in common to compare", expected="excerpts"
        )
    places = [np.searchsorted(side.excerpts, shared) for side in (ours, theirs)]
    values = [side.values[:, place] for side, place in zip((ours, theirs), places, strict=True)]
    is_paired = ours.seeds == theirs.seeds
    if not is_paired:
        values = [side.mean(axis=0, keepdims=True) for side in values]
    differences = mean_along(_differences(*values), axis=2)
    songs = [ours.songs[place] for place in places[0]]
    interval = cluster_interval(differences, songs, seed=seed)
    if not is_paired:
        interval = replace(interval, num_seeds=min(len(ours.seeds), len(theirs.seeds)))
    per_excerpt = mean_along(differences, axis=0)
    zeros = np.zeros_like(per_excerpt)
    return PairedComparison(
        arm=ours.arm,
        baseline=theirs.arm,
        interval=interval,
        is_paired_by_seed=is_paired,
        test=wilcoxon_greater(per_excerpt, zeros),
        p_value_lower=wilcoxon_greater(zeros, per_excerpt).p_value,
    )


def answer_of_interval(interval: Interval) -> str:
    """Whether a difference is "higher", "lower" or "not decided", as `PairedComparison.by_songs`."""
    has_basis = (
        interval.num_tracks >= FEWEST_SONGS_FOR_A_CLAIM and interval.num_seeds >= FEWEST_SEEDS_FOR_A_CLAIM
    )
    if has_basis and interval.low > 0.0:
        return HIGHER
    return LOWER if has_basis and interval.high < 0.0 else NOT_DECIDED


def _model_row(scores: ArmScores, seed: int) -> dict[str, object]:
    per_excerpt = mean_along(scores.values, axis=2)
    interval = cluster_interval(per_excerpt, scores.songs, seed=seed)
    improvements = mean_along(_differences(scores.values, scores.mixture_values), axis=2)
    num_dropped = int(np.isnan(scores.values).sum())
    return {
        "arm": scores.arm,
        "downstream": scores.downstream,
        "si_sdr": interval.value,
        "low": interval.low,
        "high": interval.high,
        "improvement": float(mean_along(mean_along(improvements, axis=1), axis=0)),
        "num_excerpts": int((~np.isnan(per_excerpt).all(axis=0)).sum()),
        "num_used": scores.values.size - num_dropped,
        "num_dropped": num_dropped,
        "num_songs": interval.num_tracks,
        "num_seeds": interval.num_seeds,
    }


def _differences(ours: Values, theirs: Values) -> Values:
    """First minus second; two perfect estimates, both infinite, do not differ."""
    with np.errstate(invalid="ignore"):
        return np.where(np.isinf(ours) & (ours == theirs), 0.0, ours - theirs)


def _named(scores: Mapping[str, ArmScores], arm: str) -> ArmScores:
    if arm not in scores:
        raise NoInputError("no excerpt of this arm is scored", expected=arm, found=sorted(scores))
    return scores[arm]
