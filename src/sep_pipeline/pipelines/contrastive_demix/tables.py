"""The study's tables: scores beside the printed ones, what pre-training reached, and what it gained."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from sep_pipeline.configuration.contrastive_demix import (
    UNTRAINED,
    ArmParameters,
    PretrainingParameters,
    encoder_name,
)
from sep_pipeline.metrics.aggregate import MEAN_OVER_SONGS, MEDIAN_OVER_SONGS
from sep_pipeline.metrics.track_scores import SI_SDR
from sep_pipeline.pipelines.contrastive_demix.embeddings import MEASURES, measures
from sep_pipeline.pipelines.contrastive_demix.scoring import SDR, SHOWN_METRICS, SPLITS
from sep_pipeline.pipelines.study.results import compare_pairs
from sep_pipeline.reporting.scores import TOTAL
from sep_pipeline.reporting.tables import Provenance, result_table
from sep_pipeline.training.loop import EVALUATION_PREFIX

LOSS, TRIPLET_LOSS = "loss", "triplet_loss"
FLOOR = "scaled_mixture"
PRETRAINING_COLUMNS = (
    "pretraining",
    "objective",
    "rule",
    "num_seeds",
    "updates",
    "validation_triplet_loss",
    *MEASURES,
    "collapse_loss",
)
"""Columns of table 2: means over seeds, `MEASURES` on triplets of test songs."""

CLAIMED_METRICS = (SDR, SI_SDR)
"""In which the paper states a gain."""


def score_table(
    songs: pd.DataFrame,
    printed: Mapping[str, Any],
    provenance: Mapping[str, Provenance],
    code_version: str,
) -> pd.DataFrame:
    """Table 1: every metric by split, arm and stem, as mean and as median over songs.

    Args:
        songs: A scores frame with the column `split`.
        printed: Arm to split to metric to stem to dB.
        provenance: Arm to where it comes from.
        code_version: Version of the package.

    Returns:
        `reporting.tables.TABLE_COLUMNS` after a column `split`; printed figures stand beside the means.
    """
    tables = []
    for split in SPLITS:
        own = songs[songs["split"] == split].drop(columns="split")
        for aggregation in (MEAN_OVER_SONGS, MEDIAN_OVER_SONGS):
            table = result_table(
                own,
                aggregations=dict.fromkeys(SHOWN_METRICS, aggregation),
                provenance=provenance,
                code_version=code_version,
                published=_printed(printed, split) if aggregation == MEAN_OVER_SONGS else None,
            )
            table.insert(0, "split", split)
            tables.append(table)
    return pd.concat(tables, ignore_index=True)


def _printed(printed: Mapping[str, Any], split: str) -> dict[str, dict[str, dict[str, float]]]:
    """Metric to arm to stem to dB of one split."""
    arms = {name: figures[split] for name, figures in printed.items() if name != "caption"}
    return {
        metric: {name: dict(figures[metric]) for name, figures in arms.items()} for metric in CLAIMED_METRICS
    }


def pretraining_table(
    embeddings: pd.DataFrame,
    curves: pd.DataFrame,
    pretrainings: Mapping[str, PretrainingParameters],
    margin: float,
) -> pd.DataFrame:
    """Table 2: what every pre-training reached on held-out triplets, beside encoders that learnt nothing.

    Args:
        embeddings: Embeddings of test triplets by all encoders.
        curves: All curves of the study.
        pretrainings: Name to parameters.
        margin: Of the triplet loss, which is also what a collapsed encoder has.

    Returns:
        `PRETRAINING_COLUMNS`.
    """
    found = measures(embeddings, margin)
    rows = []
    for name, own in found.groupby("pretraining", sort=False):
        facts = pretrainings.get(str(name))
        row = {"pretraining": name, "num_seeds": len(own), "collapse_loss": margin}
        row |= {"objective": "", "rule": ""} if facts is None else facts.model_dump()
        row |= _validation(curves[curves["arm"] == encoder_name(str(name))])
        rows.append(row | own[list(MEASURES)].mean().to_dict())
    return pd.DataFrame(rows, columns=list(PRETRAINING_COLUMNS))


def _validation(curves: pd.DataFrame) -> dict[str, float]:
    """Updates, and the validation's triplet loss of the kept weights, those of the lowest watched loss."""
    kept = []
    for _, curve in curves.groupby("seed"):
        watched, losses = (_evaluated(curve, name) for name in (LOSS, TRIPLET_LOSS))
        if len(watched):
            kept.append(float(losses.iloc[int(watched.to_numpy().argmin())]))
    return {
        "updates": int(curves["step"].max()) if len(curves) else 0,
        "validation_triplet_loss": sum(kept) / len(kept) if kept else math.nan,
    }


