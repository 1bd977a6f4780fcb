"""Nodes before and of the training: checks, pre-training of an encoder, training of a separating network."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from torch import Tensor

from sep_pipeline.configuration.contrastive_demix import (
    ArmParameters,
    DrawingParameters,
    NetworkParameters,
    PretrainingParameters,
    TripletParameters,
)
from sep_pipeline.configuration.execution import ExecutionParameters
from sep_pipeline.configuration.study import Cell
from sep_pipeline.data.examples import Examples
from sep_pipeline.data.feeding import fed
from sep_pipeline.data.stem_store import store_tracks
from sep_pipeline.data.triplets import TripletExamples
from sep_pipeline.datasets import Weights, Workspace
from sep_pipeline.models.deep_demix import (
    Encoder,
    MaskNetwork,
    encoder_preset,
    load_pretrained_encoder,
    mask_network_preset,
)
from sep_pipeline.pipelines.contrastive_demix.examples import (
    held_out_triplets,
    training_mixtures,
    training_triplets,
    validation_mixtures,
)
from sep_pipeline.pipelines.study.training import cell_work, training_curves
from sep_pipeline.pipelines.study.weights import network_weights
from sep_pipeline.tracking import CellTrackers
from sep_pipeline.training.config import TrainingConfig
from sep_pipeline.training.deep_demix_tasks import MaskTask, TripletTask


@dataclass(frozen=True)
class _FedTriplets:
    """Audio from worker processes, labels from the draws themselves.

    Attributes:
        feed: What prepares the audio.
        drawn: The same triplets.
    """

    feed: Examples
    drawn: TripletExamples

    def batch(self, step: int) -> Tensor:
        return self.feed.batch(step)

    def labels(self, step: int) -> Tensor:
        return self.drawn.labels(step)


def check_inputs(
    stem_store: Path,
    network: NetworkParameters,
    mixtures: DrawingParameters,
    triplets: TripletParameters,
    pretrainings: dict[str, Any],
    used_pretrainings: list[str],
) -> dict[str, Any]:
    """Refuse what would fail hours later; every training waits for this.

    Args:
        stem_store: Where the songs are.
        network: Which fixes the length of excerpts.
        mixtures: How mixtures are drawn.
        triplets: How triplets are drawn.
        pretrainings: Every pre-training by name.
        used_pretrainings: Names of those that this run needs; without any, triplets are not looked at.

    Returns:
        What the study works on, for the report.

    Raises:
        NoInputError: A split has no song, no song has all stems, or a stem is in fewer than two songs.
        SilentStemError: A stem is loud enough in fewer songs than the triplets need.
        ConfigurationError: There are too few stems, or excerpts are too short for their loudness.
        StemMismatchError: Sample rates differ.
    """
    chunk = network.chunk_samples
    drawn = training_mixtures(stem_store, mixtures, chunk, batch_size=1, seed=0)
    validation_mixtures(stem_store, mixtures, chunk, batch_size=1)
    for name in used_pretrainings:
        rule = PretrainingParameters.model_validate(pretrainings[name]).rule
        training_triplets(stem_store, triplets, chunk, rule=rule, batch_size=1, seed=0).check_sounding()
    for split in ("validation", "test") if used_pretrainings else ():
        held_out_triplets(stem_store, triplets, chunk, split=split).check_sounding()
    return {
        **{
            f"{split}_tracks": len(store_tracks(stem_store, split))
            for split in ("train", "validation", "test")
        },
        "stems": list(drawn.stems),
        "sample_rate": drawn.sample_rate,
        "chunk_samples": chunk,
    }


def train_pretraining(
    *,
    stem_store: Path,
    network: NetworkParameters,
    triplets: TripletParameters,
    pretraining: PretrainingParameters,
    training: TrainingConfig,
    cell: Cell,
    execution: ExecutionParameters,
    trackers: CellTrackers,
    checkpoints: Workspace,
    inputs_checked: dict[str, Any],
) -> tuple[Weights, pd.DataFrame]:
    """Train an encoder on triplets; every arm of the same pre-training starts from it.

    Returns:
        Weights of the best validation, and the training curves.

    Raises:
        NonFiniteLossError: The loss or a gradient became NaN or infinite.
        SilentStemError: A stem was found too quiet at every place.
        StorageError: A checkpoint could not be written; the one before it is intact.
    """
    chunk, batch_size = inputs_checked["chunk_samples"], training.batch_size
    encoder = Encoder(encoder_preset(network.preset), seed=cell.seed)
    facts = {**pretraining.model_dump(), "training": asdict(training)}
    drawn = training_triplets(
        stem_store, triplets, chunk, rule=pretraining.rule, batch_size=batch_size, seed=cell.seed
    )
    held_out = held_out_triplets(stem_store, triplets, chunk, split="validation", batch_size=batch_size)
    with (
        cell_work(cell, execution, trackers, checkpoints, facts) as work,
        fed(drawn, num_workers=triplets.num_workers, num_steps=training.num_steps) as feed,
    ):
        task = TripletTask(
            encoder,
            _FedTriplets(feed, drawn),
            objective=pretraining.objective,
            margin=triplets.margin,
            temperature=triplets.temperature,
            validation=held_out,
        )
        result = work.train(task, training, "pretraining")
    weights = network_weights(result.weights, encoder.config, result.num_steps)
    return weights, training_curves(result, cell, "pretraining")


def train_separation(
    *,
    stem_store: Path,
    network: NetworkParameters,
    mixtures: DrawingParameters,
    training: TrainingConfig,
    arm: ArmParameters,
    cell: Cell,
    execution: ExecutionParameters,
    trackers: CellTrackers,
    checkpoints: Workspace,
    inputs_checked: dict[str, Any],
    pretrained: Weights | None = None,
) -> tuple[Weights, pd.DataFrame]:
    """Train what separates: the arm's architecture, with a pre-trained encoder or without.

    Returns:
        Weights of the best validation, and the training curves.

    Raises:
        CheckpointMismatchError: The pre-trained encoder has other sizes.
        NonFiniteLossError: The loss or a gradient became NaN or infinite.
        StorageError: A checkpoint could not be written; the one before it is intact.
    """
    chunk, stems = inputs_checked["chunk_samples"], inputs_checked["stems"]
    net = _network(arm, network, len(stems), cell, pretrained)
    facts = {**arm.model_dump(), "training": asdict(training)}
    batch_size = training.batch_size
    drawn = training_mixtures(stem_store, mixtures, chunk, batch_size=batch_size, seed=cell.seed)
    with (
        cell_work(cell, execution, trackers, checkpoints, facts) as work,
        fed(drawn, num_workers=mixtures.num_workers, num_steps=training.num_steps) as feed,
    ):
        task = MaskTask(
            net,
            feed,
            only_stem=None if arm.only_stem is None else stems.index(arm.only_stem),
            validation=validation_mixtures(stem_store, mixtures, chunk, batch_size=batch_size),
        )
        result = work.train(task, training, "separation")
    source = arm.pretraining or "random"
    weights = network_weights(result.weights, net.config, result.num_steps, source=source)
    return weights, training_curves(result, cell, "separation")


def _network(
    arm: ArmParameters, network: NetworkParameters, num_sources: int, cell: Cell, pretrained: Weights | None
) -> MaskNetwork:
    separating = mask_network_preset(arm.model, network.preset, num_sources=num_sources, seed=cell.seed)
    if pretrained is not None:
        load_pretrained_encoder(separating, pretrained.state, file=f"pre-trained encoder of {cell.arm}")
    return separating
