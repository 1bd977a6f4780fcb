"""The study's tables as text, ours beside what the paper says.

Tables may come from CSV files, where an empty text is NaN and a count beside a missing one a float.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from sep_pipeline.pipelines.chimera_transfer.claims import NOT_RUN, STATEMENTS
from sep_pipeline.pipelines.chimera_transfer.statistics import (
    FEWEST_SEEDS_FOR_A_CLAIM,
    HIGHER,
    LARGEST_P_VALUE,
    LOWER,
)
from sep_pipeline.reporting.comparisons import FEWEST_SONGS_FOR_A_CLAIM, format_p_value
from sep_pipeline.reporting.grids import Row, TextTable
from sep_pipeline.reporting.rendering import DASH, format_decibels, format_interval

LABELS = {
    "": "none",
    "musdb": "MUSDB",
    "slakh": "Slakh",
    "musdb_slakh": "MUSDB+Slakh",
    "bach10": "Bach10",
    "choirset": "Dagstuhl ChoirSet",
    "remixpacks": "Remixpacks",
    "pitch_shift": "pitch shift",
    "time_stretch": "time stretch",
}
"""Names in parameters to names in tables; others stand as they are."""

SIGNS = {HIGHER: "+", LOWER: "\N{MINUS SIGN}"}

RULES = (
    f"Excerpts: the paper's rule, one-sided Wilcoxon over excerpts, p < {LARGEST_P_VALUE:g}, as if those of one song\n"
    f"were independent. Songs: 95 % bootstrap interval over songs and seeds on one side of zero, from\n"
    f"{FEWEST_SONGS_FOR_A_CLAIM} songs and {FEWEST_SEEDS_FOR_A_CLAIM} seeds on."
)


def label(name: str) -> str:
    """A name as it stands in tables and figures."""
    return LABELS.get(name, name)


def model_text(models: pd.DataFrame) -> TextTable:
    """Table 1: every scored model."""
    rows = [
        {
            "downstream": label(row["downstream"]),
            "pre-training": label(row["pretraining"]),
            "condition": label(row["condition"]),
            "variant": row["variant"],
            "SI-SDR": format_decibels(row["si_sdr"]),
            "interval": format_interval(row["low"], row["high"]),
            "SI-SDRi": format_decibels(row["improvement"], has_sign=True),
            "used": str(row["num_used"]),
            "dropped": str(row["num_dropped"]),
            "songs": str(row["num_songs"]),
            "seeds": str(row["num_seeds"]),
        }
        for row in models.to_dict("records")
    ]
    note = (
        "dB, mean over sources, excerpts and seeds, with the 95 % bootstrap interval over songs and seeds; SI-SDRi:\n"
        "over the mixture. Dropped: scores of silent references or estimates, which have none. Songs: of a mixture\n"
        "of several songs those of the source that has the fewest."
    )
    return _text(rows, "Study 2, table 1: SI-SDR of every model", note)


def mask_text(table: pd.DataFrame) -> TextTable:
    """Table 2: mask minus whole, two lines per pre-training: figures, and the intervals of ours below."""
    cells = {
        (row["pretraining"], row["condition"], row["downstream"]): row for row in table.to_dict("records")
    }
    downstream = [str(name) for name in table["downstream"].unique()]
    rows = []
    for pretraining, condition in dict.fromkeys((key[0], key[1]) for key in cells):
        found = {name: cells.get((pretraining, condition, name)) for name in downstream}
        head = {"pre-training": label(pretraining), "condition": label(condition)}
        rows.append(head | {label(name): _mask_cell(cell) for name, cell in found.items()})
        if any(cell is not None and not math.isnan(cell["low"]) for cell in found.values()):
            below = {"pre-training": "", "condition": ""}
            rows.append(below | {label(name): _interval_cell(cell) for name, cell in found.items()})
    note = (
        "SI-SDR in dB of the mask-model minus that of the whole-model, ours / printed; below, the 95 % bootstrap\n"
        "interval of ours over songs and seeds. *: the mask-model is higher by the paper's rule."
    )
    return _text(rows, "Study 2, table 2: mask-models against whole-models", note)


def comparison_text(comparisons: pd.DataFrame) -> TextTable:
    """Table 3: every comparison."""
    rows = [
        {
            "arm": row["arm"],
            "against": row["baseline"],
            "difference": format_decibels(row["difference"], has_sign=True),
            "interval": format_interval(row["low"], row["high"], has_sign=True),
            "p higher": _p_value(row["p_value"]),
            "p lower": _p_value(row["p_value_lower"]),
            "excerpts": f"{row['num_excerpts']} {SIGNS.get(row['by_excerpts'], '')}".rstrip(),
            "songs": f"{row['num_songs']} {SIGNS.get(row['by_songs'], '')}".rstrip(),
            "seeds": str(row["num_seeds"]),
        }
        for row in comparisons.to_dict("records")
    ]
    note = (
        "Difference of SI-SDR in dB on the same excerpts, one-sided Wilcoxon p that the arm is higher or lower;\n"
        f"+ and \N{MINUS SIGN} beside the counts: the arm is higher or lower by that rule; nothing: not decided.\n"
        f"{RULES}{_chance(comparisons)}"
    )
    return _text(rows, "Study 2, table 3: comparisons", note)


def claim_text(claims: pd.DataFrame) -> TextTable:
    """Table 4: claims, the paper's answers and ours."""
    rows = [
        {
            "claim": row["claim"],
            "where": label(row["where"]),
            "paper": DASH if _is_blank(row["published"]) else row["published"],
            "by excerpts": row["by_excerpts"],
            "by songs": row["by_songs"],
            "cells": _count(row),
            "difference": format_decibels(row["difference"], has_sign=True),
            "interval": format_interval(row["low"], row["high"], has_sign=True),
            "p": _p_value(row["p_value"]),
        }
        for row in claims.to_dict("records")
    ]
    statements = [f"{claim}: {statement}." for claim, statement in STATEMENTS.items()]
    details = [
        f"{label(row['where'])}: {row['detail']}."
        for row in claims.to_dict("records")
        if not _is_blank(row["detail"])
    ]
    note = (
        "Ours: yes: all cells are higher; no: all are lower; in part: some are higher. Cells: how many are higher and\n"
        "lower by excerpts, of how many. Median difference of the cells in dB, the range that holds all intervals,\n"
        f"and the largest p value.\n{RULES}"
    )
    return _text(rows, "Study 2, table 4: the paper's claims", "\n".join([*statements, note, *details]))


