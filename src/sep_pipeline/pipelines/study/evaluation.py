"""Estimates of the test tracks of one arm and seed, their scores, and those of the floors."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from sep_pipeline.audio.io import write_audio
from sep_pipeline.configuration.execution import ExecutionParameters
from sep_pipeline.configuration.study import ALL_STEMS
from sep_pipeline.data.manifest import Track
from sep_pipeline.data.stem_store import store_tracks
from sep_pipeline.datasets import FolderWriter
from sep_pipeline.files import folder_written_aside
from sep_pipeline.fingerprints import code_digest
from sep_pipeline.metrics.museval_scores import EngineName
from sep_pipeline.pipelines.data.store import read_stems
from sep_pipeline.pipelines.study.separators import loaded_separator
from sep_pipeline.scoring.folder import score_folder, score_frame
from sep_pipeline.scoring.job import ScoringConfig, TrackScores, score_arrays, score_files
from sep_pipeline.separation import (
    fit_mixture_scales,
    scaled_mixture,
    separate,
    zero_estimates,
)

FLOORS = ("zero", "scaled_mixture")
Channels = Literal[1] | None
"""1 takes the mean of the channels; None keeps those of the store."""


def separate_test_tracks(
    separator: Path,
    stem_store: Path,
    execution: ExecutionParameters,
    *,
    num_channels: Channels,
    **options: Any,
) -> FolderWriter:
    """Separate every test track; a track is one folder that appears when its stems are complete.

    Args:
        separator: Folder of the trained separator.
        stem_store: Where the test tracks are.
        execution: Where it runs.
        num_channels: Channels of the mixtures.
        options: For `separate`.
    """
    return partial(
        _separate_tracks,
        separator=separator,
        stem_store=stem_store,
        execution=execution,
        num_channels=num_channels,
        options=options,
    )


def _separate_tracks(
    folder: Path,
    *,
    separator: Path,
    stem_store: Path,
    execution: ExecutionParameters,
    num_channels: Channels,
    options: dict[str, Any],
) -> None:
    loaded = loaded_separator(separator, execution)
    for track in store_tracks(stem_store, "test"):
        mixture, _ = read_stems(track, (), num_channels)
        estimates = separate(loaded, mixture, track.sample_rate, **options)
        with folder_written_aside(folder / "test" / track.track_id) as aside:
            for stem, estimate in zip(loaded.stems, estimates, strict=True):
                write_audio(aside / f"{stem}.wav", estimate, track.sample_rate, subtype="FLOAT")


def scoring_config(stems: Sequence[str], engine: EngineName, num_channels: Channels) -> ScoringConfig:
    """How a study scores, with the digest of the code that does."""
    code = code_digest(score_files)
    return ScoringConfig(stems=tuple(stems), num_channels=num_channels, engine=engine, code=code)


def score_test_tracks(estimates: Path, stem_store: Path, config: ScoringConfig) -> FolderWriter:
    """Score the estimates of one arm and seed, track by track; tracks scored before are left alone."""
    return partial(
        score_folder,
        estimates=estimates,
        tracks=store_tracks(stem_store, "test"),
        config=config,
        num_processes=1,
    )


def score_floors(stem_store: Path, config: ScoringConfig, seeds: Sequence[int]) -> pd.DataFrame:
    """Score what needs no training: silence, and the mixture times one factor per stem.

    The rows stand once per seed, so that arms and floors are compared over the same seeds.
    """
    stems = config.stems
    scales = fit_mixture_scales(
        read_stems(track, stems, config.num_channels) for track in store_tracks(stem_store, "train")
    )
    scores: dict[str, dict[str, TrackScores]] = {name: {} for name in FLOORS}
    for track in store_tracks(stem_store, "test"):
        mixture, references = read_stems(track, stems, config.num_channels)
        floors = {
            "zero": zero_estimates(mixture, len(stems)),
            "scaled_mixture": scaled_mixture(mixture, scales),
        }
        for name, guesses in floors.items():
            scores[name][track.track_id] = score_arrays(
                np.stack([references[stem] for stem in stems]), guesses, mixture, track.sample_rate, config
            )
    frames = [score_frame(found, arm=name, seed=seed) for seed in seeds for name, found in scores.items()]
    return pd.concat(frames, ignore_index=True)


def score_row(
    arm: str, stem: str, seed: int, track: Track, metric: str, value: float
) -> dict[str, str | int | float]:
    """One row of a scores frame."""
    return {"arm": arm, "stem": stem, "seed": seed, "track": track.track_id, "metric": metric, "value": value}


def with_means_over_stems(scores: pd.DataFrame) -> pd.DataFrame:
    """Scores with the mean over stems as the stem `all`, which is what a run with one network shows in MLflow."""
    place = ["arm", "seed", "track", "metric"]
    means = scores.groupby(place, sort=False)["value"].mean().reset_index()
    return pd.concat([scores, means.assign(stem=ALL_STEMS)], ignore_index=True)


def collect_scores(floors: pd.DataFrame, *cells: pd.DataFrame) -> pd.DataFrame:
    """All scores of a study, one row per track, stem, arm, seed and metric; the floors come last."""
    return pd.concat([*cells, floors], ignore_index=True)
