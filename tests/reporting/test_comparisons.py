"""Paired differences, and verdicts that claim no more than their interval."""

import math

import pandas as pd
import pytest

from sep_pipeline.errors import NoInputError
from sep_pipeline.metrics.aggregate import Interval
from sep_pipeline.reporting.comparisons import (
    COMPARISON_COLUMNS,
    Difference,
    comparison_table,
    format_p_value,
    paired_difference,
)
from sep_pipeline.reporting.rendering import MINUS


def _difference(value, low, high, num_tracks=10, num_seeds=3, stem="total", p_value=math.nan):
    interval = Interval(value=value, low=low, high=high, num_tracks=num_tracks, num_seeds=num_seeds)
    return Difference(
        arm="pretrained",
        baseline="scratch",
        stem=stem,
        metric="SDR",
        interval=interval,
        is_paired_by_seed=True,
        p_value=p_value,
    )


def test_the_difference_is_paired_by_song(scores):
    found = paired_difference(scores, "pretrained", "scratch", metric="SDR", stem="drums")
    assert found.interval.value == pytest.approx(1.0)
    assert (found.interval.low, found.interval.high) == (1.0, 1.0)


def test_the_total_is_the_mean_over_stems(scores):
    found = paired_difference(scores, "pretrained", "scratch", metric="SDR")
    assert found.interval.value == pytest.approx((1.0 - 1.0 / 6.0) / 2)


def test_only_songs_of_both_arms_count(score_rows):
    frame = pd.DataFrame(
        score_rows("new", {"a": (1.0, 1.0), "b": (9.0, 9.0)})
        + score_rows("old", {"a": (0.5, 0.5), "c": (0.0, 0.0)})
    )
    found = paired_difference(frame, "new", "old", metric="SDR")
    assert (found.interval.value, found.interval.num_tracks) == (0.5, 1)
    assert found.verdict.endswith("one song gives no interval, nothing shown")


def test_different_seeds_are_averaged_and_the_fewer_counted(scores):
    extra = scores[scores["arm"] == "pretrained"].assign(seed=1, value=lambda frame: frame["value"] + 2.0)
    found = paired_difference(pd.concat([scores, extra]), "pretrained", "zero", metric="SDR", stem="drums")
    assert not found.is_paired_by_seed
    assert found.interval.value == pytest.approx(4.0)
    assert found.interval.num_seeds == 1


def test_equal_seeds_are_paired(scores):
    found = paired_difference(
        pd.concat([scores, scores.assign(seed=1)]), "pretrained", "scratch", metric="SDR"
    )
    assert found.is_paired_by_seed
    assert found.interval.num_seeds == 2


def test_arms_without_a_common_song_are_refused(scores):
    with pytest.raises(NoInputError, match="nothing in common"):
        paired_difference(scores, "pretrained", "demucs", metric="SDR")


def test_an_interval_around_zero_shows_no_difference():
    assert _difference(0.12, -0.30, 0.51, num_tracks=5, num_seeds=1).verdict == (
        f"pretrained minus scratch: +0.12 dB [{MINUS}0.30, +0.51] over 5 songs, 1 seed: no difference shown"
    )


@pytest.mark.parametrize(
    ("difference", "finding"),
    [
        (_difference(0.5, 0.1, 0.9), "pretrained scores higher"),
        (_difference(-0.5, -0.9, -0.1), "scratch scores higher"),
        (_difference(0.5, 0.1, 0.9, num_seeds=1), "pretrained scores higher with this seed"),
        (
            _difference(0.5, 0.1, 0.9, num_tracks=5),
            "pretrained scores higher on these songs, too few to say more",
        ),
        (_difference(0.5, 0.0, 0.9), "no difference shown"),
    ],
)
def test_the_finding_follows_the_interval(difference, finding):
    assert difference.verdict.split(": ")[-1] == finding


def test_a_single_stem_is_named():
    assert _difference(0.5, 0.1, 0.9, stem="bass").verdict.startswith(
        "pretrained minus scratch (bass): +0.50 dB"
    )


@pytest.fixture
def five_songs(score_rows):
    """Two arms, two seeds each; the first is higher on every song in the mean over seeds and stems."""
    gains = {"a": 0.1, "b": 0.2, "c": 0.3, "d": 0.4, "e": 0.5}
    return pd.DataFrame(
        score_rows("new", {song: (1.0 + 4 * gain, 1.0) for song, gain in gains.items()})
        + score_rows("new", {song: (1.0 - gain, 1.0) for song, gain in gains.items()}, seed=1)
        + score_rows("old", dict.fromkeys(gains, (1.0, 1.0)))
        + score_rows("old", dict.fromkeys(gains, (1.0, 1.0)), seed=1)
    )


def test_the_test_is_over_songs_and_their_means_over_seeds(five_songs):
    assert paired_difference(five_songs, "new", "old", metric="SDR", has_test=True).p_value == 1 / 32


def test_the_test_asks_whether_the_arm_is_higher(five_songs):
    assert paired_difference(five_songs, "old", "new", metric="SDR", has_test=True).p_value == 1.0


def test_arms_of_different_seeds_are_tested_by_their_means(five_songs):
    fewer = five_songs[(five_songs["arm"] == "new") | (five_songs["seed"] == 0)]
    assert paired_difference(fewer, "new", "old", metric="SDR", has_test=True).p_value == 1 / 32


def test_without_the_test_the_sentence_has_no_p_value(five_songs):
    found = paired_difference(five_songs, "new", "old", metric="SDR")
    assert math.isnan(found.p_value)
    assert "Wilcoxon" not in found.verdict


def test_the_p_value_changes_the_figures_of_the_sentence_not_its_finding():
    assert _difference(0.5, 0.1, 0.9, num_tracks=5, p_value=1 / 32).verdict == (
        "pretrained minus scratch: +0.50 dB [+0.10, +0.90] over 5 songs, 3 seeds, "
        "Wilcoxon p = 0.03 (5 songs): pretrained scores higher on these songs, too few to say more"
    )


def test_a_small_p_value_claims_nothing_against_the_interval():
    assert _difference(0.5, -0.1, 0.9, p_value=1e-4).verdict.endswith(
        "Wilcoxon p < 0.001 (10 songs): no difference shown"
    )


def test_one_song_shows_no_p_value():
    assert "Wilcoxon" not in _difference(0.5, math.nan, math.nan, num_tracks=1, p_value=0.5).verdict


@pytest.mark.parametrize(
    ("p_value", "text"),
    [(1.0, "p = 1.00"), (0.031, "p = 0.03"), (0.0049, "p = 0.005"), (0.0009, "p < 0.001")],
)
def test_p_values_are_written_with_the_digits_that_matter(p_value, text):
    assert format_p_value(p_value) == text


def test_a_table_of_differences_has_a_column_for_the_p_value():
    table = comparison_table([_difference(0.5, 0.1, 0.9, p_value=0.2), _difference(0.4, 0.1, 0.9)])
    assert tuple(table.columns) == COMPARISON_COLUMNS
    assert table["p_value"].tolist() == pytest.approx([0.2, math.nan], nan_ok=True)
    assert table["difference"].tolist() == [0.5, 0.4]


def test_a_table_of_no_difference_keeps_its_columns():
    assert tuple(comparison_table([]).columns) == COMPARISON_COLUMNS
