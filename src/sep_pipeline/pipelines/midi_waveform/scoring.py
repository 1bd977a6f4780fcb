"""Scores of whole test songs, in which some of the instruments are absent."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from sep_pipeline.data.manifest import Track
from sep_pipeline.data.stem_store import store_tracks
from sep_pipeline.mapping import map_tracks
from sep_pipeline.metrics.track_scores import SDR_WHOLE_SONG, SI_SDR, SNR, score_whole_track
from sep_pipeline.pipelines.data.store import Audio, read_stems
from sep_pipeline.pipelines.study.evaluation import score_row

SHOWN_METRICS = (SDR_WHOLE_SONG, SI_SDR, SNR)

ABSENT_LEVEL = "level where absent"
"""Of the estimate of an instrument that a song has not, in dB relative to the mixture; minus infinity is right."""

QUIETEST_DB = -100.0
"""Stands for everything below, silence included, so that means exist."""

Guess = Callable[[Audio], Audio]
"""Maps a mixture, (1, time), to estimates, (stem, 1, time)."""


def score_songs(
    guess: Guess, stem_store: Path, stems: tuple[str, ...], *, arm: str, seed: int
) -> pd.DataFrame:
    """Score what a separator, or a floor, makes of every test song.

    An instrument that a song has not is scored by `ABSENT_LEVEL` alone, every other one by `SHOWN_METRICS`.

    Args:
        guess: The separator or floor.
        stem_store: Where the songs are.
        stems: Names in the order of the estimates.
        arm: Name in the frame.
        seed: Seed in the frame.

    Returns:
        A scores frame.
    """
    tracks = {track.track_id: track for track in store_tracks(stem_store, "test")}
    scored = map_tracks(
        partial(_scored, guess=guess, stems=stems),
        tracks,
        description=f"{arm} seed {seed}",
        num_processes=1,
    )
    return pd.DataFrame(
        [
            score_row(arm, stem, seed, tracks[name], metric, value)
            for name, rows in scored.items()
            for stem, metric, value in rows
        ]
    )


def _scored(track: Track, *, guess: Guess, stems: tuple[str, ...]) -> list[tuple[str, str, float]]:
    mixture, references = read_stems(track, stems, 1)
    truth, estimates = np.stack([references[stem] for stem in stems]), guess(mixture)
    is_present = {stem: bool(reference.any()) for stem, reference in references.items()}
    rows = [
        (score.stem, score.metric, score.value)
        for score in score_whole_track(truth, estimates, mixture, stems)
        if is_present[score.stem] and score.metric in SHOWN_METRICS
    ]
    return rows + [
        (stem, ABSENT_LEVEL, _level_db(estimate, mixture))
        for stem, estimate in zip(stems, estimates, strict=True)
        if not is_present[stem]
    ]


def _level_db(estimate: Audio, mixture: Audio) -> float:
    energies = [float(np.square(signal, dtype=np.float64).sum()) for signal in (estimate, mixture)]
    share = energies[0] / energies[1] if energies[1] else 0.0
    return max(QUIETEST_DB, 10 * float(np.log10(share))) if share else QUIETEST_DB
