"""The signed-rank test against golden and hand-counted numbers."""

import math

import numpy as np
import pytest

from sep_pipeline.errors import ConfigurationError, StemMismatchError
from sep_pipeline.metrics.significance import wilcoxon_greater


def test_a_thousand_excerpts_as_in_the_second_study(score_tensors, golden_scores):
    expected = golden_scores["wilcoxon"]["greater"]
    found = wilcoxon_greater(score_tensors["wilcoxon/model"], score_tensors["wilcoxon/baseline"])
    assert (found.statistic, found.method) == (expected["W_plus"], "normal")
    assert found.p_value == pytest.approx(expected["p"], rel=1e-12)


def test_the_other_direction_has_the_golden_p_value_of_less(score_tensors, golden_scores):
    found = wilcoxon_greater(score_tensors["wilcoxon/baseline"], score_tensors["wilcoxon/model"])
    assert found.p_value == pytest.approx(golden_scores["wilcoxon"]["less"]["p"], rel=1e-12)


def test_twenty_excerpts_have_the_golden_exact_p_value(score_tensors, golden_scores):
    expected = golden_scores["wilcoxon"]["greater_first_20_exact"]
    found = wilcoxon_greater(score_tensors["wilcoxon/model"][:20], score_tensors["wilcoxon/baseline"][:20])
    assert (found.statistic, found.method) == (expected["W_plus"], "exact")
    assert found.p_value == pytest.approx(expected["p"], rel=1e-12)


def test_five_songs_of_one_sign_come_by_chance_once_in_32():
    assert wilcoxon_greater([1.0, 2.0, 3.0, 4.0, 5.0], np.zeros(5)).p_value == 1 / 32


def test_ties_are_counted_exactly_when_songs_are_few():
    found = wilcoxon_greater([1.0, 1.0, 2.0, -1.0, 3.0], np.zeros(5), method="exact")
    assert (found.statistic, found.p_value) == (13.0, 4 / 32)


def test_the_normal_approximation_is_corrected_for_ties_but_not_for_continuity():
    found = wilcoxon_greater([1.0, 1.0, 2.0, -1.0, 3.0], np.zeros(5), method="normal")
    variance = 5 * 6 * 11 / 24 - (3**3 - 3) / 48
    assert found.p_value == pytest.approx(0.5 * math.erfc((13.0 - 7.5) / math.sqrt(2 * variance)), rel=1e-12)


def test_equal_pairs_and_pairs_without_a_score_are_dropped_and_counted():
    found = wilcoxon_greater([1.0, 3.0, math.nan, 2.0, 7.0], [1.0, 1.0, 1.0, math.nan, 4.0])
    assert (found.num_pairs, found.num_zeros, found.num_undefined) == (3, 1, 2)
    assert (found.p_value, found.median_difference) == (0.25, 2.0)


def test_infinite_scores_rank_highest_and_equal_ones_are_zeros():
    found = wilcoxon_greater([math.inf, math.inf, -1.0], [math.inf, 0.0, 0.0])
    assert (found.num_zeros, found.statistic) == (1, 2.0)


@pytest.mark.parametrize("scores", [[], [1.0, 2.0], [math.nan]])
def test_without_a_difference_there_is_no_p_value(scores):
    found = wilcoxon_greater(scores, scores)
    assert math.isnan(found.p_value)
    assert found.statistic == 0.0


def test_scores_that_do_not_pair_up_are_refused():
    with pytest.raises(StemMismatchError, match="do not pair up"):
        wilcoxon_greater([1.0, 2.0], [1.0])


def test_too_many_ties_for_an_exact_count_are_refused():
    with pytest.raises(ConfigurationError, match="at most 12"):
        wilcoxon_greater(np.ones(13), np.zeros(13), method="exact")


def test_unknown_methods_are_refused():
    with pytest.raises(ConfigurationError, match="unknown method"):
        wilcoxon_greater([1.0], [0.0], method="approximate")
