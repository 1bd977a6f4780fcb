"""The study's tables: loss against loss beside the printed ones, scores of songs, and networks side by side."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from sep_pipeline.configuration.midi_waveform import ArmParameters
from sep_pipeline.losses.sources import MEASURES, SourceLossConfig
from sep_pipeline.metrics.aggregate import MEAN_OVER_SONGS
from sep_pipeline.metrics.track_scores import SDR_WHOLE_SONG, SI_SDR
from sep_pipeline.models.waveform import build_network
from sep_pipeline.pipelines.midi_waveform.floors import FLOORS
from sep_pipeline.pipelines.midi_waveform.nodes.training import SECONDS, WAIT_SHARE
from sep_pipeline.pipelines.midi_waveform.scoring import ABSENT_LEVEL, SHOWN_METRICS
from sep_pipeline.pipelines.study.results import compare_pairs
from sep_pipeline.reporting.scores import TOTAL
from sep_pipeline.reporting.tables import Provenance, result_table
from sep_pipeline.training.loop import EVALUATION_PREFIX

LOSS_COLUMNS = (
    "arm",
    "loss",
    "num_seeds",
    "updates",
    *MEASURES,
    *(f"published_{measure}" for measure in MEASURES),
)
"""Columns of table 1: means over seeds and over the chunks that no training hears."""

NETWORK_COLUMNS = (
    "arm",
    "network",
    "num_seeds",
    "num_parameters",
    "context_samples",
    "updates",
    "seconds_per_update",
    "data_wait_share",
    "mae",
    SDR_WHOLE_SONG,
    "low",
    "high",
    SI_SDR,
)
"""Columns of table 3; the interval is that of the SDR."""

PRINTED_HEADINGS = {"mae": "printed_as_mse", "mse": "printed_as_mae", "spectrogram": "spectrogram"}
"""Measure to the heading of its printed column, where it has another: the first two must be exchanged."""


def loss_table(
    curves: pd.DataFrame,
    floors: Mapping[str, Mapping[str, float]],
    arms: Mapping[str, ArmParameters],
    printed: Mapping[str, Mapping[str, float]],
) -> pd.DataFrame:
    """Table 1: every measure of every arm after its last update, and of the floors.

    Args:
        curves: All curves of the study.
        floors: Floor to measure to value.
        arms: The arms of the run.
        printed: Arm to the printed column to its figure.

    Returns:
        `LOSS_COLUMNS`.
    """
    rows: list[dict[str, Any]] = []
    for name, arm in arms.items():
        own = curves[curves["arm"] == name]
        found = {measure: _last(own, f"{EVALUATION_PREFIX}{measure}") for measure in MEASURES}
        row = {"arm": name, "loss": loss_name(arm.loss), "num_seeds": own["seed"].nunique()}
        row |= {"updates": int(own["step"].max()), **found}
        rows.append(row | {f"published_{key}": _printed(printed, name, key) for key in MEASURES})
    rows += [{"arm": name, "loss": "", **measures} for name, measures in floors.items()]
    table = pd.DataFrame(rows, columns=list(LOSS_COLUMNS))
    return table.astype({"num_seeds": "Int64", "updates": "Int64"})


def loss_name(loss: SourceLossConfig) -> str:
    """A loss as a sum: `mae + 0.002 spectrogram (db)`."""
    parts: list[str] = [loss.waveform]
    if loss.spectrogram_weight:
        parts.append(f"{loss.spectrogram_weight:g} spectrogram ({loss.spectrogram_kind})")
    if loss.difference_weight:
        parts.append(f"{loss.difference_weight:g} difference")
    return " + ".join(parts)


def _last(curves: pd.DataFrame, name: str) -> float:
    """Mean over seeds of the last value of a row of the curves."""
    chosen = curves[curves["name"] == name].sort_values("step")
    return float(chosen.groupby("seed")["value"].last().mean())


def _printed(printed: Mapping[str, Mapping[str, float]], arm: str, measure: str) -> float:
    return printed.get(arm, {}).get(PRINTED_HEADINGS.get(measure, measure), math.nan)


def score_table(songs: pd.DataFrame, provenance: Mapping[str, Provenance], code_version: str) -> pd.DataFrame:
    """Table 2: scores of test songs by arm and instrument, of the songs that have it, and levels where it is absent.

    Returns:
        `reporting.tables.TABLE_COLUMNS`.
    """
    return result_table(
        songs,
        aggregations=dict.fromkeys((*SHOWN_METRICS, ABSENT_LEVEL), MEAN_OVER_SONGS),
        provenance=provenance,
        code_version=code_version,
    )


def network_table(
    scores: pd.DataFrame, curves: pd.DataFrame, arms: Mapping[str, ArmParameters], num_sources: int
) -> pd.DataFrame:
    """Table 3: networks that were trained by the mean absolute error alone.

    Args:
        scores: Table 2.
        curves: All curves of the study.
        arms: The arms of the run.
        num_sources: Number of instruments.

    Returns:
        `NETWORK_COLUMNS`, empty if no arm has this loss.
    """
    totals = {(row["arm"], row["metric"]): row for row in scores[scores["stem"] == TOTAL].to_dict("records")}
    rows = []
    for name, arm in arms.items():
        if arm.loss != SourceLossConfig():
            continue
        own, config = curves[curves["arm"] == name], arm.model.config(num_sources)
        updates, sdr = int(own["step"].max()), totals[name, SDR_WHOLE_SONG]
        row = {"arm": name, "network": arm.model.network, "num_seeds": own["seed"].nunique()}
        row |= {
            "num_parameters": sum(value.numel() for value in build_network(config).parameters()),
            "context_samples": config.context_samples,
            "updates": updates,
            "seconds_per_update": _last(own, SECONDS) / updates,
            "data_wait_share": _last(own, WAIT_SHARE),
            "mae": _last(own, f"{EVALUATION_PREFIX}mae"),
        }
        row |= {SDR_WHOLE_SONG: sdr["value"], "low": sdr["low"], "high": sdr["high"]}
        rows.append(row | {SI_SDR: totals[name, SI_SDR]["value"]})
    return pd.DataFrame(rows, columns=list(NETWORK_COLUMNS))


def comparisons(songs: pd.DataFrame, arms: Mapping[str, ArmParameters]) -> str:
    """Every arm against the floors, and the arms of each network or loss against the plain ones, in sentences."""
    plain = [name for name, arm in arms.items() if arm.loss == SourceLossConfig()]
    pairs = [(arm, floor) for arm in arms for floor in FLOORS]
    pairs += [(arm, other) for index, arm in enumerate(plain) for other in plain[index + 1 :]]
    pairs += [
        (name, other)
        for name, arm in arms.items()
        for other in plain
        if name not in plain and arm.model == arms[other].model
    ]
    return compare_pairs(songs, pairs)[1]
