"""Intervals over songs: draws that can be counted by hand, crossed songs, seeds, and what has no interval."""

import math

import numpy as np
import pytest

from sep_pipeline.errors import ConfigurationError, StemMismatchError
from sep_pipeline.metrics.cluster_bootstrap import cluster_interval

# Of the draws of two songs (or seeds) half take one of each: the inner 40 % is that alone, the inner 95 % is all.
INNER, ALL = 0.4, 0.95
CROSSED = [f"{first}+{second}" for first in "abc" for second in "xy"]


def _ends(values, songs, confidence=ALL, **options):
    interval = cluster_interval(np.asarray(values, np.float64), songs, confidence=confidence, **options)
    return interval.low, interval.high


def _has_no_interval(interval):
    return math.isnan(interval.low) and math.isnan(interval.high)


def test_equal_scores_have_an_interval_without_width():
    interval = cluster_interval(np.full((2, 6), 1.5), list("aabbcc"))
    assert (interval.value, interval.low, interval.high) == (1.5, 1.5, 1.5)
    assert (interval.num_tracks, interval.num_seeds) == (3, 2)


def test_two_songs_give_three_kinds_of_draws():
    assert _ends([[0, 1]], "ab") == (0.0, 1.0)
    assert _ends([[0, 1]], "ab", INNER) == (0.5, 0.5)


def test_a_drawn_song_brings_all_its_excerpts():
    assert _ends([[0, 0, 0, 1]], "aaab") == (0.0, 1.0)
    assert _ends([[0, 0, 0, 1]], "aaab", INNER) == (0.25, 0.25)


def test_the_value_is_the_mean_over_excerpts_then_over_seeds():
    interval = cluster_interval(np.array([[1.0, 3.0, 8.0], [2.0, math.nan, math.nan]]), "aab")
    assert interval.value == (4.0 + 2.0) / 2


def test_excerpts_of_a_song_that_agree_count_as_one():
    levels = np.random.default_rng(0).standard_normal(12)
    values = np.repeat(levels, 25)[None]
    low, high = _ends(values, [f"song {index // 25}" for index in range(300)])
    narrow_low, narrow_high = _ends(values, [f"excerpt {index}" for index in range(300)])
    assert (high - low) / (narrow_high - narrow_low) == pytest.approx(math.sqrt(25), rel=0.1)


def test_the_interval_of_independent_songs_is_the_normal_one():
    values = np.random.default_rng(1).standard_normal((1, 400))
    low, high = _ends(values, [str(index) for index in range(400)], num_resamples=4000)
    assert high - low == pytest.approx(2 * 1.96 * values.std() / math.sqrt(400), rel=0.06)


class TestSeveralSongsInAMixture:
    def test_songs_are_counted_by_the_source_with_the_fewest(self):
        assert cluster_interval(np.zeros((1, 6)), CROSSED).num_tracks == 2
        assert cluster_interval(np.zeros((1, 3)), ["a+x", "b+x", "c+x"]).num_tracks == 1

    def test_songs_of_every_source_are_drawn_on_their_own(self):
        """Scores that depend on the second song alone have the interval of its two songs, not of six."""
        values = [[0, 1, 0, 1, 0, 1]]
        assert _ends(values, CROSSED) == pytest.approx((0.0, 1.0))
        assert _ends(values, CROSSED, INNER) == pytest.approx((0.5, 0.5))

    def test_an_excerpt_counts_as_often_as_the_product_of_its_songs(self):
        """Draws of (a, b) and (x, y): the score is the share of a times the share of x."""
        values, songs = [[1, 0, 0, 0]], ["a+x", "a+y", "b+x", "b+y"]
        # 0 in 7 of 16 draws, 1/4 in 4, 1/2 in 4, 1 in 1.
        assert _ends(values, songs, 0.98) == pytest.approx((0.0, 1.0))
        assert _ends(values, songs, 0.8) == pytest.approx((0.0, 0.5))
        assert _ends(values, songs, 0.1) == pytest.approx((0.25, 0.25))

    def test_a_song_may_stand_in_several_sources(self):
        assert cluster_interval(np.zeros((1, 4)), ["a+a", "a+b", "b+a", "b+b"]).num_tracks == 2

    def test_labels_with_different_numbers_of_parts_are_taken_as_they_are(self):
        songs = ["a", "a+b", "a+c"]
        assert cluster_interval(np.zeros((1, 3)), songs).num_tracks == 3

    def test_draws_without_an_excerpt_do_not_count(self):
        """The draws (a, a) and (y, y) leave nothing of a+x and b+y; of 14 others 5 give 0, 4 give 1/2, 5 give 1."""
        assert _ends([[0, 1]], ["a+x", "b+y"], 0.2) == (0.5, 0.5)
        assert _ends([[0, 1]], ["a+x", "b+y"], INNER) == (0.0, 1.0)


