"""Aggregation by hand-computed numbers, intervals by their properties."""

import math

import numpy as np
import pytest

from sep_pipeline.errors import ConfigurationError
from sep_pipeline.metrics.aggregate import (
    MEDIAN_OF_MEDIANS,
    aggregate,
    bootstrap_interval,
    count_silence,
    mean_along,
    mean_over_songs,
    median_of_frames,
    median_of_tracks,
    pooled,
)


def _target(*sdr):
    frames = [
        {"time": float(i), "duration": 1.0, "metrics": {"SDR": v, "SIR": math.nan, "SAR": 1.0, "ISR": 2.0}}
        for i, v in enumerate(sdr)
    ]
    return {"name": "drums", "frames": frames}


def test_track_value_is_the_median_without_nan_and_infinite_frames():
    values = median_of_frames([_target(1.0, math.nan, 4.0, math.inf, 2.0)])
    assert values["drums", "SDR"] == 2.0
    assert values["drums", "ISR"] == 2.0
    assert math.isnan(values["drums", "SIR"])


def test_songs_without_a_score_are_left_out():
    assert median_of_tracks([1.0, math.nan, 5.0]) == 3.0
    assert mean_over_songs([1.0, math.nan, 4.0]) == 2.5
    assert math.isnan(mean_over_songs([math.nan]))
    assert math.isnan(median_of_tracks([]))


def test_aggregate_goes_over_songs_then_seeds_then_stems():
    values = np.array([[[0.0, 1.0, 8.0], [2.0, 2.0, 2.0]], [[4.0, 4.0, 4.0], [6.0, 6.0, 6.0]]])
    assert aggregate(values, MEDIAN_OF_MEDIANS) == pytest.approx(((1 + 2) / 2 + 5) / 2)


def test_the_bootstrap_is_deterministic_and_contains_the_value():
    values = np.random.default_rng(0).standard_normal((4, 2, 20))
    first, second = bootstrap_interval(values), bootstrap_interval(values)
    assert first == second
    assert first.low < first.value < first.high
    assert (first.num_tracks, first.num_seeds) == (20, 2)
    assert bootstrap_interval(values, seed=1) != first


def test_the_interval_of_a_mean_has_the_width_of_the_normal_one():
    values = np.random.default_rng(1).standard_normal((1, 1, 400))
    interval = bootstrap_interval(values, num_resamples=4000)
    expected = 2 * 1.96 * values.std() / math.sqrt(400)
    assert interval.high - interval.low == pytest.approx(expected, rel=0.05)


def test_seeds_that_disagree_widen_the_interval():
    songs = np.random.default_rng(2).standard_normal(20)
    same = np.stack([songs, songs])[None]
    apart = np.stack([songs - 3.0, songs + 3.0])[None]
    narrow, wide = bootstrap_interval(same), bootstrap_interval(apart)
    assert wide.high - wide.low > 2 * (narrow.high - narrow.low)


def test_one_song_has_no_interval():
    interval = bootstrap_interval(np.array([[[3.0]]]))
    assert interval.value == 3.0
    assert math.isnan(interval.low)
    assert math.isnan(interval.high)


def test_songs_without_any_score_are_not_counted():
    interval = bootstrap_interval(np.array([[[1.0, math.nan, 3.0]]]))
    assert (interval.value, interval.num_tracks) == (2.0, 2)


def test_unknown_aggregations_and_bad_confidence_are_refused():
    with pytest.raises(ConfigurationError, match="mean over songs"):
        aggregate(np.zeros((1, 1, 1)), "mode")
    with pytest.raises(ConfigurationError, match="confidence"):
        bootstrap_interval(np.zeros((1, 1, 2)), confidence=1.0)


def test_silence_is_counted_per_stem():
    references = {"drums": np.ones((1, 30)), "bass": np.zeros((1, 30))}
    estimates = {"drums": np.ones((1, 30)), "bass": np.ones((1, 30))}
    estimates["drums"][:, 10:20] = 0.0
    counts = count_silence(references, estimates, 10)
    assert (counts["drums"].num_silent_references, counts["drums"].num_silent_estimates) == (0, 1)
    assert counts["bass"].is_reference_silent
    assert not counts["bass"].is_estimate_silent
    assert counts["bass"].num_silent_references == counts["bass"].num_frames == 3


@pytest.fixture
def golden_tracks(golden_scores):
    """Values of the golden aggregation by metric, (source, track), which it describes in words."""
    sources = golden_scores["stereo"]
    return {
        metric: np.array(
            [
                [np.median(channels[metric]) + 0.517 * track - 0.2 * source for track in range(3)]
                for source, channels in enumerate(sources.values())
            ]
        )
        for metric in ("SI-SDR", "SD-SDR", "SNR", "SI-SDRi")
    }


@pytest.mark.parametrize("metric", ["SI-SDR", "SD-SDR", "SNR", "SI-SDRi"])
@pytest.mark.parametrize(
    ("statistic", "name"), [("mean", "mean over songs"), ("median", "median over songs")]
)
def test_all_rows_pooled_give_the_golden_overall(metric, statistic, name, golden_tracks, golden_scores):
    expected = golden_scores["aggregation"]["overall"][metric][statistic]
    assert pooled(golden_tracks[metric], name).value == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("metric", ["SI-SDR", "SD-SDR", "SNR"])
@pytest.mark.parametrize(
    ("statistic", "name"), [("mean", "mean over songs"), ("median", "median over songs")]
)
def test_a_source_has_its_golden_figure(metric, statistic, name, golden_tracks, golden_scores):
    expected = golden_scores["aggregation"]["per_source"]["s1"][metric][statistic]
    assert aggregate(golden_tracks[metric][1][None, None], name) == pytest.approx(expected, rel=1e-12)


def test_pooling_counts_what_has_no_score():
    found = pooled(np.array([[1.0, math.nan], [math.nan, 4.0]]))
    assert (found.value, found.num_scores, found.num_undefined) == (2.5, 2, 2)


def test_pooling_nothing_gives_no_figure():
    assert math.isnan(pooled(np.array([math.nan])).value)


def test_the_score_of_an_excerpt_is_the_mean_over_the_stems_that_have_one():
    values = np.array([[1.0, math.nan, math.nan], [3.0, 5.0, math.nan]])
    assert mean_along(values, 0).tolist() == pytest.approx([2.0, 5.0, math.nan], nan_ok=True)
