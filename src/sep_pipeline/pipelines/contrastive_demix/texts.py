"""The study's tables as text: our figures beside the printed ones."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from sep_pipeline.metrics.aggregate import MEAN_OVER_SONGS
from sep_pipeline.pipelines.contrastive_demix.scoring import SPLITS
from sep_pipeline.pipelines.contrastive_demix.tables import CLAIMED_METRICS, is_untrained
from sep_pipeline.reporting.comparisons import format_p_value
from sep_pipeline.reporting.grids import TextTable, number
from sep_pipeline.reporting.rendering import (
    DASH,
    count_of,
    format_decibels,
    format_interval,
    format_printed,
)
from sep_pipeline.reporting.scores import TOTAL

LABELS = {"zero": "floor: silence", "scaled_mixture": "floor: scaled mixture"}


def score_text(table: pd.DataFrame) -> TextTable:
    """Table 1: train and test, both metrics of the paper, the total and every stem."""
    means = table[table["aggregation"] == MEAN_OVER_SONGS]
    stems = [TOTAL, *(stem for stem in means["stem"].unique() if stem != TOTAL)]
    figures = {
        (row["metric"], row["split"], row["arm"], row["stem"]): row for row in means.to_dict("records")
    }
    rows = []
    for metric in CLAIMED_METRICS:
        for arm in means["arm"].unique():
            for split in SPLITS:
                cells = [figures.get((metric, split, arm, stem)) for stem in stems]
                if cells[0] is None:
                    continue
                row = {"metric": metric, "model": LABELS.get(arm, str(arm)), "songs": split}
                row["interval"] = format_interval(cells[0]["low"], cells[0]["high"])
                rows.append(row | {stem: _pair(cell) for stem, cell in zip(stems, cells, strict=True)})
    counts = ", ".join(
        f"{count_of(int(means[means['split'] == split]['num_tracks'].max()), 'song')} of {split}"
        for split in SPLITS
        if (means["split"] == split).any()
    )
    seeds = count_of(int(means["num_seeds"].max()), "seed")
    note = (
        f"dB, {MEAN_OVER_SONGS}: {counts}, {seeds}; ours / printed; the 95 % interval is that of the total.\n"
        "SDR is BSS Eval's as of museval, median over frames of one second. Which SDR the paper prints is unknown:\n"
        "its program has none of this name, but SNR and SD-SDR; table_1.csv has both."
    )
    return TextTable(rows, "Study 3, table 1: scores of songs", note)


def _pair(row: Mapping[Any, Any] | None) -> str:
    if row is None:
        return DASH
    return f"{format_decibels(row['value'])} / {format_printed(row['published'])}"


def pretraining_text(table: pd.DataFrame) -> TextTable:
    """Table 2: what the pre-trainings reached."""
    rows = [
        {
            "pretraining": str(row["pretraining"]).replace("_", " "),
            "rule": DASH if is_untrained(row["pretraining"]) else str(row["rule"]),
            "updates": f"{row['updates']}",
            "validation loss": number(row["validation_triplet_loss"], ".3f"),
            "test loss": number(row["triplet_loss"], ".3f"),
            "accuracy": number(row["accuracy"], ".3f"),
            "norm": number(row["embedding_norm"]),
        }
        for row in table.to_dict("records")
    ]
    collapse = number(table["collapse_loss"].max(), "g")
    seeds = count_of(int(table["num_seeds"].max()), "seed")
    note = (
        f"Triplet loss of excerpts of songs kept aside, mean over {seeds}; the margin is {collapse}, which is also\n"
        "the loss after a collapse to one point. Accuracy: share of test triplets whose positive is nearer than the\n"
        "negative; 0.5 is chance. Norm: mean length of an embedding, on which the loss of other objectives depends."
    )
    return TextTable(rows, "Study 3, table 2: pre-training on held-out triplets", note)


def gain_text(table: pd.DataFrame) -> TextTable:
    """Table 3: differences of the totals in both metrics of the paper."""
    shown = table[(table["stem"] == TOTAL) & table["metric"].isin(CLAIMED_METRICS)]
    rows = [
        {
            "metric": str(row["metric"]),
            "arm": str(row["arm"]),
            "minus": LABELS.get(row["baseline"], str(row["baseline"])),
            "difference": format_decibels(row["difference"], has_sign=True),
            "interval": format_interval(row["low"], row["high"], has_sign=True),
            "p": DASH if math.isnan(row["p_value"]) else format_p_value(row["p_value"]),
            "printed": format_printed(row["published"]),
        }
        for row in shown.to_dict("records")
    ]
    note = (
        "dB on test songs, mean over stems, songs and seeds, with the 95 % bootstrap interval over songs and seeds\n"
        "and the p value of the one-sided Wilcoxon test over songs; equal updates of separation on both sides."
    )
    return TextTable(rows or [{"metric": DASH}], "Study 3, table 3: what pre-training gains", note)
