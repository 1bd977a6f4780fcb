"""Nodes before and of the training: checks, pre-training by deep clustering, training for a downstream set."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from sep_pipeline.configuration.chimera_transfer import (
    ArmParameters,
    ChimeraEvaluationParameters,
    ConditionParameters,
    MixtureExampleParameters,
    MixtureParameters,
    NetworkParameters,
)
from sep_pipeline.configuration.execution import ExecutionParameters
from sep_pipeline.configuration.study import Cell
from sep_pipeline.data.feeding import fed
from sep_pipeline.datasets import Weights, Workspace
from sep_pipeline.models.chimera import ChimeraNet, load_all_but_mask_head, preset
from sep_pipeline.pipelines.chimera_transfer.mixtures import (
    ScoredExcerpt,
    excerpt_examples,
    scored_excerpt,
    tracks_of_stores,
    training_mixtures,
    validation_mixtures,
)
from sep_pipeline.pipelines.chimera_transfer.scoring import score_network
from sep_pipeline.pipelines.study.training import cell_work, training_curves
from sep_pipeline.pipelines.study.weights import network_weights
from sep_pipeline.tracking import CellTrackers
from sep_pipeline.training.chimera_tasks import ChimeraTask
from sep_pipeline.training.config import TrainingConfig
from sep_pipeline.training.result import TrainingResult

FOLLOWED = "si_sdr"
"""What figure 3 shows, in the curves as `evaluation/si_sdr`."""


def check_mixture(
    mixture: MixtureParameters,
    examples: MixtureExampleParameters,
    evaluation: ChimeraEvaluationParameters,
    is_scored: bool,
    **stem_stores: Path,
) -> dict[str, Any]:
    """Refuse what would fail hours later; every training with this mixture waits for it.

    Args:
        mixture: What is mixed.
        examples: How mixtures are drawn.
        evaluation: How excerpts are drawn.
        is_scored: Whether it is a downstream set, which also needs songs to be scored on.
        stem_stores: Store of every data set of the mixture.

    Returns:
        What there is to train and to score with, for the report.

    Raises:
        NoInputError: A store has no song in a split, or no song has a source.
        StemMismatchError: Sample rates differ.
        ConfigurationError: A source is made of a stem that no song has.
    """
    drawn = training_mixtures(mixture, examples, stem_stores, batch_size=1, seed=0)
    validation_mixtures(mixture, examples, stem_stores, batch_size=1)
    found = {
        "sources": list(mixture.sources),
        "sample_rate": drawn.sample_rate,
        "train_tracks": len(tracks_of_stores(stem_stores, "train")),
    }
    if is_scored:
        excerpt_examples(mixture, evaluation, stem_stores)
        found |= {"test_tracks": len(tracks_of_stores(stem_stores, "test"))}
    return found


def train_pretraining(
    *,
    mixture: MixtureParameters,
    condition: ConditionParameters,
    examples: MixtureExampleParameters,
    network: NetworkParameters,
    training: TrainingConfig,
    cell: Cell,
    execution: ExecutionParameters,
    trackers: CellTrackers,
    checkpoints: Workspace,
    mixture_checked: dict[str, Any],
    **stem_stores: Path,
) -> tuple[Weights, pd.DataFrame]:
    """Train a network by deep clustering alone; every arm of the same mixture and condition starts from it.

    Returns:
        Weights of the best validation, and the training curves.

    Raises:
        NonFiniteLossError: The loss or a gradient became NaN or infinite.
        StorageError: A checkpoint could not be written; the one before it is intact.
    """
    del mixture_checked  # What it says is known; the training waits for it.
    net = ChimeraNet(preset(network.preset, num_sources=len(mixture.sources)), seed=cell.seed)
    facts = {"condition": condition.model_dump(), "training": asdict(training)}
    chunks = training_mixtures(
        mixture,
        examples,
        stem_stores,
        batch_size=training.batch_size,
        seed=cell.seed,
        condition=condition,
    )
    validation = validation_mixtures(mixture, examples, stem_stores, batch_size=training.batch_size)
    with (
        cell_work(cell, execution, trackers, checkpoints, facts) as work,
        fed(chunks, num_workers=examples.num_workers, num_steps=training.num_steps) as feed,
    ):
        result = work.train(ChimeraTask(net, feed, validation=validation), training, "pretraining")
    return _weights(result, net, mixture, source="random"), training_curves(result, cell, "pretraining")


def train_downstream(
    *,
    mixture: MixtureParameters,
    examples: MixtureExampleParameters,
    evaluation: ChimeraEvaluationParameters,
    network: NetworkParameters,
    training: TrainingConfig,
    arm: ArmParameters,
    cell: Cell,
    execution: ExecutionParameters,
    trackers: CellTrackers,
    checkpoints: Workspace,
    mixture_checked: dict[str, Any],
    pretrained: Weights | None = None,
    **stem_stores: Path,
) -> tuple[Weights, pd.DataFrame]:
    """Train for a downstream set: a pre-trained network with a new mask head, or one from scratch.

    Returns:
        Weights of the best validation, and the training curves.

    Raises:
        CheckpointMismatchError: The pre-trained network has other sizes.
        NonFiniteLossError: The loss or a gradient became NaN or infinite.
        StorageError: A checkpoint could not be written; the one before it is intact.
    """
    del mixture_checked  # What it says is known; the training waits for it.
    net = ChimeraNet(preset(network.preset, num_sources=len(mixture.sources)), seed=cell.seed)
    if pretrained is not None:
        load_all_but_mask_head(net, pretrained.state, file=f"pre-trained network of {cell.arm}")
    facts = {**arm.model_dump(), "training": asdict(training)}
    chunks = training_mixtures(mixture, examples, stem_stores, batch_size=training.batch_size, seed=cell.seed)
    with (
        cell_work(cell, execution, trackers, checkpoints, facts) as work,
        fed(chunks, num_workers=examples.num_workers, num_steps=training.num_steps) as feed,
    ):
        task = ChimeraTask(
            net,
            feed,
            objective="mask" if arm.variant == "mask" else "whole",
            freeze=arm.freeze if arm.variant == "mask" else "none",
            validation=validation_mixtures(mixture, examples, stem_stores, batch_size=training.batch_size),
            follow=_follower(arm, mixture, evaluation, stem_stores),
        )
        result = work.train(task, training, "downstream")
    source = arm.pretrained_on or "random"
    return _weights(result, net, mixture, source=source), training_curves(result, cell, "downstream")


def _follower(
    arm: ArmParameters,
    mixture: MixtureParameters,
    evaluation: ChimeraEvaluationParameters,
    stem_stores: Mapping[str, Path],
) -> Callable[[ChimeraNet], Mapping[str, float]] | None:
    """For the set of figure 3, what scores the network on the first of the excerpts; it decides nothing."""
    if arm.downstream != evaluation.curve_downstream:
        return None
    count = min(evaluation.curve_excerpts, evaluation.num_excerpts)
    drawn = excerpt_examples(mixture, evaluation, stem_stores)
    excerpts = [scored_excerpt(mixture, drawn, number) for number in range(count)]
    return partial(_mean_score, excerpts=excerpts, sources=mixture.sources)


def _mean_score(
    network: ChimeraNet, *, excerpts: list[ScoredExcerpt], sources: tuple[str, ...]
) -> dict[str, float]:
    """Mean over sources, then over excerpts; what has no score is left out."""
    rows = pd.DataFrame(score_network(copy.deepcopy(network), excerpts, sources))
    means = rows.groupby("excerpt")["si_sdr"].mean()
    return {FOLLOWED: float(means.mean())}


def _weights(
    result: TrainingResult, network: ChimeraNet, mixture: MixtureParameters, *, source: str
) -> Weights:
    sources = "+".join(mixture.sources)
    return network_weights(result.weights, network.config, result.num_steps, source=source, sources=sources)
