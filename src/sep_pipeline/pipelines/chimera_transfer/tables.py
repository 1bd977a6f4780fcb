"""The study's tables 1 to 3 and its levels as frames: models, comparisons of arms, mask against whole."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import pandas as pd

from sep_pipeline.errors import DataError
from sep_pipeline.pipelines.chimera_transfer.excerpt_scores import scores_by_arm
from sep_pipeline.pipelines.chimera_transfer.statistics import MODEL_COLUMNS, compare, model_scores

FACT_COLUMNS = ("arm", "pretraining", "condition", "downstream", "variant")
"""Columns of a frame of facts: one row per arm; `pretraining` is empty for none."""

WHOLE, MASK, SCRATCH = "whole", "mask", "scratch"
"""Variants: everything fine-tuned, the mask head alone, not pre-trained."""

NO_CONDITION = "none"

AGAINST_SCRATCH, AGAINST_NO_CONDITION, AGAINST_WHOLE = "scratch", "condition", "mask"
KINDS = (AGAINST_SCRATCH, AGAINST_NO_CONDITION, AGAINST_WHOLE)
"""Kinds of comparison: whole against scratch, a condition against none, mask against whole."""

CELL_COLUMNS = ("pretraining", "condition", "downstream", "variant")

COMPARISON_COLUMNS = (
    "kind",
    *CELL_COLUMNS,
    "arm",
    "baseline",
    "difference",
    "low",
    "high",
    "p_value",
    "p_value_lower",
    "num_excerpts",
    "num_songs",
    "num_seeds",
    "by_excerpts",
    "by_songs",
    "verdict",
)
"""Columns of table 3; the cell is that of `arm`."""

MASK_COLUMNS = (
    "pretraining",
    "condition",
    "downstream",
    "difference",
    "low",
    "high",
    "p_value",
    "num_songs",
    "num_seeds",
    "published",
)
"""Columns of table 2; difference, interval and the printed figure in dB."""

LEVEL_COLUMNS = (
    "arm",
    "pretraining",
    "condition",
    "downstream",
    "variant",
    "level_db",
    "first_iteration",
    "earliest",
    "latest",
    "num_reached",
    "num_seeds",
    "last_iteration",
    "best",
)
"""Columns of the table beside figure 3."""

CURVE_COLUMNS = ("arm", "seed", "downstream", "step", "value")
"""Columns of a frame of curves: mean SI-SDR (dB) after so many iterations of the downstream run."""

Tree: TypeAlias = "Mapping[str, Tree] | float | str"
"""Printed figures by name, nested; captions beside them."""


def model_table(excerpts: pd.DataFrame, facts: pd.DataFrame, *, seed: int = 0) -> pd.DataFrame:
    """Table 1: one row per scored model, in the order of the facts.

    Args:
        excerpts: An excerpts frame.
        facts: A frame of facts; arms without excerpts are left out.
        seed: Seed of the bootstrap.

    Returns:
        `FACT_COLUMNS` and what `model_scores` gives.

    Raises:
        DataError: A frame does not fit.
    """
    check_facts(facts)
    scores = model_scores(excerpts, seed=seed).drop(columns="downstream")
    table = facts[list(FACT_COLUMNS)].merge(scores, on="arm", how="inner")
    return table[[*FACT_COLUMNS, *(name for name in MODEL_COLUMNS if name not in FACT_COLUMNS)]]


def comparison_table(excerpts: pd.DataFrame, facts: pd.DataFrame, *, seed: int = 0) -> pd.DataFrame:
    """Table 3: every comparison of the study for which both arms are scored.

    Whole against scratch for every condition; every condition against none, whole and mask; mask against whole.

    Args:
        excerpts: An excerpts frame.
        facts: A frame of facts.
        seed: Seed of the bootstrap.

    Returns:
        `COMPARISON_COLUMNS`, empty if no two arms belong together. `p_value` is that of the one-sided test that
        the arm scores higher than its baseline, `p_value_lower` that it scores lower.

    Raises:
        DataError: A frame does not fit.
    """
    check_facts(facts)
    scores = scores_by_arm(excerpts)
    rows = [
        {"kind": kind, **{name: arm[name] for name in CELL_COLUMNS}}
        | compare(scores[arm["arm"]], scores[baseline], seed=seed).row
        for kind, arm, baseline in _pairs(facts)
        if arm["arm"] in scores and baseline in scores
    ]
    return pd.DataFrame(rows, columns=list(COMPARISON_COLUMNS))


def mask_table(comparisons: pd.DataFrame, printed: Mapping[str, Any]) -> pd.DataFrame:
    """Table 2: mask minus whole, ours beside the printed figures.

    Args:
        comparisons: Table 3.
        printed: Pre-training set to condition to downstream set to dB; a caption beside them is passed over.

    Returns:
        `MASK_COLUMNS`: the printed cells in their order, then our other cells. What was not run has no figure and
        no song, what was not printed has no `published`.
    """
    ours = {
        (row["pretraining"], row["condition"], row["downstream"]): row
        for row in comparisons[comparisons["kind"] == AGAINST_WHOLE].to_dict("records")
    }
    theirs = dict(_figures(printed))
    rows = [
        _mask_row(cell, ours.get(cell), theirs.get(cell, math.nan))
        for cell in dict.fromkeys([*theirs, *ours])
    ]
    return pd.DataFrame(rows, columns=list(MASK_COLUMNS))


def first_iteration_above(curve: pd.DataFrame, level_db: float) -> int | None:
    """First iteration at which a curve reaches a level.

    Args:
        curve: Columns step and value (dB); several rows of one step, as of several seeds, are averaged.
        level_db: The level.

    Returns:
        The smallest step whose value is at least the level; None if there is none.
    """
    means = mean_curve(curve)
    reached = means[means >= level_db]
    return int(reached.index[0]) if len(reached) else None


def mean_curve(curve: pd.DataFrame) -> pd.Series:
    """Mean of `value` (dB) by `step`, ascending; of several seeds only steps at which all have a value."""
    num_seeds = curve["seed"].nunique() if "seed" in curve.columns else 1
    groups = curve.groupby("step")["value"]
    return groups.mean()[groups.count() >= num_seeds]


def level_table(curves: pd.DataFrame, facts: pd.DataFrame, level_db: float) -> pd.DataFrame:
    """The first iteration at which every arm reaches a level.

    Args:
        curves: A frame of curves.
        facts: A frame of facts.
        level_db: The level.

    Returns:
        `LEVEL_COLUMNS`. `first_iteration` is that of the mean over seeds, missing if it never gets there;
        `earliest` and `latest` are those of single seeds among the `num_reached` that do; `best` is the highest
        mean in dB.

    Raises:
        DataError: A frame does not fit.
    """
    check_facts(facts)
    if any(name not in curves.columns for name in CURVE_COLUMNS):
        raise DataError("the curves lack columns", expected=list(CURVE_COLUMNS), found=list(curves.columns))
    chosen = facts[facts["arm"].isin(curves["arm"])]
    rows = [
        row | _level_row(curves[curves["arm"] == row["arm"]], level_db)
        for row in chosen[list(FACT_COLUMNS)].to_dict("records")
    ]
    counts = dict.fromkeys(("first_iteration", "earliest", "latest"), "Int64")
    return pd.DataFrame(rows, columns=list(LEVEL_COLUMNS)).astype(counts)


def check_facts(facts: pd.DataFrame) -> None:
    """Refuse facts that lack columns or name an arm twice.

    Raises:
        DataError: They do.
    """
    if any(name not in facts.columns for name in FACT_COLUMNS):
        raise DataError("the facts lack columns", expected=list(FACT_COLUMNS), found=list(facts.columns))
    repeated = facts.loc[facts.duplicated("arm"), "arm"]
    if len(repeated):
        raise DataError("an arm is described twice", expected="one row each", found=str(repeated.iloc[0]))


def _pairs(facts: pd.DataFrame) -> Iterator[tuple[str, dict[str, Any], str]]:
    """Kind, facts of an arm, and name of the arm it is compared with."""
    arms = [{str(name): value for name, value in row.items()} for row in facts.to_dict("records")]
    by_cell: dict[tuple[str, ...], str] = {}
    for arm in arms:
        by_cell.setdefault(_cell(arm), arm["arm"])
    scratch = {arm["downstream"]: arm["arm"] for arm in arms if arm["variant"] == SCRATCH}
    for kind in KINDS:
        for arm in arms:
            if kind == AGAINST_SCRATCH:
                baseline = scratch.get(arm["downstream"]) if arm["variant"] == WHOLE else None
            else:
                baseline = _changed(arm, by_cell, kind)
            if baseline is not None:
                yield kind, arm, baseline


def _changed(arm: Mapping[str, Any], by_cell: Mapping[tuple[str, ...], str], kind: str) -> str | None:
    """Name of the arm that differs from a fine-tuned one in condition or variant alone; None for itself."""
    change = {"condition": NO_CONDITION} if kind == AGAINST_NO_CONDITION else {"variant": WHOLE}
    if arm["variant"] == SCRATCH or change.items() <= arm.items():
        return None
    return by_cell.get(_cell({**arm, **change}))


def _cell(arm: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(str(arm[name]) for name in CELL_COLUMNS)


def _mask_row(cell: Sequence[str], ours: Mapping[Any, Any] | None, published: float) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(MASK_COLUMNS, math.nan) | {"num_songs": 0, "num_seeds": 0}
    row |= {name: ours[name] for name in MASK_COLUMNS if name in ours} if ours is not None else {}
    return row | dict(zip(MASK_COLUMNS, cell, strict=False)) | {"published": published}


def _figures(tree: Tree, *keys: str) -> Iterator[tuple[tuple[str, ...], float]]:
    """The leaves three levels down a tree of printed figures."""
    if isinstance(tree, Mapping):
        for key, branch in tree.items():
            yield from _figures(branch, *keys, str(key))
    elif len(keys) == 3:
        yield keys, float(tree)


def _level_row(curve: pd.DataFrame, level_db: float) -> dict[str, object]:
    by_seed = [first_iteration_above(rows, level_db) for _, rows in curve.groupby("seed")]
    reached = [step for step in by_seed if step is not None]
    return {
        "level_db": level_db,
        "first_iteration": first_iteration_above(curve, level_db),
        "earliest": min(reached, default=None),
        "latest": max(reached, default=None),
        "num_reached": len(reached),
        "num_seeds": len(by_seed),
        "last_iteration": int(curve["step"].max()),
        "best": float(mean_curve(curve).max()),
    }
