"""Nodes after the training: embeddings of held-out triplets, separator folders, scores of songs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from sep_pipeline.configuration.contrastive_demix import (
    ArmParameters,
    DemixEvaluationParameters,
    NetworkParameters,
    TripletParameters,
)
from sep_pipeline.configuration.execution import ExecutionParameters
from sep_pipeline.configuration.study import ArmRun, Cell, RunParameters
from sep_pipeline.datasets import FolderWriter, Weights
from sep_pipeline.models.deep_demix import Encoder, encoder_preset, mask_network
from sep_pipeline.models.weights import load_into
from sep_pipeline.pipelines.contrastive_demix.embeddings import embedding_rows
from sep_pipeline.pipelines.contrastive_demix.examples import held_out_triplets
from sep_pipeline.pipelines.contrastive_demix.scoring import SPLITS, score_songs
from sep_pipeline.pipelines.data.store import store_hash
from sep_pipeline.pipelines.study import evaluation as study
from sep_pipeline.pipelines.study.separators import loaded_separator, one_network_separator
from sep_pipeline.pipelines.study.weights import stored_config
from sep_pipeline.separation.deep_demix_separator import REGISTERED_NAMES


def embed_test_triplets(
    stem_store: Path,
    network: NetworkParameters,
    triplets: TripletParameters,
    cell: Cell,
    execution: ExecutionParameters,
    inputs_checked: dict[str, Any],
    weights: Weights | None = None,
) -> pd.DataFrame:
    """Embed the fixed triplets of test songs by one encoder; without weights by one that has learnt nothing.

    Returns:
        A row per excerpt, see `embeddings.PLACE_COLUMNS`, then one column per dimension.
    """
    encoder = Encoder(encoder_preset(network.preset), seed=cell.seed)
    if weights is not None:
        load_into(encoder, weights.state, file=f"encoder of {cell.arm}")
    drawn = held_out_triplets(stem_store, triplets, inputs_checked["chunk_samples"], split="test")
    encoder.to(execution.resolved_device())
    return embedding_rows(encoder, drawn, triplets.num_test_items).assign(
        pretraining=cell.arm.removeprefix("pretraining_"), seed=cell.seed
    )


def collect_embeddings(*embeddings: pd.DataFrame) -> pd.DataFrame:
    """Embeddings of all encoders in one table."""
    return pd.concat(embeddings, ignore_index=True)


def assemble_separator(
    weights: Weights, arm: ArmParameters, arm_run: ArmRun, stem_store: Path, inputs_checked: dict[str, Any]
) -> FolderWriter:
    """Make the trained network of one arm and seed a separator folder."""
    network = mask_network(arm.model, stored_config(weights))
    return one_network_separator(
        network,
        weights,
        arm_run,
        model=REGISTERED_NAMES[arm.model],
        config=network.config,
        sample_rate=inputs_checked["sample_rate"],
        data_hash=store_hash(stem_store),
        chunk_samples=inputs_checked["chunk_samples"],
    )


def score_tracks(
    separator: Path,
    stem_store: Path,
    evaluation: DemixEvaluationParameters,
    arm_run: ArmRun,
    execution: ExecutionParameters,
) -> pd.DataFrame:
    """Separate and score the test songs, and training songs beside them.

    Returns:
        A scores frame with the further column `split`.
    """
    loaded = loaded_separator(separator, execution)
    config = study.scoring_config(arm_run.stems, evaluation.engine, 1)
    frames = [
        score_songs(loaded, stem_store, split, evaluation, config, arm_run).assign(split=split)
        for split in SPLITS
    ]
    return pd.concat(frames, ignore_index=True)


def score_floors(
    stem_store: Path, run: RunParameters, evaluation: DemixEvaluationParameters, *stems: str
) -> pd.DataFrame:
    """Score silence and the scaled mixture on the test songs, once per seed of the run."""
    config = study.scoring_config(stems, evaluation.engine, 1)
    return study.score_floors(stem_store, config, run.seeds).assign(split="test")


def collect_songs(*songs: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """All scores of the study; the floors come last.

    Returns:
        The scores of training and test songs; and those of test songs with the mean over stems as the stem
        `all`, which is what the runs in MLflow show.
    """
    together = pd.concat(songs, ignore_index=True)
    tests = together[together["split"] == "test"].drop(columns="split")
    return together, study.with_means_over_stems(tests)
