"""Scores as arrays, and the frames that are refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from sep_pipeline.errors import DataError
from sep_pipeline.pipelines.chimera_transfer.excerpt_scores import EXCERPT_COLUMNS, scores_by_arm

NAN = np.nan


@pytest.fixture
def excerpts(make_scores: Any) -> pd.DataFrame:
    """Two arms; rows, seeds and stems of the first are out of order, and one seed lacks an excerpt."""
    return pd.concat(
        [
            make_scores("b", {7: 1, 3: 2}, seed=5, stem="violin", mixture=0.5),
            make_scores("b", {7: 3, 3: 4}, seed=5, stem="bassoon"),
            make_scores("b", {3: 6}, seed=2, stem="violin"),
            make_scores("b", {3: 8}, seed=2, stem="bassoon"),
            make_scores("a", [9], downstream="choirset", stem="female", songs=["x"]),
        ],
        ignore_index=True,
    )


def test_arms_come_in_order_of_appearance(excerpts: pd.DataFrame) -> None:
    found = scores_by_arm(excerpts)
    assert list(found) == ["b", "a"]
    assert [scores.downstream for scores in found.values()] == ["bach10", "choirset"]


def test_axes_are_in_order_and_hold_their_scores(excerpts: pd.DataFrame) -> None:
    scores = scores_by_arm(excerpts)["b"]
    assert (scores.seeds, scores.excerpts, scores.stems) == ((2, 5), (3, 7), ("bassoon", "violin"))
    assert scores.songs == ("song 3", "song 7")
    np.testing.assert_array_equal(scores.values, [[[8, 6], [NAN, NAN]], [[4, 2], [3, 1]]])


def test_scores_of_the_mixture_stand_beside(excerpts: pd.DataFrame) -> None:
    scores = scores_by_arm(excerpts)["b"]
    np.testing.assert_array_equal(scores.mixture_values, [[[0, 0], [NAN, NAN]], [[0, 0.5], [0, 0.5]]])


def test_no_rows_are_no_arms() -> None:
    assert scores_by_arm(pd.DataFrame(columns=list(EXCERPT_COLUMNS))) == {}


@pytest.mark.parametrize("column", EXCERPT_COLUMNS)
def test_a_missing_column_is_named(excerpts: pd.DataFrame, column: str) -> None:
    with pytest.raises(DataError, match=rf"lacks columns \(expected: .*'{column}'"):
        scores_by_arm(excerpts.drop(columns=column))


def test_an_excerpt_that_is_scored_twice_is_named(excerpts: pd.DataFrame) -> None:
    twice = pd.concat([excerpts, excerpts.iloc[[4]]])
    with pytest.raises(DataError, match=r"scored twice .*'arm': 'b', 'seed': 2, 'excerpt': 3"):
        scores_by_arm(twice)


def test_an_arm_with_two_sets_is_named(excerpts: pd.DataFrame, make_scores: Any) -> None:
    more = pd.concat([excerpts, make_scores("a", {1: 0}, downstream="remixpacks")])
    with pytest.raises(DataError, match=r"scored on several sets .*'downstream': 'remixpacks'"):
        scores_by_arm(more)


def test_an_excerpt_of_different_songs_is_named(excerpts: pd.DataFrame, make_scores: Any) -> None:
    other = make_scores("c", {3: 0}, songs={3: "another song"})
    with pytest.raises(DataError, match=r"not the same for every arm .*'song': 'another song'"):
        scores_by_arm(pd.concat([excerpts, other]))


def test_sets_number_their_excerpts_on_their_own(excerpts: pd.DataFrame, make_scores: Any) -> None:
    other = make_scores("c", {3: 0}, downstream="remixpacks", songs={3: "another song"})
    assert scores_by_arm(pd.concat([excerpts, other]))["c"].songs == ("another song",)
