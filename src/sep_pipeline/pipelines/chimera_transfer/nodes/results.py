"""Nodes that turn scores and curves into tables, text and figures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from sep_pipeline.configuration.chimera_transfer import ArmParameters, ChimeraEvaluationParameters
from sep_pipeline.configuration.study import RunParameters
from sep_pipeline.pipelines.chimera_transfer import texts
from sep_pipeline.pipelines.chimera_transfer.claims import claim_table
from sep_pipeline.pipelines.chimera_transfer.figures import condition_figure, curve_figure, gain_figure
from sep_pipeline.pipelines.chimera_transfer.nodes.training import FOLLOWED
from sep_pipeline.pipelines.chimera_transfer.tables import (
    CURVE_COLUMNS,
    FACT_COLUMNS,
    comparison_table,
    level_table,
    mask_table,
    model_table,
)
from sep_pipeline.pipelines.study.results import as_list, with_empty_texts

Arms = Mapping[str, Any]

TEXT_COLUMNS = ("pretraining", "detail")
"""Columns of tables in which a text may be empty."""


def describe_arms(arms: Arms, run: RunParameters) -> pd.DataFrame:
    """What every arm of the run is: a row each, see `FACT_COLUMNS`."""
    parsed = {name: ArmParameters.model_validate(arms[name]) for name in run.arms}
    rows = [
        {
            "arm": name,
            "pretraining": arm.pretrained_on or "",
            "condition": arm.condition,
            "downstream": arm.downstream,
            "variant": arm.variant,
        }
        for name, arm in parsed.items()
        # Another way to freeze is a row of its own in the scores, and no cell of the printed grid.
        if arm.freeze == "strict"
    ]
    return pd.DataFrame(rows, columns=list(FACT_COLUMNS))


def make_tables(
    excerpts: pd.DataFrame,
    curves: pd.DataFrame,
    facts: pd.DataFrame,
    published_results: Mapping[str, Any],
    level_db: float,
) -> tuple[pd.DataFrame, ...]:
    """Everything the study says.

    Returns:
        Table 1: models. Table 2: mask against whole, beside the printed figures. Table 3: all comparisons.
        Table 4: claims. Table 5: iterations to a level (figure 3).
    """
    printed = published_results["chimera_transfer"]
    comparisons = comparison_table(excerpts, facts)
    followed = _followed(curves, facts)
    claims = claim_table(comparisons, followed, facts, level_db=level_db, printed=printed["claims"])
    return (
        model_table(excerpts, facts),
        mask_table(comparisons, printed["table_2"]),
        comparisons,
        claims,
        level_table(followed, facts, level_db),
    )


def _followed(curves: pd.DataFrame, facts: pd.DataFrame) -> pd.DataFrame:
    """Mean SI-SDR of the followed excerpts by arm, seed and iteration; see `CURVE_COLUMNS`."""
    chosen = curves[curves["name"] == f"evaluation/{FOLLOWED}"]
    return chosen.merge(facts[["arm", "downstream"]], on="arm")[list(CURVE_COLUMNS)]


def write_tables(
    table_1: pd.DataFrame,
    table_2: pd.DataFrame,
    table_3: pd.DataFrame,
    table_4: pd.DataFrame,
    table_5: pd.DataFrame,
) -> tuple[str, ...]:
    """The tables as Markdown, and the text printed at the end of a run."""
    tables = (table_1, table_2, table_3, table_4, table_5)
    write = (
        texts.model_text,
        texts.mask_text,
        texts.comparison_text,
        texts.claim_text,
        texts.level_text,
    )
    written = [text(with_empty_texts(table, TEXT_COLUMNS)) for text, table in zip(write, tables, strict=True)]
    markdown = [table.markdown() for table in written]
    markdown[2] += f"\n{as_list(texts.verdict_lines(table_3))}"
    plain = "\n".join(table.plain() for table in written)
    return (*markdown, f"\n{plain}\n")


def draw_figures(
    models: pd.DataFrame,
    comparisons: pd.DataFrame,
    curves: pd.DataFrame,
    facts: pd.DataFrame,
    evaluation: ChimeraEvaluationParameters,
    level_db: float,
) -> tuple[Figure, Figure, Figure]:
    """Figures 1 to 3: gains over scratch, what conditions add, scores against iterations."""
    models, comparisons = with_empty_texts(models, TEXT_COLUMNS), with_empty_texts(comparisons, TEXT_COLUMNS)
    return (
        gain_figure(models, comparisons, title="Figure 1: whole-models against scratch"),
        condition_figure(comparisons, title="Figure 2: what conditions of pre-training add"),
        curve_figure(
            _followed(curves, facts),
            facts,
            level_db,
            title=f"Figure 3: test SI-SDR of {evaluation.curve_excerpts} excerpts",
        ),
    )
