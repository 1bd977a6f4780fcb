"""Paired differences, and verdicts that claim no more than their interval."""

import pandas as pd
import pytest

from sep_pipeline.errors import NoInputError
from sep_pipeline.metrics.aggregate import Interval
from sep_pipeline.reporting.comparisons import Difference, paired_difference
from sep_pipeline.reporting.rendering import MINUS


def _difference(value, low, high, num_tracks=10, num_seeds=3, stem="total"):
    interval = Interval(value=value, low=low, high=high, num_tracks=num_tracks, num_seeds=num_seeds)
    return Difference(
        arm="pretrained",
        baseline="scratch",
        stem=stem,
        metric="SDR",
        interval=interval,
        is_paired_by_seed=True,
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
