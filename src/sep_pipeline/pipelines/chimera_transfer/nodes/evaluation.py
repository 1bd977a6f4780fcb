"""Nodes after the training: separator folders, and scores of the excerpts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from sep_pipeline.configuration.chimera_transfer import (
    ArmParameters,
    ChimeraEvaluationParameters,
    MixtureParameters,
)
from sep_pipeline.configuration.execution import ExecutionParameters
from sep_pipeline.configuration.study import ArmRun
from sep_pipeline.datasets import FolderWriter, Weights
from sep_pipeline.mapping import map_tracks
from sep_pipeline.metrics.track_scores import SI_SDR
from sep_pipeline.models.chimera import ChimeraConfig, ChimeraNet
from sep_pipeline.models.config_values import config_of_values
from sep_pipeline.pipelines.chimera_transfer.excerpt_scores import EXCERPT_COLUMNS
from sep_pipeline.pipelines.chimera_transfer.mixtures import excerpt_examples, scored_excerpt
from sep_pipeline.pipelines.chimera_transfer.scoring import score_excerpt
from sep_pipeline.pipelines.data.store import store_hash
from sep_pipeline.pipelines.study.evaluation import with_means_over_stems
from sep_pipeline.pipelines.study.separators import loaded_separator, one_network_separator
from sep_pipeline.pipelines.study.weights import stored_config

IMPROVEMENT = "SI-SDRi"


def assemble_separator(
    weights: Weights, arm_run: ArmRun, mixture_checked: dict[str, Any], **stem_stores: Path
) -> FolderWriter:
    """Make the trained network of one arm and seed a separator folder."""
    config = config_of_values(ChimeraConfig, stored_config(weights))
    network = ChimeraNet(config)
    return one_network_separator(
        network,
        weights,
        arm_run,
        model="chimera",
        config=config,
        sample_rate=mixture_checked["sample_rate"],
        data_hash="+".join(store_hash(store) for store in stem_stores.values()),
    )


def score_excerpts(
    separator: Path,
    mixture: MixtureParameters,
    evaluation: ChimeraEvaluationParameters,
    arm_run: ArmRun,
    arm: ArmParameters,
    execution: ExecutionParameters,
    **stem_stores: Path,
) -> pd.DataFrame:
    """Score one arm and seed on the excerpts of its downstream set.

    Returns:
        An excerpts frame, see `EXCERPT_COLUMNS`.
    """
    loaded = loaded_separator(separator, execution)
    drawn = excerpt_examples(mixture, evaluation, stem_stores)
    scored = map_tracks(
        lambda number: score_excerpt(loaded, scored_excerpt(mixture, drawn, number)),
        {f"excerpt {number}": number for number in range(evaluation.num_excerpts)},
        description=f"{arm_run.arm} seed {arm_run.seed}",
        num_processes=1,
    )
    place = {"arm": arm_run.arm, "seed": arm_run.seed, "downstream": arm.downstream}
    rows = [place | row for found in scored.values() for row in found]
    return pd.DataFrame(rows, columns=list(EXCERPT_COLUMNS))


def collect_excerpts(*excerpts: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """All scores of the study.

    Returns:
        An excerpts frame of every arm and seed; and the same as scores in dB by arm, stem, seed, track (the
        excerpt) and metric, with the mean over stems as the stem `all`, which is what the runs in MLflow show.
    """
    together = pd.concat(excerpts, ignore_index=True)
    figures = {
        SI_SDR: together["si_sdr"],
        IMPROVEMENT: together["si_sdr"] - together["si_sdr_mixture"],
    }
    place = together[["arm", "seed", "stem"]].assign(track=together["excerpt"].map("excerpt {}".format))
    by_metric = [place.assign(metric=metric, value=values) for metric, values in figures.items()]
    return together, with_means_over_stems(pd.concat(by_metric, ignore_index=True))