def _evaluated(curve: pd.DataFrame, name: str) -> pd.Series[float]:
    """A figure of the validation in the order of its updates."""
    return curve[curve["name"] == f"{EVALUATION_PREFIX}{name}"].sort_values("step")["value"]


def compared_pairs(arms: Mapping[str, ArmParameters]) -> list[tuple[str, str]]:
    """Pairs of arms worth a difference.

    Every pre-trained arm against the one that differs in its random start alone, then everything with an encoder
    against the baseline, then all against the scaled mixture.
    """
    plain = {(arm.model, arm.only_stem): name for name, arm in arms.items() if arm.pretraining is None}
    pairs = [
        (name, plain[arm.model, arm.only_stem])
        for name, arm in arms.items()
        if arm.pretraining is not None and (arm.model, arm.only_stem) in plain
    ]
    baselines = [name for name, arm in arms.items() if arm.model == "baseline"]
    pairs += [
        (name, baseline) for name, arm in arms.items() if arm.model != "baseline" for baseline in baselines
    ]
    return pairs + [(name, FLOOR) for name in arms]


def gain_table(
    songs: pd.DataFrame, arms: Mapping[str, ArmParameters], printed: Mapping[str, Mapping[str, float]]
) -> tuple[pd.DataFrame, list[str]]:
    """Table 3: differences on test songs, in every metric and stem.

    Args:
        songs: A scores frame with the column `split`.
        arms: The arms of the run.
        printed: Arm to metric to printed gain over the plain autoencoder.

    Returns:
        A comparison table with the further column `published`, and a sentence for each difference between
        arms in the total, by the metrics of the paper's claim.
    """
    tests = songs[songs["split"] == "test"].drop(columns="split")
    pairs, stems = compared_pairs(arms), [str(stem) for stem in tests["stem"].unique()]
    tables, sentences = [], []
    for metric in SHOWN_METRICS:
        table, _ = compare_pairs(tests, pairs, metric=metric, stems=(TOTAL, *stems))
        tables.append(table)
        if metric in CLAIMED_METRICS:
            _, verdicts = compare_pairs(tests, [pair for pair in pairs if pair[1] in arms], metric=metric)
            sentences += [f"{metric}: {line}" for line in verdicts.splitlines()]
    gains = pd.concat(tables, ignore_index=True)
    published = [_gain(row, arms, printed) for row in gains.to_dict("records")]
    return gains.assign(published=published), sentences


def _gain(
    row: Mapping[Any, Any],
    arms: Mapping[str, ArmParameters],
    printed: Mapping[str, Mapping[str, float]],
) -> float:
    baseline = arms.get(row["baseline"])
    is_start_alone = baseline is not None and baseline.model == "autoencoder" and baseline.pretraining is None
    if row["stem"] != TOTAL or not is_start_alone:
        return math.nan
    return printed.get(row["arm"], {}).get(row["metric"], math.nan)


def is_untrained(pretraining: str) -> bool:
    """Whether a row of table 2 is that of encoders that learnt nothing."""
    return pretraining == UNTRAINED
