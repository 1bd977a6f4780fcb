"""Nodes that turn scores, measures and curves into tables, text and figures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from sep_pipeline.configuration.midi_waveform import STUDY, ArmParameters
from sep_pipeline.configuration.study import RunParameters
from sep_pipeline.pipelines.midi_waveform import tables, texts
from sep_pipeline.pipelines.midi_waveform.figures import loss_figure
from sep_pipeline.pipelines.study.results import with_empty_texts, written_tables
from sep_pipeline.pipelines.version import code_version
from sep_pipeline.reporting.tables import Provenance


def make_tables(
    song_scores: pd.DataFrame,
    curves: pd.DataFrame,
    floor_measures: Mapping[str, Mapping[str, float]],
    published_results: Mapping[str, Any],
    arms: Mapping[str, Any],
    run: RunParameters,
    inputs_checked: Mapping[str, Any],
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, str]:
    """Everything the study says.

    Returns:
        Table 1: loss against loss, beside the printed figures. Table 2: scores of test songs. Table 3: the networks.
        And differences of arms in sentences.
    """
    parsed = {name: ArmParameters.model_validate(arms[name]) for name in run.arms}
    steps = curves.groupby("arm")["step"].max().to_dict()
    provenance = {
        name: Provenance(steps=steps[name], weights="random", data_hash=inputs_checked["data_hash"])
        for name in parsed
    }
    scores = tables.score_table(song_scores, provenance, code_version())
    printed = published_results[STUDY]["table_1"]
    return (
        tables.loss_table(curves, floor_measures, parsed, printed),
        scores,
        tables.network_table(scores, curves, parsed, len(inputs_checked["instruments"])),
        tables.comparisons(song_scores, parsed),
    )


def write_tables(
    table_1: pd.DataFrame, table_2: pd.DataFrame, table_3: pd.DataFrame, comparisons: str
) -> tuple[str, ...]:
    """The tables as Markdown, and the text printed at the end of a run."""
    named = with_empty_texts(table_1, ["loss"])
    written = texts.loss_text(named), texts.score_text(table_2), texts.network_text(table_3)
    return written_tables(written, comparisons, below=1)


def draw_losses(curves: pd.DataFrame) -> Figure:
    """Loss and held-out errors against updates, a line per arm."""
    return loss_figure(curves)
