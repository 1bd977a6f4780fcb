"""Nodes of pre-training."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from sep_pipeline.configuration.execution import ExecutionParameters
from sep_pipeline.configuration.jukebox_pretrain import JukeboxPretrainParameters
from sep_pipeline.data.augmentation import PickOneStem
from sep_pipeline.data.bandwidth import bandwidth_statistics
from sep_pipeline.data.examples import StemExamples
from sep_pipeline.data.manifest import MIXTURE
from sep_pipeline.data.stem_store import store_tracks
from sep_pipeline.datasets import Weights, Workspace
from sep_pipeline.losses.bandwidths import Bandwidths
from sep_pipeline.metrics.whole_track import study_sdr
from sep_pipeline.models.vqvae import VQVAE, VQVAE_PRESETS
from sep_pipeline.models.weights import load_into
from sep_pipeline.pipelines.data.examples import training_examples
from sep_pipeline.pipelines.data.store import mono_stems, store_hash
from sep_pipeline.training.loop import train
from sep_pipeline.training.vqvae_tasks import PhaseOneTask

SURVEY_STRIDE = 16


def measure_bandwidths(stem_store: Path, parameters: JukeboxPretrainParameters) -> dict[str, float]:
    """Measure how loud all signals are together, to normalise the losses.

    Raises:
        SilentStemError: All of them are silent.
    """
    windows = StemExamples(
        store_tracks(stem_store, "train"),
        _signals(parameters),
        chunk_samples=parameters.examples.chunk_samples,
        batch_size=1,
        seed=parameters.seed,
        shift=parameters.examples.shift,
        blend=None,
        item_share=parameters.examples.item_share,
    ).survey(SURVEY_STRIDE)
    return asdict(bandwidth_statistics(signal for window in windows for signal in window))


def train_vqvae(
    *,
    stem_store: Path,
    bandwidths: dict[str, float],
    parameters: JukeboxPretrainParameters,
    execution: ExecutionParameters,
    workspace: Workspace,
) -> tuple[Weights, pd.DataFrame]:
    """Train the VQ-VAE on chunks of one randomly picked signal each: any stem, or the mixture.

    Raises:
        NonFiniteLossError: The loss or a gradient became NaN or infinite.
    """
    network = VQVAE(VQVAE_PRESETS[parameters.preset], seed=parameters.seed)
    network.set_precision(execution.resolved_precision())
    examples = training_examples(
        store_tracks(stem_store, "train"),
        _signals(parameters),
        parameters.examples,
        batch_size=parameters.training.batch_size,
        seed=parameters.seed,
        transforms=[PickOneStem()],
    )
    result = train(
        PhaseOneTask(network, examples, Bandwidths(**bandwidths)),
        parameters.training,
        workspace=workspace.folder,
        identity=workspace.identity,
        seed=parameters.seed,
        device=execution.resolved_device(),
        description=f"jukebox_pretrain {parameters.preset}",
    )
    metadata = {
        "name": f"jukebox_{parameters.preset}",
        "preset": parameters.preset,
        "seed": str(parameters.seed),
        "steps": str(result.num_steps),
        "data_hash": store_hash(stem_store),
        "licence": "CC-BY-4.0",
    }
    return Weights(result.weights, metadata), pd.DataFrame(result.curves)


def _signals(parameters: JukeboxPretrainParameters) -> tuple[str, ...]:
    return (*parameters.data.stems, MIXTURE)


def judge_weights(
    weights: Weights,
    held_out_store: Path,
    stem_store: Path,
    parameters: JukeboxPretrainParameters,
    execution: ExecutionParameters,
) -> dict[str, Any]:
    """Reconstruct stems of the study's test songs, which pre-training has not heard.

    Returns:
        Reconstruction SDR in dB by stem and on average, and the share of codes that these excerpts use.
    """
    network = VQVAE(replace(VQVAE_PRESETS[parameters.preset], codebook_mode="frozen"))
    load_into(network, weights.state, file="pre-trained weights")
    network.eval().set_precision(execution.resolved_precision())
    scores: dict[str, list[float]] = {}
    used: set[int] = set()
    for track in store_tracks(held_out_store, "test"):
        num_samples = int(parameters.held_out_seconds * track.sample_rate)
        start = max(0, (track.num_frames - num_samples) // 2)
        signals = mono_stems(track, track.stems)
        for stem, signal in zip(track.stems, signals, strict=True):
            excerpt = np.ascontiguousarray(signal[:, start : start + num_samples])
            with torch.inference_mode():
                result = network.reconstruct(torch.from_numpy(excerpt)[None])
            used |= set(result.quantised.codes.flatten().tolist())
            scores.setdefault(stem, []).append(study_sdr(excerpt, result.audio[0].numpy()))
    by_stem = {stem: float(np.mean(values)) for stem, values in scores.items()}
    return {
        "weights": weights.metadata,
        "training_songs": len(store_tracks(stem_store, "train")),
        "held_out_songs": len(store_tracks(held_out_store, "test")),
        "reconstruction_sdr_db": {**by_stem, "mean": float(np.mean(list(by_stem.values())))},
        "codes_used_share": len(used) / network.config.num_codes,
    }


def write_model_card(judgement: dict[str, Any], parameters: JukeboxPretrainParameters) -> str:
    """The model card that ships beside the weights."""
    sdr = judgement["reconstruction_sdr_db"]
    rows = "\n".join(f"| {stem} | {value:.1f} |" for stem, value in sdr.items())
    training = parameters.training
    weights, data = judgement["weights"], ", ".join(parameters.data.stems)
    return f"""# jukebox_{parameters.preset}: a VQ-VAE to start transfer from

Made by `kedro run --pipeline=jukebox_pretrain` from MIDI files that ship with the project and nothing else.
No part of Jukebox's code or weights is in it.

- **Data**: {judgement["training_songs"]} songs of the part `pretrain` of `data/01_raw/midi/songs.csv`,
  rendered with random other instruments and drum kits than they were written for; chunks of
  {parameters.examples.chunk_samples} samples of a random stem ({data}) or the mixture.
  Data hash {weights["data_hash"]}.
- **Training**: {training.num_steps} steps of {training.batch_size} chunks, learning rate
  {training.learning_rate:g}, falling to zero over the last {training.decay_steps} steps, seed {parameters.seed}.
- **Codes used** by the held-out excerpts: {100 * judgement["codes_used_share"]:.0f} % of
  {VQVAE_PRESETS[parameters.preset].num_codes}.
- **Reconstruction** of {parameters.held_out_seconds:g} s of every stem of the
  {judgement["held_out_songs"]} test songs, whole-signal SDR, mean over songs:

| stem | SDR (dB) |
|---|---|
{rows}

- **Limits**: rendered music of one sound font is not recorded music, and there are no voices in it.
- **Licence**: CC BY 4.0, as the strictest of the MIDI files; credits in `THIRD_PARTY.md`.
"""
