"""Table 4: the paper's hypotheses and questions, answered from the results by stated rules.

Every claim is split into cells, each of them one comparison or one difference of two. A cell is "higher", "lower" or
"not decided" by two rules: that of the paper (Wilcoxon over excerpts, p < 0.001) and the stricter one over songs and
seeds (`PairedComparison.by_songs`). The answer to a claim is "yes" if all its cells are higher, "no" if all are lower,
"in part" if some are higher, "not run" if there are none, else "not decided".
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from sep_pipeline.metrics.aggregate import Interval
from sep_pipeline.pipelines.chimera_transfer.statistics import (
    FEWEST_SEEDS_FOR_A_CLAIM,
    HIGHER,
    LOWER,
    NOT_DECIDED,
    answer_of_interval,
)
from sep_pipeline.pipelines.chimera_transfer.tables import (
    AGAINST_NO_CONDITION,
    AGAINST_SCRATCH,
    AGAINST_WHOLE,
    NO_CONDITION,
    SCRATCH,
    WHOLE,
    first_iteration_above,
)
from sep_pipeline.reporting.rendering import count_of

YES, NO, IN_PART, NOT_RUN = "yes", "no", "in part", "not run"
OPPOSITE = {HIGHER: LOWER, LOWER: HIGHER, NOT_DECIDED: NOT_DECIDED}

CLAIM_COLUMNS = (
    "claim",
    "statement",
    "where",
    "published",
    "by_excerpts",
    "by_songs",
    "num_cells",
    "num_higher",
    "num_lower",
    "difference",
    "low",
    "high",
    "p_value",
    "detail",
)
"""Columns of table 4; counts are by excerpts, difference and interval in dB."""

STATEMENTS = {
    "H1": "pre-training helps at equal iterations",
    "H1, speed": "a pre-trained model gets to the level sooner",
    "H2": "augmentation in pre-training helps",
    "R1": "pre-training gains less here than on the other sets",
    "R2": "a whole-model scores higher than a mask-model",
}
"""Every claim as a statement that "yes" agrees with."""

Records = Sequence[Mapping[Any, Any]]


@dataclass(frozen=True, kw_only=True)
class ClaimCell:
    """One comparison as evidence for a claim.

    Attributes:
        by_excerpts: "higher", "lower" or "not decided" by the paper's rule.
        by_songs: The same by the stricter rule.
        difference: In dB; NaN where nothing in dB is compared.
        low: Lower end of its 95 % interval.
        high: Upper end.
        p_value: Of the one-sided test that the first is higher.
        detail: What there is to say beside.
    """

    by_excerpts: str
    by_songs: str
    difference: float = math.nan
    low: float = math.nan
    high: float = math.nan
    p_value: float = math.nan
    detail: str = ""


def claim_table(
    comparisons: pd.DataFrame,
    curves: pd.DataFrame,
    facts: pd.DataFrame,
    *,
    level_db: float,
    printed: Mapping[str, Mapping[str, str]],
) -> pd.DataFrame:
    """Table 4: claim by claim the paper's answer and ours.

    H1, by downstream set: whole-models without augmentation against scratch; a cell per pre-training set.
    H1, speed, by downstream set: see `_speed_cells`. H2, by condition: whole-models pre-trained with it against those
    without; a cell per pre-training and downstream set. R1, for a downstream set that the pre-training does not fit:
    see `_domain_cells`. R2, by downstream set: whole against mask; a cell per pre-training set and condition.

    Args:
        comparisons: Table 3.
        curves: A frame of curves, see `CURVE_COLUMNS`; may be empty.
        facts: A frame of facts.
        level_db: Level of the curves.
        printed: Claim to place (downstream set or condition) to the paper's answer. Its places stand in the
            table even if they were not run; R1 is asked of its places alone.

    Returns:
        `CLAIM_COLUMNS`. `difference` is the median over cells, `low` and `high` enclose the intervals of all cells,
        `p_value` is the largest: a bound on the chance that a claim about all cells holds by chance.
    """
    rows = comparisons.to_dict("records")
    found: dict[str, dict[str, list[ClaimCell]]] = {
        "H1": _by_place(_plain_gains(rows), "downstream"),
        "H1, speed": _speed_cells(curves, facts, level_db),
        "H2": _by_place(_of_kind(rows, AGAINST_NO_CONDITION, variant=WHOLE), "condition"),
        "R1": {place: _domain_cells(_plain_gains(rows), place) for place in printed.get("R1", {})},
        "R2": _by_place([_reversed(row) for row in _of_kind(rows, AGAINST_WHOLE)], "downstream"),
    }
    table = [
        _claim_row(claim, place, printed.get(claim, {}).get(place, ""), found[claim].get(place, []))
        for claim in STATEMENTS
        for place in dict.fromkeys([*printed.get(claim, {}), *found[claim]])
    ]
    return pd.DataFrame(table, columns=list(CLAIM_COLUMNS))


def answer(outcomes: Iterable[str]) -> str:
    """What the outcomes of a claim's cells say: "yes", "no", "in part", "not decided" or "not run"."""
    found = list(outcomes)
    if not found:
        return NOT_RUN
    if len(set(found)) == 1:
        return {HIGHER: YES, LOWER: NO, NOT_DECIDED: NOT_DECIDED}[found[0]]
    return IN_PART if HIGHER in found else NOT_DECIDED


