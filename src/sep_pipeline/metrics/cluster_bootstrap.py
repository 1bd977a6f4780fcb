"""Intervals of means over excerpts that are not independent, because several come from one song."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from sep_pipeline.errors import ConfigurationError, StemMismatchError
from sep_pipeline.metrics.aggregate import Interval

Values = npt.NDArray[np.float64]

SONG_SEPARATOR = "+"
"""Joins the names of the songs that an excerpt mixes, in the order of its sources."""


def cluster_interval(
    values: Values,
    songs: Sequence[str],
    *,
    confidence: float = 0.95,
    num_resamples: int = 2000,
    seed: int = 0,
) -> Interval:
    """Mean over excerpts with a percentile bootstrap interval that draws songs, not excerpts.

    A drawn song brings all its excerpts along, so that a thousand excerpts of one song weigh as one song. Where
    excerpts mix several songs, songs are drawn for every source on its own, and an excerpt counts as often
    as the product of the draws of its songs (the bootstrap of crossed factors by Owen, "The pigeonhole
    bootstrap", 2007). With several seeds these are drawn too, together for all songs. A draw in which no scored
    excerpt is left does not count.

    Args:
        values: (seed, excerpt) in dB; NaN where a score is not defined.
        songs: Song of every excerpt; of a mixture of several songs their names joined by "+". Labels that are
            not all of the same number of parts are taken as they are.
        confidence: Share of the bootstrap distribution inside the interval.
        num_resamples: Number of draws.
        seed: Seed of the draws.

    Returns:
        Mean over excerpts, then over seeds, with its interval; the same for the same arguments. `num_tracks` is
        the number of songs with a score, of the source with the fewest, `num_seeds` that of seeds with a score.
        No interval (NaN) if there are fewer than two songs or a score is infinite.

    Raises:
        StemMismatchError: There is not one song for every excerpt.
        ConfigurationError: An argument is out of range.
    """
    if values.ndim != 2 or values.shape[1] != len(songs):
        raise StemMismatchError("scores and songs do not pair up", expected=len(songs), found=values.shape)
    if not 0.0 < confidence < 1.0 or num_resamples < 1:
        raise ConfigurationError(
            "confidence lies between 0 and 1 and num_resamples is at least 1",
            parameter="cluster_interval",
            found=(confidence, num_resamples),
        )
    is_missing = np.isnan(values)
    has_score = ~np.all(is_missing, axis=0)
    scored = values[~np.all(is_missing, axis=1)][:, has_score]
    parts = _split([song for song, is_used in zip(songs, has_score, strict=True) if is_used])
    num_songs = min((len(set(names)) for names in zip(*parts, strict=True)), default=0)
    low = high = math.nan
    if num_songs > 1 and not np.isinf(scored).any():
        means = _resampled(scored, parts, num_resamples, np.random.default_rng(seed))
        tail = 50.0 * (1.0 - confidence)
        low, high = (float(end) for end in np.nanpercentile(means, (tail, 100.0 - tail)))
    return Interval(
        value=_mean_of_means(scored), low=low, high=high, num_tracks=num_songs, num_seeds=len(scored)
    )


def _split(songs: Sequence[str]) -> list[tuple[str, ...]]:
    """The songs of every excerpt, one per source."""
    parts = [tuple(song.split(SONG_SEPARATOR)) for song in songs]
    return parts if len({len(names) for names in parts}) == 1 else [(song,) for song in songs]


def _resampled(
    values: Values, parts: Sequence[tuple[str, ...]], num_resamples: int, generator: np.random.Generator
) -> Values:
    """Means of all draws, (draw,)."""
    together = {names: index for index, names in enumerate(dict.fromkeys(parts))}
    place = [together[names] for names in parts]
    sums, totals = np.zeros((2, len(values), len(together)))
    np.add.at(sums.T, place, np.nan_to_num(values).T)
    np.add.at(totals.T, place, ~np.isnan(values).T)
    weights = np.ones((num_resamples, len(together)))
    for names in zip(*together, strict=True):
        songs, factor = np.unique(names, return_inverse=True)
        chances = np.full(len(songs), 1.0 / len(songs))
        weights *= generator.multinomial(len(songs), chances, size=num_resamples)[:, factor]
    with np.errstate(invalid="ignore"):
        means = (weights @ sums.T) / (weights @ totals.T)
    num_seeds = len(values)
    chosen = generator.integers(num_seeds, size=(num_resamples, num_seeds))
    return np.asarray(np.take_along_axis(means, chosen, axis=1).mean(axis=1))


def _mean_of_means(values: Values) -> float:
    """Mean over excerpts, then over seeds; every seed has a score."""
    means = [row[~np.isnan(row)].mean() for row in values]
    return float(np.mean(means)) if means else math.nan
