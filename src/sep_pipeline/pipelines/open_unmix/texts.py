"""The study's tables as text: our figures beside the printed ones."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from sep_pipeline.metrics.aggregate import MEDIAN_OF_MEDIANS, aggregate
from sep_pipeline.metrics.track_scores import SDR_WHOLE_SONG
from sep_pipeline.pipelines.open_unmix.losses import means_over_cells
from sep_pipeline.reporting.comparisons import format_p_value
from sep_pipeline.reporting.grids import TextTable, duration, number
from sep_pipeline.reporting.rendering import DASH, count_of, format_decibels, format_interval, format_printed
from sep_pipeline.reporting.scores import TOTAL, score_array, stems_of

FRAME_METRICS = ("SDR", "SIR", "ISR", "SAR")
"""museval's metrics in the order of the paper's table."""

SETTING_COLUMNS = (
    "arm",
    "batch_size",
    "hidden_size",
    "samples_per_track",
    "epochs",
    "direction",
    "workers",
    "updates",
    "train_loss",
    "validation_loss",
    "seconds_per_epoch",
    "published_loss",
    "published_seconds_per_epoch",
)
DIRECTION_COLUMNS = (
    "quantity",
    "stem",
    "bidirectional",
    "unidirectional",
    "difference",
    "low",
    "high",
    "p_value",
)
PRINTED_TARGET = "vocals"
"""Stem that the printed scores probably belong to; the paper names none."""

LABELS = {"zero": "floor: silence", "scaled_mixture": "floor: scaled mixture", "umx": "UMX"}


def score_table(table: pd.DataFrame, printed: Mapping[str, Any]) -> TextTable:
    """Table 1: the four metrics of the printed target or the total, then SDR by target."""
    figures = {(row["arm"], row["metric"], row["stem"]): row for row in table.to_dict("records")}
    stems = [stem for stem in table["stem"].unique() if stem != TOTAL]
    shown = PRINTED_TARGET if PRINTED_TARGET in stems else TOTAL
    arms = [str(arm) for arm in table["arm"].unique()]
    rows = []
    for arm in [*(name for name in printed if name not in (*arms, "caption")), *arms]:
        row = {"arm": LABELS.get(arm, arm)}
        for metric in FRAME_METRICS:
            theirs = printed.get(arm, {}).get(metric, math.nan)
            row[metric] = f"{_decibels(figures, arm, metric, shown)} / {format_printed(theirs)}"
        sdr = figures.get((arm, "SDR", shown), {"low": math.nan, "high": math.nan})
        row["SDR interval"] = format_interval(sdr["low"], sdr["high"])
        row |= {f"SDR {stem}": _decibels(figures, arm, "SDR", stem) for stem in stems}
        rows.append(row)
    songs, seeds = int(table["num_tracks"].max()), int(table["num_seeds"].max())
    note = (
        f"dB, {MEDIAN_OF_MEDIANS}, of {shown if shown != TOTAL else 'the mean over targets'}; "
        f"{count_of(songs, 'song')}, {count_of(seeds, 'seed')}; ours / printed.\n"
        "The paper names no target; its figures are from previews of MUSDB18."
    )
    return TextTable(rows, "Study 4, table 1: scores of Open-Unmix", note)


def _decibels(figures: Mapping[Any, Any], arm: str, metric: str, stem: str) -> str:
    row = figures.get((arm, metric, stem))
    return DASH if row is None else format_decibels(row["value"])


def loss_table(table: pd.DataFrame) -> TextTable:
    """Table 2: settings, loss and time."""
    rows = [
        {
            "model": row["arm"],
            "batch": str(row["batch_size"]),
            "hidden": str(row["hidden_size"]),
            "samples/track": str(row["samples_per_track"]),
            "epochs": str(row["epochs"]),
            "direction": str(row["direction"]),
            "workers": str(row["workers"]),
            "updates": f"{row['updates']:.0f}",
            "train loss": number(row["train_loss"]),
            "validation loss": number(row["validation_loss"]),
            "printed loss": number(row["published_loss"], "g"),
            "time/epoch": duration(row["seconds_per_epoch"]),
            "printed": duration(row["published_seconds_per_epoch"]),
        }
        for row in table.to_dict("records")
    ]
    note = (
        "Mean squared error of magnitudes after the last epoch, mean over targets and seeds. Which loss the paper\n"
        "prints is not stated. Time of one target, validation included, as run beside others; minutes:seconds. The\n"
        "printed time is that of the whole training over its epochs."
    )
    return TextTable(rows or [{"model": DASH}], "Study 4, table 2: settings, loss and time", note)


def comparison_points_table(losses: pd.DataFrame) -> TextTable:
    """Table 3: one column of train and validation loss per point that two arms reached."""
    means = means_over_cells(losses)
    counts = means.groupby(["basis", "at"]).size()
    points = [
        point
        for point in sorted(counts.index, key=lambda key: (key[0] != "updates", key[1]))
        if counts[point] > 1
    ]
    found = {(row["arm"], row["basis"], row["at"]): row for row in means.to_dict("records")}
    rows = []
    for arm in means["arm"].unique():
        row = {"model": str(arm)}
        for basis, at in points:
            cell = found.get((arm, basis, at))
            name = f"{at} {basis if at > 1 else basis.removesuffix('s')}"
            pair = () if cell is None else (cell["train_loss"], cell["validation_loss"])
            row[name] = " / ".join(number(loss) for loss in pair) or DASH
        rows.append(row)
    note = (
        "Train / validation loss, mean over targets and seeds. The train loss of an epoch is the mean over its\n"
        "batches; that at a number of updates the mean since the number before."
    )
    return TextTable(
        rows or [{"model": DASH}], "Study 4, table 3: loss at equal updates and at equal epochs", note
    )


def quality_rows(comparison: pd.DataFrame, scores: pd.DataFrame) -> pd.DataFrame:
    """Rows of table 4 on quality, from a comparison of the unidirectional with the bidirectional arm."""
    rows = []
    for row in comparison.to_dict("records"):
        values = {
            column: _mean(scores, row[side], row["stem"])
            for column, side in (("bidirectional", "baseline"), ("unidirectional", "arm"))
        }
        taken = {name: row[name] for name in ("difference", "low", "high", "p_value")}
        rows.append({"quantity": f"{SDR_WHOLE_SONG} (dB)", "stem": row["stem"], **values, **taken})
    return pd.DataFrame(rows, columns=list(DIRECTION_COLUMNS))


def _mean(scores: pd.DataFrame, arm: str, stem: str) -> float:
    stems = stems_of(scores) if stem == TOTAL else (stem,)
    values = score_array(scores, arm=arm, metric=SDR_WHOLE_SONG, stems=stems)
    return math.nan if values is None else aggregate(values, "mean over songs")


def speed_rows(speed: pd.DataFrame, bidirectional: str, unidirectional: str) -> pd.DataFrame:
    """Rows of table 4 on speed."""
    found = {(row["arm"], row["quantity"]): float(row["value"]) for row in speed.to_dict("records")}
    rows = []
    for quantity in dict.fromkeys(speed["quantity"]):
        both = [found.get((arm, quantity), math.nan) for arm in (bidirectional, unidirectional)]
        rows.append(
            {"quantity": quantity, "stem": TOTAL, "bidirectional": both[0], "unidirectional": both[1]}
            | {"difference": both[1] - both[0]}
        )
    return pd.DataFrame(rows, columns=list(DIRECTION_COLUMNS))


def direction_table(table: pd.DataFrame) -> TextTable:
    """Table 4: the row that the paper lacks."""
    rows = []
    for row in table.to_dict("records"):
        form = ",.0f" if row["quantity"] == "num_parameters" else ".3g"
        is_score = "dB" in row["quantity"]
        rows.append(
            {
                "quantity": row["quantity"] + (f", {row['stem']}" if is_score else ""),
                "bidirectional": number(row["bidirectional"], ".2f" if is_score else form),
                "unidirectional": number(row["unidirectional"], ".2f" if is_score else form),
                "difference": format_decibels(row["difference"], has_sign=True) if is_score else DASH,
                "interval": format_interval(row["low"], row["high"], has_sign=True),
                "p": DASH if math.isnan(row["p_value"]) else format_p_value(row["p_value"]),
            }
        )
    note = (
        "Unidirectional minus bidirectional with the 95 % bootstrap interval and the p value of the one-sided\n"
        "Wilcoxon test that the unidirectional scores higher. Speed on one processor thread; a dash: it cannot stream."
    )
    return TextTable(rows or [{"quantity": DASH}], "Study 4, table 4: one direction against both", note)
