import pandas as pd
import pytest

from sep_pipeline.errors import NoInputError
from sep_pipeline.reporting.page import Choice, choose_songs, main_metric


def frame(values, *, metric="SDR whole song"):
    """`values`: arm to track to (drums, bass)."""
    return pd.DataFrame(
        [
            {"arm": arm, "seed": 0, "track": track, "stem": stem, "metric": metric, "value": value}
            for arm, tracks in values.items()
            for track, pair in tracks.items()
            for stem, value in zip(("drums", "bass"), pair, strict=True)
        ]
    )


FIVE = {"a": (1, 1), "b": (5, 3), "c": (9, 9), "d": (2, 2), "e": (3, 3)}


def test_best_median_and_worst_go_by_the_mean_over_stems():
    assert choose_songs(frame({"pretrained": FIVE}), ["pretrained"], seed=0) == {
        "c": (Choice("best", "pretrained"),),
        "e": (Choice("median", "pretrained"),),
        "a": (Choice("worst", "pretrained"),),
    }


def test_a_song_that_several_arms_choose_comes_once():
    other = {**FIVE, "a": (4, 4), "d": (0, 0)}
    chosen = choose_songs(frame({"pretrained": FIVE, "scratch": other}), ["pretrained", "scratch"], seed=0)
    assert chosen == {
        "c": (Choice("best", "pretrained"), Choice("best", "scratch")),
        "e": (Choice("median", "pretrained"),),
        "a": (Choice("worst", "pretrained"), Choice("median", "scratch")),
        "d": (Choice("worst", "scratch"),),
    }


def test_two_songs_are_best_and_worst_and_the_lower_is_the_median():
    chosen = choose_songs(frame({"x": {"a": (1, 1), "b": (2, 2)}}), ["x"], seed=0)
    assert {name: [choice.place for choice in choices] for name, choices in chosen.items()} == {
        "b": ["best"],
        "a": ["median", "worst"],
    }


def test_one_song_is_all_three():
    (choices,) = choose_songs(frame({"x": {"a": (1, 1)}}), ["x"], seed=0).values()
    assert [choice.place for choice in choices] == ["best", "median", "worst"]


def test_a_song_without_a_score_is_not_chosen():
    scores = frame({"x": {"a": (1, 1), "b": (float("nan"), float("nan"))}})
    assert list(choose_songs(scores, ["x"], seed=0)) == ["a"]


def test_the_metric_is_si_sdr_where_there_is_no_sdr_of_whole_songs():
    scores = frame({"x": FIVE}, metric="SI-SDR")
    assert main_metric(scores) == "SI-SDR"
    assert next(iter(choose_songs(scores, ["x"], seed=0))) == "c"


def test_an_arm_without_scores_of_the_seed_is_refused():
    with pytest.raises(NoInputError, match=r"no test song of x has a score.*seed 3"):
        choose_songs(frame({"x": FIVE}), ["x"], seed=3)