class TestSeeds:
    def test_seeds_are_drawn_too(self):
        values, songs = [[0, 0, 0], [1, 1, 1]], "abc"
        assert _ends(values, songs) == (0.0, 1.0)
        assert _ends(values, songs, INNER) == (0.5, 0.5)

    def test_a_seed_without_a_score_does_not_count(self):
        values = np.array([[1.0, 2.0, 4.0], [math.nan] * 3])
        assert cluster_interval(values, "abc") == cluster_interval(values[:1], "abc")
        assert cluster_interval(values, "abc").num_seeds == 1

    def test_a_draw_in_which_a_seed_has_no_score_left_does_not_count(self):
        values = [[1, math.nan], [math.nan, 2]]
        low, high = _ends(values, "ab")
        assert (low, high) == (1.0, 2.0)


class TestWithoutAScore:
    def test_excerpts_without_a_score_are_left_out(self):
        values = np.array([[1.0, math.nan, 5.0, 2.0]])
        assert cluster_interval(values, "abcc") == cluster_interval(values[:, [0, 2, 3]], "acc")

    def test_songs_without_a_score_are_not_counted(self):
        interval = cluster_interval(np.array([[1.0, 3.0, math.nan]]), "aab")
        assert (interval.value, interval.num_tracks) == (2.0, 1)

    def test_one_song_has_no_interval(self):
        assert _has_no_interval(cluster_interval(np.array([[1.0, 3.0]]), "aa"))

    def test_nothing_at_all_has_no_value(self):
        for values, songs in ((np.full((2, 2), math.nan), "ab"), (np.zeros((1, 0)), "")):
            interval = cluster_interval(values, songs)
            assert math.isnan(interval.value)
            assert _has_no_interval(interval)
            assert (interval.num_tracks, interval.num_seeds) == (0, 0)

    def test_an_infinite_score_has_no_interval(self):
        interval = cluster_interval(np.array([[1.0, math.inf, 2.0]]), "abc")
        assert interval.value == math.inf
        assert interval.num_tracks == 3
        assert _has_no_interval(interval)


def test_the_same_arguments_give_the_same_interval():
    values = np.random.default_rng(2).standard_normal((2, 30))
    songs = [str(index // 3) for index in range(30)]
    first = cluster_interval(values, songs)
    assert cluster_interval(values, songs) == first
    assert first.low < first.value < first.high
    other = cluster_interval(values, songs, seed=1)
    assert other.value == first.value
    assert (other.low, other.high) != (first.low, first.high)


def test_more_confidence_is_a_wider_interval():
    values, songs = np.random.default_rng(3).standard_normal((1, 20)), [str(index) for index in range(20)]
    (low, high), (wide_low, wide_high) = (_ends(values, songs, confidence) for confidence in (0.5, 0.99))
    assert wide_low < low < high < wide_high


@pytest.mark.parametrize("shape", [(3,), (1, 2), (1, 4)])
def test_scores_need_a_song_each(shape):
    with pytest.raises(StemMismatchError, match=r"scores and songs do not pair up \(expected: 3"):
        cluster_interval(np.zeros(shape), "abc")


@pytest.mark.parametrize("options", [{"confidence": 0.0}, {"confidence": 1.0}, {"num_resamples": 0}])
def test_arguments_out_of_range_are_refused(options):
    with pytest.raises(ConfigurationError, match="confidence lies between 0 and 1"):
        cluster_interval(np.zeros((1, 2)), "ab", **options)
