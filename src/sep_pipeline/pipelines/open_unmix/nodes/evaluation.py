"""Nodes after training: separator folders, estimates and scores of the test tracks, speed."""

from __future__ import annotations

import statistics
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from sep_pipeline.configuration.execution import ExecutionParameters
from sep_pipeline.configuration.study import ArmRun, RunParameters
from sep_pipeline.data.stem_store import store_tracks
from sep_pipeline.datasets import FolderWriter, Weights
from sep_pipeline.mapping import torch_threads
from sep_pipeline.metrics.museval_scores import EngineName
from sep_pipeline.models.open_unmix import OpenUnmix
from sep_pipeline.models.open_unmix.config import config_from
from sep_pipeline.pipelines.data.store import read_stems, store_hash
from sep_pipeline.pipelines.study import evaluation as study
from sep_pipeline.pipelines.study.separators import network_per_stem_separator
from sep_pipeline.pipelines.study.weights import stored_config
from sep_pipeline.scoring.folder import kept_scores, score_frame
from sep_pipeline.separation import load_separator, read_card, separate
from sep_pipeline.separation.em_wiener import EMWienerConfig
from sep_pipeline.separation.streaming import StreamingSeparator, load_streaming_separator

Audio = npt.NDArray[np.float32]

NUM_REPEATS = 3


def assemble_separator(
    wiener: EMWienerConfig, arm_run: ArmRun, stem_store: Path, *weights: Weights
) -> FolderWriter:
    """Join the models of all targets of one arm and seed to a separator folder."""
    config = config_from(stored_config(weights[0]))
    return network_per_stem_separator(
        {stem: OpenUnmix(config) for stem in arm_run.stems},
        weights,
        arm_run,
        model="open_unmix",
        config=config,
        sample_rate=store_tracks(stem_store, "train")[0].sample_rate,
        channels=config.num_channels,
        steps=max(int(weight.metadata["steps"]) for weight in weights),
        data_hash=store_hash(stem_store),
        wiener=asdict(wiener),
    )


def separate_test_tracks(separator: Path, stem_store: Path, execution: ExecutionParameters) -> FolderWriter:
    """Separate every test track in all its channels."""
    return study.separate_test_tracks(separator, stem_store, execution, num_channels=None)


def score_test_tracks(estimates: Path, stem_store: Path, engine: EngineName, arm_run: ArmRun) -> FolderWriter:
    """Score the estimates of one arm and seed, track by track; tracks scored before are left alone."""
    return study.score_test_tracks(estimates, stem_store, study.scoring_config(arm_run.stems, engine, None))


def tabulate_scores(museval: Path, arm_run: ArmRun) -> pd.DataFrame:
    """One row per track, stem and metric of one arm and seed."""
    return score_frame(kept_scores(museval), arm=arm_run.arm, seed=arm_run.seed)


def score_floors(stem_store: Path, run: RunParameters, engine: EngineName, *stems: str) -> pd.DataFrame:
    """Score silence and the scaled mixture, once per seed of the run."""
    return study.score_floors(stem_store, study.scoring_config(stems, engine, None), run.seeds)


def measure_speed(
    stem_store: Path, speed_seconds: float, _scores: pd.DataFrame, *separators: Path
) -> pd.DataFrame:
    """Time separators on one processor thread.

    Returns:
        Columns arm, quantity, value. For every separator `real_time_factor`, the median over repeats of
        seconds of computing per second of music, and `num_parameters`; for those that can stream also
        `latency_ms`, `hop_ms`, which is what a hop may take, and `mean_`, `p99_` and `worst_ms_per_hop`, which
        it takes.
    """
    track = store_tracks(stem_store, "test")[0]
    mixture, _ = read_stems(track, (), None)
    excerpt = mixture[:, : round(speed_seconds * track.sample_rate)]
    rows = []
    with torch_threads(1):
        for folder in separators:
            arm, found = _timed(folder, excerpt, track.sample_rate)
            rows += [{"arm": arm, "quantity": name, "value": value} for name, value in found.items()]
    return pd.DataFrame(rows, columns=["arm", "quantity", "value"])


def _timed(folder: Path, mixture: Audio, sample_rate: int) -> tuple[str, dict[str, float]]:
    card = read_card(folder)
    config = config_from(card.config)
    separator = load_separator(folder)
    seconds = []
    for _ in range(NUM_REPEATS):
        start = time.perf_counter()
        separate(separator, mixture, sample_rate)
        seconds.append(time.perf_counter() - start)
    found = {
        "num_parameters": float(
            sum(value.numel() for value in OpenUnmix(config).parameters()) * len(card.stems)
        ),
        "real_time_factor": statistics.median(seconds) * sample_rate / mixture.shape[-1],
    }
    if config.is_unidirectional:
        found |= _hop_times(load_streaming_separator(folder), mixture)
    return str(card.metadata["arm"]), found


def _hop_times(separator: StreamingSeparator, mixture: Audio) -> dict[str, float]:
    separator.warm_up()
    hop, rate = separator.hop_samples, separator.sample_rate
    milliseconds = []
    for start in range(0, mixture.shape[-1] - hop + 1, hop):
        before, num_frames = time.perf_counter(), separator.num_frames
        separator.process(mixture[:, start : start + hop])
        if separator.num_frames > num_frames:
            milliseconds.append(1000 * (time.perf_counter() - before))
    return {
        "latency_ms": 1000 * separator.latency_samples / rate,
        "hop_ms": 1000 * hop / rate,
        "mean_ms_per_hop": statistics.fmean(milliseconds),
        "p99_ms_per_hop": float(np.percentile(milliseconds, 99)),
        "worst_ms_per_hop": max(milliseconds),
    }
