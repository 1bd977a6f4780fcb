"""Is one method's score higher than another's on the same songs? The paired one-sided signed-rank test."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from sep_pipeline.errors import ConfigurationError, StemMismatchError

Values = npt.NDArray[np.float64]
Method = Literal["auto", "normal", "exact"]

MOST_EXACT_PAIRS = 50
"""Pairs without a tie up to which "auto" takes the exact distribution."""

MOST_EXACT_TIED_PAIRS = 12
"""Pairs with ties up to which all patterns of signs are gone through: 4096."""


@dataclass(frozen=True, kw_only=True)
class PairedTest:
    """Outcome of a signed-rank test; "higher" stands for the first of the two.

    Attributes:
        statistic: Sum of the ranks of the differences above zero.
        p_value: Chance of a sum at least as large if no side were higher; NaN if no pair differs.
        num_pairs: Pairs with both scores, those that are equal included.
        num_zeros: Of these, pairs of equal scores, which the test drops.
        num_undefined: Pairs left out because a score is NaN.
        median_difference: Median of first minus second over `num_pairs`; NaN if there is none.
        method: The distribution that gave the p value.
    """

    statistic: float
    p_value: float
    num_pairs: int
    num_zeros: int
    num_undefined: int
    median_difference: float
    method: Literal["normal", "exact"]


def wilcoxon_greater(
    first: Sequence[float] | Values, second: Sequence[float] | Values, *, method: Method = "auto"
) -> PairedTest:
    """Test by Wilcoxon's signed ranks whether the first scores are higher than the second.

    Args:
        first: Scores of one method, one per song.
        second: Scores of the other on the same songs, in the same order.
        method: "normal" is the approximation of the second study: corrected for ties, not for continuity.
            "exact" counts the patterns of signs. "auto" is exact where that is cheap: up to 50 pairs, with
            ties up to 12.

    Returns:
        The outcome, one-sided.

    Raises:
        StemMismatchError: The lengths differ.
        ConfigurationError: The method is unknown, or "exact" is asked of more than 12 pairs with ties.
    """
    if method not in get_args(Method):
        raise ConfigurationError(
            "unknown method", parameter="method", expected=get_args(Method), found=method
        )
    ours, theirs = np.asarray(first, np.float64), np.asarray(second, np.float64)
    if ours.ndim != 1 or ours.shape != theirs.shape:
        raise StemMismatchError("scores do not pair up", expected=ours.shape, found=theirs.shape)
    with np.errstate(invalid="ignore"):
        differences = np.where(np.isinf(ours) & (ours == theirs), 0.0, ours - theirs)
    scored = differences[~np.isnan(differences)]
    changes = scored[scored != 0.0]
    has_ties = len(np.unique(np.abs(changes))) < len(changes)
    chosen = _distribution(method, len(changes), has_ties=has_ties)
    statistic, p_value = _tested(changes, chosen, has_ties=has_ties)
    return PairedTest(
        statistic=statistic,
        p_value=p_value,
        num_pairs=len(scored),
        num_zeros=len(scored) - len(changes),
        num_undefined=len(differences) - len(scored),
        median_difference=float(np.median(scored)) if len(scored) else math.nan,
        method=chosen,
    )


def _distribution(method: Method, num_changes: int, *, has_ties: bool) -> Literal["normal", "exact"]:
    if method == "auto":
        most = MOST_EXACT_TIED_PAIRS if has_ties else MOST_EXACT_PAIRS
        return "exact" if num_changes <= most else "normal"
    if method == "exact" and has_ties and num_changes > MOST_EXACT_TIED_PAIRS:
        raise ConfigurationError(
            "too many pairs with ties for the exact distribution",
            parameter="method",
            expected=f"at most {MOST_EXACT_TIED_PAIRS} pairs, or normal",
            found=f"{num_changes} pairs",
        )
    return method


def _tested(
    changes: Values, distribution: Literal["normal", "exact"], *, has_ties: bool
) -> tuple[float, float]:
    """Sum of positive ranks and p value of differences that are not zero."""
    if not len(changes):
        return 0.0, math.nan
    from scipy import stats

    methods = {
        "normal": "asymptotic",
        "exact": stats.PermutationMethod(n_resamples=np.inf) if has_ties else "exact",
    }
    result = stats.wilcoxon(changes, alternative="greater", correction=False, method=methods[distribution])
    return float(result.statistic), float(result.pvalue)
