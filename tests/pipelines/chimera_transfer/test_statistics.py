"""Scores of models and paired comparisons, worked out by hand, and when they decide something."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from sep_pipeline.errors import DataError, NoInputError
from sep_pipeline.metrics.aggregate import Interval
from sep_pipeline.pipelines.chimera_transfer.statistics import (
    MODEL_COLUMNS,
    PairedComparison,
    answer_of_interval,
    model_scores,
    paired_comparison,
)

NAN, INF = math.nan, math.inf


def seeds_of(make_scores: Any, arm: str, *by_seed: Any, **options: Any) -> list[pd.DataFrame]:
    return [make_scores(arm, values, seed=seed, **options) for seed, values in enumerate(by_seed)]


def compared(*frames: pd.DataFrame) -> PairedComparison:
    """Ours against theirs."""
    return paired_comparison(pd.concat(frames), "ours", "theirs")


class TestModelScores:
    @pytest.fixture
    def model(self, make_scores: Any) -> dict[str, Any]:
        """Means of excerpts: 3, 6, none; 1, 3, none."""
        excerpts = pd.concat(
            [
                *seeds_of(make_scores, "ours", [4, NAN, NAN], [1, 2, NAN], stem="alto", mixture=1.0),
                *seeds_of(make_scores, "ours", [2, 6, NAN], [1, 4, NAN], stem="tenor"),
            ]
        )
        table = model_scores(excerpts)
        assert list(table.columns) == list(MODEL_COLUMNS)
        return dict(table.iloc[0])

    def test_the_mean_goes_over_sources_then_excerpts_then_seeds(self, model: Any) -> None:
        assert model["si_sdr"] == (4.5 + 2.0) / 2
        assert model["low"] <= model["si_sdr"] <= model["high"]

    def test_the_improvement_is_taken_source_by_source(self, model: Any) -> None:
        assert model["improvement"] == ((2.5 + 6.0) / 2 + (0.5 + 2.5) / 2) / 2

    def test_what_has_no_score_is_counted(self, model: Any) -> None:
        assert (model["num_used"], model["num_dropped"]) == (7, 5)
        assert (model["num_excerpts"], model["num_songs"], model["num_seeds"]) == (2, 2, 2)

    def test_every_arm_has_a_row(self, make_scores: Any) -> None:
        table = model_scores(pd.concat([make_scores("b", [1]), make_scores("a", [2], downstream="choirset")]))
        assert table["arm"].tolist() == ["b", "a"]
        assert table["downstream"].tolist() == ["bach10", "choirset"]
        assert table["si_sdr"].tolist() == [1.0, 2.0]

    def test_one_song_gives_no_interval(self, make_scores: Any) -> None:
        table = model_scores(make_scores("a", [1, 3], songs=["x", "x"]))
        assert table["si_sdr"].tolist() == [2.0]
        assert table[["low", "high"]].isna().all(axis=None)

    def test_without_scores_the_columns_remain(self, make_scores: Any) -> None:
        table = model_scores(make_scores("a", [1]).iloc[:0])
        assert table.empty
        assert list(table.columns) == list(MODEL_COLUMNS)


class TestPairing:
    def test_a_constant_difference_has_an_interval_without_width(self, make_scores: Any) -> None:
        theirs = np.random.default_rng(0).integers(-8, 8, 10)
        found = compared(make_scores("ours", theirs + 1.5), make_scores("theirs", theirs))
        assert (found.interval.value, found.interval.low, found.interval.high) == (1.5, 1.5, 1.5)

    def test_only_excerpts_of_both_arms_count(self, make_scores: Any) -> None:
        ours, theirs = {0: 100, 2: 5, 3: 7, 9: 3}, {2: 4, 3: 4, 5: -100, 9: 1}
        found = compared(make_scores("ours", ours), make_scores("theirs", theirs))
        assert found.interval.value == (1 + 3 + 2) / 3
        assert (found.test.num_pairs, found.interval.num_tracks) == (3, 3)

    def test_excerpts_of_one_song_are_one_song(self, make_scores: Any) -> None:
        songs = {2: "x", 3: "y", 9: "x"}
        found = compared(
            make_scores("ours", {2: 5, 3: 7, 9: 3}, songs=songs),
            make_scores("theirs", {2: 4, 3: 4, 9: 1}, songs=songs),
        )
        assert (found.test.num_pairs, found.interval.num_tracks) == (3, 2)

    def test_a_source_without_a_score_counts_for_neither(self, make_scores: Any) -> None:
        found = compared(
            make_scores("ours", [NAN, 2, NAN], stem="alto"),
            make_scores("ours", [5, 4, NAN], stem="tenor"),
            make_scores("theirs", [90, 1, 1], stem="alto"),
            make_scores("theirs", [3, 0, 1], stem="tenor"),
        )
        assert found.interval.value == (2 + (1 + 4) / 2) / 2
        assert (found.test.num_pairs, found.test.num_undefined) == (2, 1)

    def test_seeds_are_paired(self, make_scores: Any) -> None:
        found = compared(
            *seeds_of(make_scores, "ours", [1, 2], [5, NAN]),
            *seeds_of(make_scores, "theirs", [0, 0], [2, 90]),
        )
        assert found.is_paired_by_seed
        assert found.interval.value == ((1 + 2) / 2 + 3) / 2
        assert found.interval.num_seeds == 2
        assert found.test.median_difference == ((1 + 3) / 2 + 2) / 2

    def test_a_seed_in_which_nothing_is_compared_does_not_count(self, make_scores: Any) -> None:
        found = compared(
            *seeds_of(make_scores, "ours", [1, 2], [NAN, NAN]),
            *seeds_of(make_scores, "theirs", [0, 0], [0, 0]),
        )
        assert found.interval.num_seeds == 1

    def test_other_seeds_are_compared_by_their_means(self, make_scores: Any) -> None:
        found = compared(
            *seeds_of(make_scores, "ours", [4, 6], [6, 8], [8, 13]), make_scores("theirs", [1, 1], seed=9)
        )
        assert not found.is_paired_by_seed
        assert (found.interval.value, found.interval.num_seeds) == ((5 + 8) / 2, 1)

    def test_two_perfect_estimates_do_not_differ(self, make_scores: Any) -> None:
        found = compared(make_scores("ours", [INF, 3]), make_scores("theirs", [INF, 1]))
        assert (found.interval.value, found.test.num_zeros) == (1.0, 1)

    def test_the_other_way_round_the_sign_turns(self, make_scores: Any) -> None:
        frames = [make_scores("ours", [1, 2, 4]), make_scores("theirs", [0, 3, 1])]
        there = compared(*frames)
        back = paired_comparison(pd.concat(frames), "theirs", "ours")
        assert back.interval.value == -there.interval.value
        assert back.test.p_value == there.p_value_lower


class TestSignedRanks:
    def test_many_excerpts_have_scipys_normal_approximation(self, make_scores: Any) -> None:
        random = np.random.default_rng(1)
        ours, theirs = random.standard_normal(80) + 0.2, random.standard_normal(80)
        ours[:5] = theirs[:5]
        found = compared(make_scores("ours", ours), make_scores("theirs", theirs))
        for side, p_value in (("greater", found.test.p_value), ("less", found.p_value_lower)):
            expected = stats.wilcoxon(
                ours, theirs, alternative=side, zero_method="wilcox", correction=False, method="asymptotic"
            )
            assert p_value == pytest.approx(expected.pvalue, rel=1e-12)
        assert found.test.num_zeros == 5

    def test_the_test_takes_the_mean_over_sources_and_seeds(self, make_scores: Any) -> None:
        found = compared(
            *seeds_of(make_scores, "ours", [3, -1], [1, -1], stem="alto"),
            *seeds_of(make_scores, "ours", [-1, 0], [-1, 0], stem="tenor"),
            *seeds_of(make_scores, "theirs", [0, 0], [0, 0], stem="alto"),
            *seeds_of(make_scores, "theirs", [0, 0], [0, 0], stem="tenor"),
        )
        # Differences are 0.5 and -0.5: the rank sum 1.5 or more comes in 3 of 4 patterns of signs.
        assert (found.test.num_pairs, found.test.p_value) == (2, 0.75)

    def test_equal_arms_have_no_p_value(self, make_scores: Any) -> None:
        found = compared(make_scores("ours", [1, 2]), make_scores("theirs", [1, 2]))
        assert math.isnan(found.test.p_value)
        assert math.isnan(found.p_value_lower)
        assert (found.by_excerpts, found.by_songs) == ("not decided", "not decided")


class TestRules:
    @pytest.mark.parametrize(
        ("num_excerpts", "gain", "answer"),
        [(10, 1, "higher"), (10, -1, "lower"), (9, 1, "not decided"), (9, -1, "not decided")],
    )
    def test_ten_gains_of_one_sign_decide_by_excerpts(
        self, make_scores: Any, num_excerpts: int, gain: int, answer: str
    ) -> None:
        """They come by chance once in 1024 times, nine once in 512."""
        found = compared(
            make_scores("ours", np.arange(1, num_excerpts + 1) * gain),
            make_scores("theirs", np.zeros(num_excerpts)),
        )
        assert found.by_excerpts == answer

    def test_excerpts_of_one_song_decide_by_excerpts_alone(self, make_scores: Any) -> None:
        songs = ["x"] * 10
        found = compared(
            *seeds_of(make_scores, "ours", [1] * 10, [1] * 10, songs=songs),
            *seeds_of(make_scores, "theirs", [0] * 10, [0] * 10, songs=songs),
        )
        assert (found.by_excerpts, found.by_songs) == ("higher", "not decided")

    @pytest.mark.parametrize(
        ("num_songs", "num_seeds", "gain", "answer"),
        [
            (6, 2, 1, "higher"),
            (6, 2, -1, "lower"),
            (6, 2, 0, "not decided"),
            (5, 2, 1, "not decided"),
            (6, 1, 1, "not decided"),
        ],
    )
    def test_six_songs_and_two_seeds_decide_by_songs(
        self, make_scores: Any, num_songs: int, num_seeds: int, gain: int, answer: str
    ) -> None:
        ours, theirs = [[gain] * num_songs] * num_seeds, [[0] * num_songs] * num_seeds
        found = compared(*seeds_of(make_scores, "ours", *ours), *seeds_of(make_scores, "theirs", *theirs))
        assert found.by_songs == answer

    @pytest.mark.parametrize(
        ("low", "high", "answer"),
        [
            (0.1, 2.0, "higher"),
            (-2.0, -0.1, "lower"),
            (-0.1, 2.0, "not decided"),
            (0.0, 2.0, "not decided"),
            (-2.0, 0.0, "not decided"),
            (NAN, NAN, "not decided"),
        ],
    )
    def test_an_interval_decides_if_it_lies_on_one_side_of_zero(
        self, low: float, high: float, answer: str
    ) -> None:
        assert answer_of_interval(Interval(value=0, low=low, high=high, num_tracks=6, num_seeds=2)) == answer


class TestWords:
    def test_the_verdict_counts_songs_and_excerpts(self, make_scores: Any) -> None:
        songs = [f"song {index // 2}" for index in range(12)]
        found = compared(
            *seeds_of(make_scores, "ours", [2] * 12, [2] * 12, songs=songs),
            *seeds_of(make_scores, "theirs", [1] * 12, [1] * 12, songs=songs),
        )
        assert found.verdict == (
            "ours minus theirs: +1.00 dB [+1.00, +1.00] over 6 songs, 2 seeds: ours scores higher; "
            "Wilcoxon over 12 excerpts, as if independent: p < 0.001"
        )

    def test_the_verdict_of_equal_arms_has_no_p_value(self, make_scores: Any) -> None:
        verdict = compared(make_scores("ours", [1, 2]), make_scores("theirs", [1, 2])).verdict
        assert verdict.endswith("no difference shown; 2 excerpts")

    def test_the_row_has_both_rules(self, make_scores: Any) -> None:
        row = compared(make_scores("ours", np.arange(1, 11)), make_scores("theirs", np.zeros(10))).row
        names = ("arm", "baseline", "difference", "num_excerpts", "num_songs", "num_seeds")
        assert [row[name] for name in names] == ["ours", "theirs", 5.5, 10, 10, 1]
        assert (row["p_value"], row["p_value_lower"]) == (1 / 1024, 1.0)
        assert (row["by_excerpts"], row["by_songs"]) == ("higher", "not decided")


class TestRefused:
    def test_a_missing_arm_is_named(self, make_scores: Any) -> None:
        with pytest.raises(
            NoInputError, match=r"no excerpt of this arm .*expected: theirs; found: \['ours'\]"
        ):
            compared(make_scores("ours", [1]))

    def test_arms_without_a_common_excerpt_are_named(self, make_scores: Any) -> None:
        with pytest.raises(NoInputError, match="ours and theirs have nothing in common"):
            compared(make_scores("ours", {0: 1}), make_scores("theirs", {1: 1}))

    @pytest.mark.parametrize("change", [{"downstream": "choirset"}, {"stem": "oboe"}])
    def test_arms_of_different_mixtures_are_named(self, make_scores: Any, change: Any) -> None:
        with pytest.raises(DataError, match="ours and theirs are scored on different mixtures"):
            compared(make_scores("ours", [1]), make_scores("theirs", [1], **change))

    def test_a_frame_without_arms_lacks_a_column(self, make_scores: Any) -> None:
        with pytest.raises(DataError, match="lacks columns"):
            paired_comparison(make_scores("ours", [1]).drop(columns="arm"), "ours", "theirs")
