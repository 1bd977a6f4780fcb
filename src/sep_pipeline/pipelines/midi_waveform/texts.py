"""The study's tables as text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from sep_pipeline.metrics.aggregate import MEAN_OVER_SONGS
from sep_pipeline.metrics.track_scores import SDR_WHOLE_SONG, SI_SDR
from sep_pipeline.pipelines.midi_waveform.floors import LABELS
from sep_pipeline.pipelines.midi_waveform.scoring import ABSENT_LEVEL
from sep_pipeline.reporting.grids import TextTable, number
from sep_pipeline.reporting.rendering import DASH, count_of, format_decibels, format_interval
from sep_pipeline.reporting.scores import TOTAL

HEADS = {"mae": "MAE", "mse": "MSE", "spectrogram": "spectrogram", "difference": "difference"}


def loss_text(table: pd.DataFrame) -> TextTable:
    """Table 1: every measure, ours / printed."""
    rows = [
        {"arm": LABELS.get(row["arm"], str(row["arm"])), "trained by": row["loss"] or DASH}
        | {
            head: f"{number(row[measure])} / {number(row[f'published_{measure}'])}"
            for measure, head in HEADS.items()
        }
        for row in table.to_dict("records")
    ]
    trained = table.dropna(subset=["updates"])
    note = (
        f"Means over chunks of test songs and {count_of(int(trained['num_seeds'].max()), 'seed')}, after "
        f"{_range(trained['updates'])} updates; ours / printed.\n"
        "The paper's headings MSE and MAE are exchanged here: with errors below 1 a mean square cannot exceed the\n"
        "mean of absolute values, and exchanged each model is best by its own loss. Spectrogram: mean squared\n"
        "difference of levels in dB, each side relative to its own largest. Difference: minus the distance from the\n"
        "other instruments. Other sound fonts, songs and chunk lengths give other figures: compare the order alone."
    )
    return TextTable(rows, "Study 5, table 1: loss against loss", note)


def score_text(table: pd.DataFrame) -> TextTable:
    """Table 2: scores by instrument, and how loud estimates of absent instruments are."""
    stems = [*(stem for stem in table["stem"].unique() if stem != TOTAL), TOTAL]
    cells = {(row["metric"], row["arm"], row["stem"]): row for row in table.to_dict("records")}
    rows = []
    for metric in (SDR_WHOLE_SONG, SI_SDR, ABSENT_LEVEL):
        for arm in table["arm"].unique():
            row = {"metric": metric, "model": LABELS.get(arm, str(arm))}
            row |= {stem: _decibels(cells.get((metric, arm, stem))) for stem in stems}
            rows.append(row | {"interval": _interval(cells.get((metric, arm, TOTAL)))})
    scored = table[(table["metric"] == SDR_WHOLE_SONG) & (table["stem"] != TOTAL)]
    songs = scored.groupby("stem", sort=False)["num_tracks"].max().to_dict()
    listed = ", ".join(f"{stem!s} {count}" for stem, count in songs.items())
    note = (
        f"dB, {MEAN_OVER_SONGS} of unseen songs and {count_of(int(table['num_seeds'].max()), 'seed')}; an instrument "
        f"counts in the songs that have it: {listed}.\n"
        f"The interval (95 %, bootstrap over songs and seeds) is that of the total, the mean over instruments.\n"
        f"{ABSENT_LEVEL.capitalize()}: estimates of instruments that a song has not, relative to the mixture; lower is "
        "better."
    )
    return TextTable(rows, "Study 5, table 2: scores of unseen songs", note)


def network_text(table: pd.DataFrame) -> TextTable:
    """Table 3: the networks."""
    rows = [
        {
            "arm": str(row["arm"]),
            "parameters": f"{row['num_parameters']}",
            "context": f"{row['context_samples']}",
            "updates": f"{row['updates']}",
            "s/update": number(row["seconds_per_update"]),
            "MAE": number(row["mae"]),
            SDR_WHOLE_SONG: format_decibels(row[SDR_WHOLE_SONG]),
            "interval": format_interval(row["low"], row["high"]),
            SI_SDR: format_decibels(row[SI_SDR]),
        }
        for row in table.to_dict("records")
    ]
    note = (
        "Networks trained by the mean absolute error. Context: samples on each side that an output depends on.\n"
        "Seconds of an update: with its share of evaluations, as many trainings side by side as the run had."
    )
    return TextTable(rows or [{"arm": DASH}], "Study 5, table 3: networks", note)


def _range(counts: pd.Series[int]) -> str:
    low, high = int(counts.min()), int(counts.max())
    return f"{high}" if low == high else f"{low} to {high}"


def _decibels(row: Mapping[Any, Any] | None) -> str:
    return DASH if row is None else format_decibels(row["value"])


def _interval(row: Mapping[Any, Any] | None) -> str:
    return DASH if row is None else format_interval(row["low"], row["high"])
