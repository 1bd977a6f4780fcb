"""Nodes that turn scores, embeddings and curves into tables, text and figures."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from sep_pipeline.configuration.contrastive_demix import (
    ArmParameters,
    PretrainingParameters,
    TripletParameters,
)
from sep_pipeline.configuration.study import RunParameters
from sep_pipeline.pipelines.contrastive_demix import tables, texts
from sep_pipeline.pipelines.contrastive_demix.embeddings import embedding_figure
from sep_pipeline.pipelines.contrastive_demix.figures import pretraining_figure, separation_figure
from sep_pipeline.pipelines.data.store import store_hash
from sep_pipeline.pipelines.study.results import with_empty_texts, written_tables
from sep_pipeline.pipelines.version import code_version
from sep_pipeline.reporting.tables import Provenance

Arms = Mapping[str, Any]

TEXT_COLUMNS = ("objective", "rule")
"""Columns of table 2 in which a text may be empty."""


def make_tables(
    song_scores: pd.DataFrame,
    embeddings: pd.DataFrame,
    curves: pd.DataFrame,
    published_results: Mapping[str, Any],
    arms: Arms,
    run: RunParameters,
    pretrainings: dict[str, Any],
    triplets: TripletParameters,
    stem_store: Path,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, str]:
    """Everything the study says.

    Returns:
        Table 1: scores, beside the printed ones. Table 2: what pre-training reached. Table 3: differences of
        arms. And these in sentences.
    """
    printed = published_results["contrastive_demix"]
    parsed = {name: ArmParameters.model_validate(arms[name]) for name in run.arms}
    steps, data_hash = curves.groupby("arm")["step"].max().to_dict(), store_hash(stem_store)
    provenance = {
        name: Provenance(steps=steps[name], weights=arm.pretraining or "random", data_hash=data_hash)
        for name, arm in parsed.items()
    }
    known = {name: PretrainingParameters.model_validate(values) for name, values in pretrainings.items()}
    gains, sentences = tables.gain_table(song_scores, parsed, printed["gains"])
    return (
        tables.score_table(song_scores, printed["table_1"], provenance, code_version()),
        tables.pretraining_table(embeddings, curves, known, triplets.margin),
        gains,
        "\n".join(sentences),
    )


def write_tables(
    table_1: pd.DataFrame, table_2: pd.DataFrame, table_3: pd.DataFrame, comparisons: str
) -> tuple[str, ...]:
    """The tables as Markdown, and the text printed at the end of a run."""
    table_2 = with_empty_texts(table_2, TEXT_COLUMNS)
    written = texts.score_text(table_1), texts.pretraining_text(table_2), texts.gain_text(table_3)
    return written_tables(written, comparisons, below=2)


def draw_losses(curves: pd.DataFrame, triplets: TripletParameters) -> tuple[Figure, Figure]:
    """Losses against updates of both stages, and what the first does to held-out triplets."""
    return pretraining_figure(curves, triplets.margin), separation_figure(curves)


def draw_embeddings(embeddings: pd.DataFrame, inputs_checked: dict[str, Any]) -> Figure:
    """Embeddings of test songs in two dimensions, by stem, before and after pre-training."""
    title = "Embeddings of test songs (principal components, first seed)"
    return embedding_figure(embeddings, inputs_checked["stems"], title=title)