def _claim_row(claim: str, place: str, published: str, cells: Sequence[ClaimCell]) -> dict[str, object]:
    outcomes = [cell.by_excerpts for cell in cells]
    figures: dict[str, float] = dict.fromkeys(("difference", "low", "high", "p_value"), math.nan)
    if cells:
        figures = {
            "difference": float(np.median([cell.difference for cell in cells])),
            "low": float(np.min([cell.low for cell in cells])),
            "high": float(np.max([cell.high for cell in cells])),
            "p_value": float(np.max([cell.p_value for cell in cells])),
        }
    return {
        "claim": claim,
        "statement": STATEMENTS[claim],
        "where": place,
        "published": published,
        "by_excerpts": answer(outcomes),
        "by_songs": answer(cell.by_songs for cell in cells),
        "num_cells": len(cells),
        "num_higher": outcomes.count(HIGHER),
        "num_lower": outcomes.count(LOWER),
        **figures,
        "detail": "; ".join(cell.detail for cell in cells if cell.detail),
    }


def _of_kind(rows: Records, kind: str, **wanted: str) -> list[Mapping[Any, Any]]:
    return [row for row in rows if row["kind"] == kind and all(row[name] == wanted[name] for name in wanted)]


def _plain_gains(rows: Records) -> list[Mapping[Any, Any]]:
    return _of_kind(rows, AGAINST_SCRATCH, condition=NO_CONDITION)


def _reversed(row: Mapping[Any, Any]) -> Mapping[Any, Any]:
    """The baseline against the arm."""
    return {
        **row,
        "by_excerpts": OPPOSITE[row["by_excerpts"]],
        "by_songs": OPPOSITE[row["by_songs"]],
        "difference": -row["difference"],
        "low": -row["high"],
        "high": -row["low"],
        "p_value": row["p_value_lower"],
    }


def _by_place(rows: Records, column: str) -> dict[str, list[ClaimCell]]:
    places: dict[str, list[ClaimCell]] = {}
    for row in rows:
        places.setdefault(row[column], []).append(_cell(row))
    return places


def _cell(row: Mapping[Any, Any]) -> ClaimCell:
    names = ("by_excerpts", "by_songs", "difference", "low", "high", "p_value")
    return ClaimCell(**{name: row[name] for name in names})


def _domain_cells(gains: Records, mismatched: str) -> list[ClaimCell]:
    """Gain over scratch on every other set minus that on the mismatched one, from the same pre-training.

    By excerpts, as the paper reasons: higher if pre-training helps on the other set and is not shown to on this one.
    By songs: the interval reaches from the least to the greatest difference of the two intervals, which are of
    different songs; it lies above zero if they do not overlap.
    """
    here = {row["pretraining"]: row for row in gains if row["downstream"] == mismatched}
    return [
        _domain_cell(row, here[row["pretraining"]])
        for row in gains
        if row["downstream"] != mismatched and row["pretraining"] in here
    ]


def _domain_cell(there: Mapping[Any, Any], here: Mapping[Any, Any]) -> ClaimCell:
    interval = Interval(
        value=there["difference"] - here["difference"],
        low=there["low"] - here["high"],
        high=there["high"] - here["low"],
        num_tracks=min(there["num_songs"], here["num_songs"]),
        num_seeds=min(there["num_seeds"], here["num_seeds"]),
    )
    helps_there, helps_here = (row["by_excerpts"] == HIGHER for row in (there, here))
    outcome = NOT_DECIDED if helps_there == helps_here else (HIGHER if helps_there else LOWER)
    return ClaimCell(
        by_excerpts=outcome,
        by_songs=answer_of_interval(interval),
        difference=interval.value,
        low=interval.low,
        high=interval.high,
    )


def _speed_cells(curves: pd.DataFrame, facts: pd.DataFrame, level_db: float) -> dict[str, list[ClaimCell]]:
    """By downstream set, a cell per fine-tuned arm that has a curve beside that of the arm from scratch.

    Higher if the arm reaches the level in fewer iterations of its downstream run; those of pre-training do not
    count. The paper's rule looks at the mean curve over seeds, the stricter one wants the same from every seed that
    both have, of at least two. Undecided if neither gets there or both at the same iteration.
    """
    places: dict[str, list[ClaimCell]] = {}
    arms = facts[facts["arm"].isin(curves["arm"])].to_dict("records")
    scratch = {arm["downstream"]: arm["arm"] for arm in arms if arm["variant"] == SCRATCH}
    for arm in arms:
        if arm["variant"] != SCRATCH and arm["downstream"] in scratch:
            ours, theirs = (
                curves[curves["arm"] == name] for name in (arm["arm"], scratch[arm["downstream"]])
            )
            cell = _speed_cell(str(arm["arm"]), ours, theirs, level_db)
            places.setdefault(arm["downstream"], []).append(cell)
    return places


def _speed_cell(arm: str, ours: pd.DataFrame, theirs: pd.DataFrame, level_db: float) -> ClaimCell:
    first, second = first_iteration_above(ours, level_db), first_iteration_above(theirs, level_db)
    seeds = sorted(set(ours["seed"]) & set(theirs["seed"]))
    outcomes = {
        _sooner(*(first_iteration_above(side[side["seed"] == seed], level_db) for side in (ours, theirs)))
        for seed in seeds
    }
    is_agreed = len(outcomes) == 1 and len(seeds) >= FEWEST_SEEDS_FOR_A_CLAIM
    return ClaimCell(
        by_excerpts=_sooner(first, second),
        by_songs=outcomes.pop() if is_agreed else NOT_DECIDED,
        detail=f"{arm}: {_iterations(first)}, scratch: {_iterations(second)}",
    )


def _sooner(first: int | None, second: int | None) -> str:
    ours, theirs = (math.inf if step is None else step for step in (first, second))
    if ours == theirs:
        return NOT_DECIDED
    return HIGHER if ours < theirs else LOWER


def _iterations(step: int | None) -> str:
    return "never" if step is None else count_of(step, "iteration")
