"""Nodes after training: separator folders, estimates of the test tracks, their scores."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pandas as pd

from sep_pipeline.configuration.execution import ExecutionParameters
from sep_pipeline.configuration.jukebox_transfer import ArmParameters, EvaluationParameters, ModelParameters
from sep_pipeline.configuration.study import ArmRun, RunParameters
from sep_pipeline.data.stem_store import store_tracks
from sep_pipeline.datasets import FolderWriter, Weights
from sep_pipeline.metrics.track_scores import SDR_WHOLE_SONG, score_whole_track
from sep_pipeline.metrics.whole_track import study_sdr
from sep_pipeline.models.vqvae import VQVAE
from sep_pipeline.models.weights import load_into, load_weights
from sep_pipeline.pipelines.data.store import mono_mixture, mono_stems, read_estimates, store_hash
from sep_pipeline.pipelines.jukebox_transfer.nodes.preparation import vqvae_config
from sep_pipeline.pipelines.study import evaluation as study
from sep_pipeline.pipelines.study.evaluation import score_row
from sep_pipeline.pipelines.study.separators import network_per_stem_separator
from sep_pipeline.scoring.folder import kept_scores, score_frame
from sep_pipeline.scoring.job import ScoringConfig
from sep_pipeline.separation import wiener_refine
from sep_pipeline.separation.vqvae_separator import VqvaeSeparator

WIENER_SUFFIX = "+wiener"
NUM_CHANNELS: Literal[1] = 1
"""The study works on the mean of the channels."""


def assemble_separator(
    model: ModelParameters, arm: ArmParameters, arm_run: ArmRun, stem_store: Path, *weights: Weights
) -> FolderWriter:
    """Join the models of all stems of one arm and seed to a separator folder."""
    config = vqvae_config(model)
    return network_per_stem_separator(
        {stem: VQVAE(config) for stem in arm_run.stems},
        weights,
        arm_run,
        model="vqvae",
        config=config,
        sample_rate=store_tracks(stem_store, "train")[0].sample_rate,
        channels=NUM_CHANNELS,
        steps=arm.phase_one.training.num_steps + arm.phase_two.training.num_steps,
        data_hash=store_hash(stem_store),
    )


def separate_test_tracks(
    separator: Path, stem_store: Path, evaluation: EvaluationParameters, execution: ExecutionParameters
) -> FolderWriter:
    """Separate the mean of the channels of every test track."""
    return study.separate_test_tracks(
        separator, stem_store, execution, num_channels=NUM_CHANNELS, mode=evaluation.mode
    )


def score_test_tracks(
    estimates: Path, stem_store: Path, evaluation: EvaluationParameters, arm_run: ArmRun
) -> FolderWriter:
    """Score the estimates of one arm and seed, track by track; tracks scored before are left alone."""
    return study.score_test_tracks(estimates, stem_store, _scoring(arm_run.stems, evaluation))


def _scoring(stems: tuple[str, ...], evaluation: EvaluationParameters) -> ScoringConfig:
    return study.scoring_config(stems, evaluation.engine, NUM_CHANNELS)


def tabulate_scores(
    museval: Path, estimates: Path, stem_store: Path, evaluation: EvaluationParameters, arm_run: ArmRun
) -> pd.DataFrame:
    """One row per track, stem and metric of one arm and seed, and of its refined estimates."""
    frames = [score_frame(kept_scores(museval), arm=arm_run.arm, seed=arm_run.seed)]
    if evaluation.wiener:
        frames.append(_refined_scores(estimates, stem_store, arm_run))
    return pd.concat(frames, ignore_index=True)


def _refined_scores(estimates: Path, stem_store: Path, arm_run: ArmRun) -> pd.DataFrame:
    stems, rows = arm_run.stems, []
    for track in store_tracks(stem_store, "test"):
        mixture, references = mono_mixture(track), mono_stems(track, stems)
        guesses = read_estimates(estimates / "test" / track.track_id, stems)
        refined = wiener_refine(mixture, guesses)
        rows += [
            score_row(
                f"{arm_run.arm}{WIENER_SUFFIX}", score.stem, arm_run.seed, track, score.metric, score.value
            )
            for score in score_whole_track(references, refined, mixture, stems)
        ]
    return pd.DataFrame(rows)


def score_floors(
    stem_store: Path, run: RunParameters, evaluation: EvaluationParameters, *stems: str
) -> pd.DataFrame:
    """Score silence and the scaled mixture, once per seed of the run."""
    return study.score_floors(stem_store, _scoring(stems, evaluation), run.seeds)


def score_snapshots(
    stem_store: Path,
    model: ModelParameters,
    evaluation: EvaluationParameters,
    execution: ExecutionParameters,
    arm_run: ArmRun,
    *snapshots: Path,
) -> pd.DataFrame:
    """Study SDR of the kept weights along phase 2, on the middle of every test track."""
    rows: list[dict[str, object]] = []
    for stem, folder in zip(arm_run.stems, snapshots, strict=True):
        for file in sorted(folder.glob("step_*.safetensors")):
            separator = _snapshot_separator(file, stem, model, execution)
            step = int(file.stem.removeprefix("step_"))
            for track in store_tracks(stem_store, "test"):
                mixture, references = mono_mixture(track), mono_stems(track, [stem])
                span = _middle(mixture.shape[-1], int(evaluation.curve_seconds * track.sample_rate))
                guess = separator.separate(mixture[:, span], mode=evaluation.mode)
                value = study_sdr(references[0][:, span], guess[0])
                rows.append(
                    {**score_row(arm_run.arm, stem, arm_run.seed, track, SDR_WHOLE_SONG, value), "step": step}
                )
    return pd.DataFrame(rows)


def _snapshot_separator(
    file: Path, stem: str, model: ModelParameters, execution: ExecutionParameters
) -> VqvaeSeparator:
    network = VQVAE(vqvae_config(model))
    load_into(network, load_weights(file)[0], file=file)
    return VqvaeSeparator(
        name=file.stem,
        models={stem: network},
        sample_rate=0,
        device=execution.resolved_device(),
        precision=execution.resolved_precision(),
    )


def _middle(num_samples: int, wanted: int) -> slice:
    start = max(0, (num_samples - wanted) // 2)
    return slice(start, start + wanted)
