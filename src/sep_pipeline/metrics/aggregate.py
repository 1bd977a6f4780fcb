"""From frames to tracks to one figure per stem: medians, means, bootstrap intervals, and what was silent."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sep_pipeline.errors import ConfigurationError
from sep_pipeline.metrics.frames import is_silent, silent_frames
from sep_pipeline.metrics.museval_scores import METRICS, TargetScores

Values = npt.NDArray[np.float64]

MEAN_OVER_SONGS = "mean over songs"
MEDIAN_OVER_SONGS = "median over songs"
MEDIAN_OF_MEDIANS = "median of frames, median of tracks"

AGGREGATIONS: dict[str, Callable[[Values], Values]] = {
    MEAN_OVER_SONGS: lambda values: _reduce(np.nanmean, values),
    MEDIAN_OVER_SONGS: lambda values: _reduce(np.nanmedian, values),
    MEDIAN_OF_MEDIANS: lambda values: _reduce(np.nanmedian, values),
}
"""Name of an aggregation, as it stands in a column head, to what it does along the last axis (songs)."""


@dataclass(frozen=True, kw_only=True)
class Interval:
    """A figure with its bootstrap interval.

    Attributes:
        value: The aggregated figure.
        low: Lower end of the interval; NaN when there is a single song.
        high: Upper end.
        num_tracks: Songs with a score; songs whose score is NaN for every stem and seed are not counted.
        num_seeds: Training seeds.
    """

    value: float
    low: float
    high: float
    num_tracks: int
    num_seeds: int


@dataclass(frozen=True, kw_only=True)
class PooledFigure:
    """One figure of all scores of all stems together.

    Attributes:
        value: The figure in dB; NaN when nothing is scored.
        num_scores: Scores that went into it.
        num_undefined: Scores left out because they are NaN, as those of a silent stem.
    """

    value: float
    num_scores: int
    num_undefined: int


@dataclass(frozen=True, kw_only=True)
class SilenceCount:
    """What is silent in one stem of one track.

    Attributes:
        num_frames: Frames of one second.
        num_silent_references: Frames in which the reference is silent.
        num_silent_estimates: Frames in which the estimate is silent.
        is_reference_silent: Whether the whole reference is silent.
        is_estimate_silent: Whether the whole estimate is silent.
    """

    num_frames: int
    num_silent_references: int
    num_silent_estimates: int
    is_reference_silent: bool
    is_estimate_silent: bool


def median_of_frames(targets: Iterable[TargetScores]) -> dict[tuple[str, str], float]:
    """Track values: the median over frames of every stem and metric.

    NaN and infinite frames are left out, as museval's stores do; a perfect frame is thus not rewarded.

    Args:
        targets: Scores of one track.

    Returns:
        (stem, metric) to dB; NaN where no frame is left.
    """
    return {
        (target["name"], metric): _finite_median(frame["metrics"][metric] for frame in target["frames"])
        for target in targets
        for metric in METRICS
    }


def median_of_tracks(values: Iterable[float]) -> float:
    """Median over tracks; tracks with NaN are left out."""
    return _finite_median(values)


def mean_over_songs(values: Iterable[float]) -> float:
    """Arithmetic mean over songs; songs with NaN are left out."""
    return float(AGGREGATIONS[MEAN_OVER_SONGS](np.fromiter(values, np.float64)))


def mean_along(values: Values, axis: int) -> Values:
    """Mean along one axis, as over the stems of every song; NaN is left out.

    Args:
        values: Scores in dB.
        axis: The axis that goes.

    Returns:
        The means; NaN where nothing is left.
    """
    return _reduce(np.nanmean, np.moveaxis(values, axis, -1))


def pooled(values: Values, aggregation: str = MEAN_OVER_SONGS) -> PooledFigure:
    """One figure of all scores, every stem of every song counting alike; NaN is left out and counted.

    Args:
        values: Scores in dB, of any shape.
        aggregation: A name in `AGGREGATIONS`, taken over all scores.

    Returns:
        The figure and its counts.
    """
    rows = np.ravel(values)
    num_undefined = int(np.isnan(rows).sum())
    return PooledFigure(
        value=float(_chosen(aggregation)(rows)),
        num_scores=rows.size - num_undefined,
        num_undefined=num_undefined,
    )


def count_silence(
    references: Mapping[str, npt.NDArray[np.floating[Any]]],
    estimates: Mapping[str, npt.NDArray[np.floating[Any]]],
    sample_rate: int,
) -> dict[str, SilenceCount]:
    """Count silent frames of one second, so that a table can say what its scores leave out.

    Args:
        references: Stem name to the true signal, (channel, time).
        estimates: The estimates of the same stems.
        sample_rate: In Hz.

    Returns:
        Stem name to counts.
    """
    frames = {"window_samples": sample_rate, "hop_samples": sample_rate}
    counts = {}
    for stem, reference in references.items():
        estimate = estimates[stem]
        silent_references = silent_frames(reference[None], **frames)
        counts[stem] = SilenceCount(
            num_frames=silent_references.shape[1],
            num_silent_references=int(silent_references.sum()),
            num_silent_estimates=int(silent_frames(estimate[None], **frames).sum()),
            is_reference_silent=is_silent(reference),
            is_estimate_silent=is_silent(estimate),
        )
    return counts


def aggregate(values: Values, aggregation: str) -> float:
    """One figure of many scores: over songs, then the mean over seeds, then the mean over stems.

    Args:
        values: (stem, seed, song) in dB.
        aggregation: A name in `AGGREGATIONS`.

    Returns:
        The figure in dB.
    """
    return float(_aggregated(values, _chosen(aggregation)))


def bootstrap_interval(
    values: Values,
    *,
    aggregation: str = MEAN_OVER_SONGS,
    confidence: float = 0.95,
    num_resamples: int = 2000,
    seed: int = 0,
) -> Interval:
    """Percentile bootstrap interval over songs, and over songs and seeds when there are several seeds.

    Songs are drawn with replacement together for all stems and seeds, seeds together for all stems and songs.

    Args:
        values: (stem, seed, song) in dB; NaN where a score is not defined.
        aggregation: A name in `AGGREGATIONS`.
        confidence: Share of the bootstrap distribution inside the interval.
        num_resamples: Number of draws.
        seed: Seed of the draws.

    Returns:
        The figure and its interval; the same for the same arguments.

    Raises:
        ConfigurationError: An argument is out of range.
    """
    reduce = _chosen(aggregation)
    if not 0.0 < confidence < 1.0 or num_resamples < 1:
        raise ConfigurationError(
            "confidence lies between 0 and 1 and num_resamples is at least 1",
            parameter="bootstrap_interval",
            found=(confidence, num_resamples),
        )
    has_score = ~np.all(np.isnan(values), axis=(0, 1))
    scored = values[..., has_score]
    num_seeds, num_tracks = scored.shape[1:]
    low = high = math.nan
    if num_tracks > 1:
        figures = _resampled(scored, reduce, num_resamples, np.random.default_rng(seed))
        tail = 50.0 * (1.0 - confidence)
        low, high = (float(end) for end in np.nanpercentile(figures, (tail, 100.0 - tail)))
    return Interval(
        value=float(_aggregated(scored, reduce)),
        low=low,
        high=high,
        num_tracks=num_tracks,
        num_seeds=num_seeds,
    )


def _resampled(
    values: Values, reduce: Callable[[Values], Values], num_resamples: int, generator: np.random.Generator
) -> Values:
    """Figures of all draws, (draw,)."""
    num_seeds, num_tracks = values.shape[1:]
    songs = generator.integers(num_tracks, size=(num_resamples, 1, num_tracks))
    seeds = generator.integers(num_seeds, size=(num_resamples, num_seeds, 1))
    return _aggregated(values[:, seeds, songs], reduce)


def _aggregated(values: Values, reduce: Callable[[Values], Values]) -> Values:
    """(stem, ..., seed, song) to the figures (...)."""
    return np.asarray(_reduce(np.nanmean, reduce(values)).mean(axis=0))


def _chosen(aggregation: str) -> Callable[[Values], Values]:
    if aggregation not in AGGREGATIONS:
        raise ConfigurationError(
            "unknown aggregation", parameter="aggregation", expected=sorted(AGGREGATIONS), found=aggregation
        )
    return AGGREGATIONS[aggregation]


def _reduce(statistic: Callable[..., Values], values: Values) -> Values:
    """Apply a NaN-skipping statistic along the last axis; NaN, without a warning, where nothing is left."""
    is_empty = np.all(np.isnan(values), axis=-1)
    filled = np.where(is_empty[..., None], 0.0, values)
    return np.where(is_empty, np.nan, statistic(filled, axis=-1) if values.shape[-1] else np.nan)


def _finite_median(values: Iterable[float]) -> float:
    finite = [value for value in values if math.isfinite(value)]
    return float(np.median(finite)) if finite else math.nan
