"""Scores of whole songs as a separator estimates them."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from sep_pipeline.configuration.contrastive_demix import DemixEvaluationParameters
from sep_pipeline.configuration.study import ArmRun
from sep_pipeline.data.manifest import Track
from sep_pipeline.data.stem_store import store_tracks
from sep_pipeline.mapping import map_tracks
from sep_pipeline.metrics.museval_scores import METRICS
from sep_pipeline.metrics.track_scores import SD_SDR, SI_SDR, SNR
from sep_pipeline.pipelines.data.store import read_stems
from sep_pipeline.scoring.folder import score_frame
from sep_pipeline.scoring.job import ScoringConfig, TrackScores, score_arrays
from sep_pipeline.separation import Separator, separate

SPLITS = ("train", "test")
SDR = METRICS[0]
"""BSS Eval's SDR as museval computes it: in frames of one second, of which a song has the median."""

SHOWN_METRICS = (SDR, SI_SDR, SNR, SD_SDR)
"""What the study prints as SDR may be the first, the third or the fourth."""


def score_songs(
    separator: Separator,
    stem_store: Path,
    split: str,
    evaluation: DemixEvaluationParameters,
    config: ScoringConfig,
    arm_run: ArmRun,
) -> pd.DataFrame:
    """Separate and score the songs of a split: a scores frame."""
    tracks = store_tracks(stem_store, split)
    chosen = tracks[: evaluation.num_train_songs] if split == "train" else tracks
    scored = map_tracks(
        partial(_scored, separator=separator, config=config),
        {track.track_id: track for track in chosen},
        description=f"{arm_run.arm} seed {arm_run.seed}, {split}",
        num_processes=1,
    )
    return score_frame(scored, arm=arm_run.arm, seed=arm_run.seed)


def _scored(track: Track, *, separator: Separator, config: ScoringConfig) -> TrackScores:
    mixture, references = read_stems(track, config.stems, 1)
    estimates = separate(separator, mixture, track.sample_rate)
    return score_arrays(
        np.stack([references[stem] for stem in config.stems]), estimates, mixture, track.sample_rate, config
    )
