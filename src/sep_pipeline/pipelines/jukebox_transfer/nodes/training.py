"""Nodes of the two training phases."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pandas as pd
import torch

from sep_pipeline.configuration.examples import ExampleParameters
from sep_pipeline.configuration.execution import ExecutionParameters
from sep_pipeline.configuration.jukebox_transfer import (
    ModelParameters,
    PhaseOneParameters,
    PhaseTwoParameters,
)
from sep_pipeline.configuration.study import Cell
from sep_pipeline.data.examples import Examples, StemExamples
from sep_pipeline.data.feeding import fed
from sep_pipeline.data.manifest import MIXTURE
from sep_pipeline.data.stem_store import store_tracks
from sep_pipeline.datasets import FolderWriter, Weights, Workspace
from sep_pipeline.losses.bandwidths import Bandwidths
from sep_pipeline.models.vqvae import VQVAE, Encoder
from sep_pipeline.models.weights import load_into, save_weights
from sep_pipeline.pipelines.data.examples import training_examples
from sep_pipeline.pipelines.jukebox_transfer.nodes.preparation import vqvae_config
from sep_pipeline.pipelines.study.training import CellWork, cell_work, training_curves
from sep_pipeline.tracking import CellTrackers
from sep_pipeline.training.vqvae_tasks import PhaseOneTask, PhaseTwoTask

Phase = PhaseOneParameters | PhaseTwoParameters
PHASE_ONE, PHASE_TWO = "phase_one", "phase_two"

MIXTURE_ENCODER_SEED = 1_000_000
"""Added to the cell's seed, so that a random mixture encoder is no copy of the random stem encoder."""


def train_phase_one(
    *,
    stem_store: Path,
    bandwidths: dict[str, float],
    model: ModelParameters,
    examples: ExampleParameters,
    cell: Cell,
    execution: ExecutionParameters,
    trackers: CellTrackers,
    checkpoints: Workspace,
    phase: PhaseOneParameters,
    transferred_weights: Weights | None = None,
) -> tuple[Weights, pd.DataFrame]:
    """Train the VQ-VAE to reconstruct the isolated stem.

    Returns:
        Weights (averaged where the training says so) with the live codebook, and the training curves.

    Raises:
        NonFiniteLossError: The loss or a gradient became NaN or infinite.
        StorageError: A checkpoint could not be written; the one before it is intact.
    """
    network = VQVAE(vqvae_config(model, phase.codebook), seed=cell.seed)
    source = "random"
    if transferred_weights is not None:
        load_into(network, transferred_weights.state, file="transferred weights")
        source = transferred_weights.metadata["source"]
    if transferred_weights is not None or phase.codebook == "frozen":
        network.codebook.reset_statistics(network.config.num_frames(examples.chunk_samples))
    network.set_precision(execution.resolved_precision())
    tracker = trackers.of(arm=cell.arm, stem=cell.stem, seed=cell.seed)
    tracker.log_parameters(
        {
            **cell.model_dump(),
            "phase_one": phase.model_dump(),
            "examples": examples.model_dump(),
            "source": source,
        }
    )
    work = CellWork(cell, execution, tracker, checkpoints)
    with _examples(stem_store, [cell.stem], examples, cell, phase) as chunks:
        validation = _validation(stem_store, [cell.stem], examples, phase)
        task = PhaseOneTask(network, chunks, Bandwidths(**bandwidths), validation=validation)
        result = work.train(task, phase.training, PHASE_ONE)
    metadata = {"source": source, "seed": str(cell.seed), "phase_one_steps": str(result.num_steps)}
    return Weights(result.weights, metadata), training_curves(result, cell, PHASE_ONE)


