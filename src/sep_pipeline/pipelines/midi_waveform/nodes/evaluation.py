"""Nodes after the training: separator folders, scores of whole songs, and the floors."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from sep_pipeline.configuration.execution import ExecutionParameters
from sep_pipeline.configuration.midi_waveform import ArmParameters
from sep_pipeline.configuration.study import ArmRun, RunParameters
from sep_pipeline.datasets import FolderWriter, Weights
from sep_pipeline.losses import study_resolution
from sep_pipeline.models.config_values import config_of_values
from sep_pipeline.models.waveform import MODELS, build_network
from sep_pipeline.pipelines.midi_waveform.floors import floor_measures, floor_shares
from sep_pipeline.pipelines.midi_waveform.nodes.data import CHUNKS
from sep_pipeline.pipelines.midi_waveform.scoring import score_songs
from sep_pipeline.pipelines.study.evaluation import with_means_over_stems
from sep_pipeline.pipelines.study.separators import loaded_separator, one_network_separator
from sep_pipeline.pipelines.study.weights import stored_config
from sep_pipeline.separation import scaled_mixture, separate


def assemble_separator(
    weights: Weights, arm: ArmParameters, arm_run: ArmRun, inputs_checked: dict[str, Any]
) -> FolderWriter:
    """Make the trained network of one arm and seed a separator folder."""
    config = config_of_values(MODELS[arm.model.network], stored_config(weights))
    return one_network_separator(
        build_network(config),
        weights,
        arm_run,
        model=arm.model.network,
        config=config,
        sample_rate=inputs_checked["sample_rate"],
        data_hash=inputs_checked["data_hash"],
        chunk_samples=arm.chunk_samples,
    )


def score_tracks(
    separator: Path, stem_store: Path, arm_run: ArmRun, execution: ExecutionParameters
) -> pd.DataFrame:
    """Separate and score the test songs: a scores frame."""
    loaded = loaded_separator(separator, execution)
    return score_songs(
        partial(separate, loaded, sample_rate=loaded.sample_rate),
        stem_store,
        arm_run.stems,
        arm=arm_run.arm,
        seed=arm_run.seed,
    )


def score_floors(stem_store: Path, run: RunParameters, instruments: list[str]) -> pd.DataFrame:
    """Score silence and an equal share of the mixture on the test songs, once per seed of the run."""
    frames = []
    for name, share in floor_shares(len(instruments)).items():
        guess = partial(scaled_mixture, scales=dict.fromkeys(instruments, share))
        scores = score_songs(guess, stem_store, tuple(instruments), arm=name, seed=0)
        frames += [scores.assign(seed=seed) for seed in run.seeds]
    return pd.concat(frames, ignore_index=True)


def measure_floors(
    held_out_chunks: Weights, batch_size: int, inputs_checked: dict[str, Any]
) -> dict[str, dict[str, float]]:
    """What silence and an equal share of the mixture have as losses on the chunks that no training hears."""
    resolution = study_resolution(inputs_checked["sample_rate"])
    return floor_measures(held_out_chunks.state[CHUNKS], batch_size, resolution)


def collect_songs(*songs: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """All scores of the study; the floors come last.

    Returns:
        The scores; and the same with the mean over stems as the stem `all`, which is what the runs in MLflow show.
    """
    together = pd.concat(songs, ignore_index=True)
    return together, with_means_over_stems(together)
