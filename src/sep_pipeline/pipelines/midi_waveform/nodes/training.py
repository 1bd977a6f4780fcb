"""The node that trains the network of one arm and seed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from sep_pipeline.configuration.execution import ExecutionParameters
from sep_pipeline.configuration.midi_waveform import ArmParameters, CorpusParameters
from sep_pipeline.configuration.pool import PoolParameters
from sep_pipeline.configuration.study import Cell
from sep_pipeline.data.chunk_pool.status import PoolStatus
from sep_pipeline.data.fixed_chunks import FixedChunks
from sep_pipeline.datasets import Weights, Workspace
from sep_pipeline.losses import study_resolution
from sep_pipeline.models.waveform import build_network
from sep_pipeline.pipelines.data.corpus import LEDGER_NAME
from sep_pipeline.pipelines.midi_waveform.nodes.data import CHUNKS
from sep_pipeline.pipelines.midi_waveform.songs import opened_pool
from sep_pipeline.pipelines.study.training import cell_work, training_curves
from sep_pipeline.pipelines.study.weights import network_weights
from sep_pipeline.tracking import CellTrackers
from sep_pipeline.training.result import TrainingResult
from sep_pipeline.training.waveform_task import WaveformTask

PHASE = "separation"

SECONDS, WAIT_SHARE, RENDER_SPEED = "seconds", "data_wait_share", "render_speed"
"""Rows of the curves that hold the time of a whole training, and what its pool said at the end."""


def train_separation(
    *,
    midi_corpus: Path,
    corpus: CorpusParameters,
    pool: PoolParameters,
    held_out_chunks: Weights,
    arm: ArmParameters,
    cell: Cell,
    execution: ExecutionParameters,
    trackers: CellTrackers,
    checkpoints: Workspace,
    inputs_checked: dict[str, Any],
) -> tuple[Weights, pd.DataFrame]:
    """Train a network on chunks that are rendered meanwhile.

    Returns:
        Weights after the last update, and the training curves.

    Raises:
        NonFiniteLossError: The loss or a gradient became NaN or infinite.
        NoInputError: No chunk of any song passes the filters.
        StorageError: A checkpoint or the ledger could not be written; the one before it is intact.
    """
    network = build_network(arm.model.config(len(corpus.instruments)), seed=cell.seed)
    chunks, sample_rate = held_out_chunks.state[CHUNKS], inputs_checked["sample_rate"]
    batch_size, length = arm.training.batch_size, chunks.shape[-1]
    config = pool.config(chunk_samples=length, sample_rate=sample_rate, batch_size=batch_size, seed=cell.seed)
    facts = {**arm.model_dump(), "training": asdict(arm.training)}
    with (
        cell_work(cell, execution, trackers, checkpoints, facts) as work,
        opened_pool(
            midi_corpus,
            corpus,
            pool,
            config,
            split="train",
            ledger=work.workspace(PHASE).folder / LEDGER_NAME,
        ) as examples,
    ):
        task = WaveformTask(
            network,
            examples,
            loss=arm.loss,
            resolution=study_resolution(sample_rate),
            validation=FixedChunks(chunks, batch_size),
            note=lambda: str(examples.status()),
        )
        result = work.train(task, arm.training, PHASE)
        status = examples.status()
    weights = network_weights(result.weights, network.config, result.num_steps, source="random")
    return weights, _curves(result, status, cell)


def _curves(result: TrainingResult, status: PoolStatus, cell: Cell) -> pd.DataFrame:
    """The logged scalars, and what the training took."""
    curves = training_curves(result, cell, PHASE)
    ends: Mapping[str, float] = {
        SECONDS: result.seconds,
        WAIT_SHARE: status.data_wait_share,
        RENDER_SPEED: status.render_speed,
    }
    place = {"step": result.num_steps, "arm": cell.arm, "stem": cell.stem, "seed": cell.seed, "phase": PHASE}
    rows = pd.DataFrame([{"name": name, "value": value, **place} for name, value in ends.items()])
    return pd.concat([curves, rows], ignore_index=True)