def level_text(levels: pd.DataFrame) -> TextTable:
    """The table beside figure 3: first iteration at a level."""
    rows = [
        {
            "downstream": label(row["downstream"]),
            "arm": row["arm"],
            "level (dB)": f"{row['level_db']:g}",
            "first iteration": "never"
            if pd.isna(row["first_iteration"])
            else f"{row['first_iteration']:.0f}",
            "of single seeds": _range(row),
            "seeds that reach it": f"{row['num_reached']} of {row['num_seeds']}",
            "best (dB)": format_decibels(row["best"]),
            "iterations": str(row["last_iteration"]),
        }
        for row in levels.to_dict("records")
    ]
    note = (
        "First iteration of the downstream run at which the mean SI-SDR over excerpts and seeds is at the level;\n"
        "iterations of pre-training are not counted."
    )
    return _text(rows, "Study 2: iterations to a level (figure 3)", note)


def verdict_lines(comparisons: pd.DataFrame) -> str:
    """The comparisons in sentences, one a line."""
    return "\n".join(str(verdict) for verdict in comparisons["verdict"])


def _text(rows: Sequence[Row], title: str, note: str) -> TextTable:
    return TextTable(rows or [{"result": NOT_RUN}], title, note)


def _mask_cell(cell: Mapping[Any, Any] | None) -> str:
    if cell is None:
        return DASH
    printed = format_decibels(cell["published"], has_sign=True)
    if not cell["num_songs"]:
        return f"{NOT_RUN} / {printed}"
    mark = "*" if cell["p_value"] < LARGEST_P_VALUE else ""
    return f"{format_decibels(cell['difference'], has_sign=True)}{mark} / {printed}"


def _interval_cell(cell: Mapping[Any, Any] | None) -> str:
    if cell is None or math.isnan(cell["low"]):
        return ""
    return format_interval(cell["low"], cell["high"], has_sign=True)


def _is_blank(text: Any) -> bool:
    return bool(pd.isna(text) or text == "")


def _chance(comparisons: pd.DataFrame) -> str:
    """A line on how many intervals a reader must expect to miss zero by chance; none without intervals."""
    num_intervals = int(comparisons["low"].notna().sum())
    if not num_intervals:
        return ""
    expected = 0.05 * num_intervals
    return f"\nWere there no difference at all, {expected:.1f} of {num_intervals} intervals would miss zero by chance."


def _count(row: Mapping[Any, Any]) -> str:
    if not row["num_cells"]:
        return DASH
    return f"{row['num_higher']}+ {row['num_lower']}\N{MINUS SIGN} of {row['num_cells']}"


def _range(row: Mapping[Any, Any]) -> str:
    if not row["num_reached"]:
        return DASH
    if row["earliest"] == row["latest"]:
        return f"{row['earliest']:.0f}"
    return f"{row['earliest']:.0f} to {row['latest']:.0f}"


def _p_value(p_value: float) -> str:
    return DASH if math.isnan(p_value) else format_p_value(p_value).removeprefix("p ").removeprefix("= ")