def train_phase_two(
    *,
    stem_store: Path,
    bandwidths: dict[str, float],
    model: ModelParameters,
    examples: ExampleParameters,
    cell: Cell,
    execution: ExecutionParameters,
    trackers: CellTrackers,
    checkpoints: Workspace,
    phase: PhaseTwoParameters,
    phase_one_weights: Weights,
    transferred_weights: Weights | None = None,
) -> tuple[Weights, pd.DataFrame, FolderWriter]:
    """Train the mixture encoder onto the embedding of the frozen stem encoder.

    Returns:
        The phase-1 model with the mixture encoder in place of its own, the training curves, and the same
        model at the steps whose weights are kept.

    Raises:
        NonFiniteLossError: The loss or a gradient became NaN or infinite.
        StorageError: A checkpoint could not be written; the one before it is intact.
    """
    stem_model = VQVAE(vqvae_config(model, "frozen"))
    load_into(stem_model, phase_one_weights.state, file="phase 1 weights")
    stem_model.set_precision(execution.resolved_precision())
    encoder = _mixture_encoder(stem_model, phase.me_init, cell, transferred_weights)
    encoder.set_precision(execution.resolved_precision())
    signals = [MIXTURE, cell.stem]
    with (
        cell_work(cell, execution, trackers, checkpoints, {"phase_two": phase.model_dump()}) as work,
        _examples(stem_store, signals, examples, cell, phase) as chunks,
    ):
        task = PhaseTwoTask(
            encoder,
            stem_model,
            chunks,
            me_loss=phase.me_loss,
            bandwidths=Bandwidths(**bandwidths),
            validation=_validation(stem_store, signals, examples, phase),
        )
        result = work.train(task, phase.training, PHASE_TWO)
    metadata = {**phase_one_weights.metadata, "phase_two_steps": str(result.num_steps)}
    deployed = partial(_deployed, stem_model.state_dict())
    snapshots = {step: deployed(state) for step, state in result.snapshots.items()}
    snapshots[result.num_steps] = deployed(result.weights)
    return (
        Weights(snapshots[result.num_steps], metadata),
        training_curves(result, cell, PHASE_TWO),
        partial(_write_snapshots, snapshots=snapshots),
    )


def _mixture_encoder(stem_model: VQVAE, me_init: str, cell: Cell, transferred: Weights | None) -> Encoder:
    encoder = Encoder(stem_model.config, seed=cell.seed + MIXTURE_ENCODER_SEED)
    if me_init == "stem_encoder":
        encoder.load_state_dict(stem_model.encoder.state_dict())
    elif me_init == "pretrained":
        assert transferred is not None
        encoder.load_state_dict(_part(transferred.state, "encoder."))
    return encoder


def _part(state: dict[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in state.items() if name.startswith(prefix)}


def _deployed(
    stem_state: dict[str, torch.Tensor], encoder_state: dict[str, torch.Tensor]
) -> dict[str, torch.Tensor]:
    """The model that separates: codebook and decoder of the stem, encoder of the mixture."""
    return stem_state | {f"encoder.{name}": tensor for name, tensor in encoder_state.items()}


def _write_snapshots(folder: Path, *, snapshots: dict[int, dict[str, torch.Tensor]]) -> None:
    for old in folder.glob("step_*.safetensors"):
        old.unlink()
    for step, state in snapshots.items():
        save_weights(folder / f"step_{step:07d}.safetensors", state, metadata={"step": str(step)})


@contextmanager
def _examples(
    stem_store: Path, signals: list[str], examples: ExampleParameters, cell: Cell, phase: Phase
) -> Iterator[Examples]:
    config = phase.training
    drawn = training_examples(
        store_tracks(stem_store, "train"), signals, examples, batch_size=config.batch_size, seed=cell.seed
    )
    with fed(drawn, num_workers=examples.num_workers, num_steps=config.num_steps) as feed:
        yield feed


def _validation(
    stem_store: Path, signals: list[str], examples: ExampleParameters, phase: Phase
) -> StemExamples | None:
    """The same validation chunks for every arm and seed; None where the training does not look at them."""
    if phase.training.evaluate_every_steps is None:
        return None
    return StemExamples(
        store_tracks(stem_store, "validation"),
        signals,
        chunk_samples=examples.chunk_samples,
        batch_size=phase.training.batch_size,
        seed=0,
        shift=False,
        blend="off",
    )
