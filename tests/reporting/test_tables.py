"""The tidy result table: columns, figures, totals and provenance."""

import math

import pandas as pd
import pytest

from sep_pipeline.errors import DataError
from sep_pipeline.metrics.aggregate import MEAN_OVER_SONGS, MEDIAN_OF_MEDIANS
from sep_pipeline.reporting.tables import Provenance, result_table

PUBLISHED = {"SDR": {"pretrained": {"drums": 4.925, "total": 4.188}}}


def _table(scores, **changes):
    arguments = {
        "aggregations": {"SDR": MEAN_OVER_SONGS},
        "provenance": {"pretrained": Provenance(steps=600, weights="jukebox", data_hash="abc")},
        "code_version": "0.1.0+1234567",
        "published": PUBLISHED,
    }
    return result_table(scores, **(arguments | changes))


def _row(table, arm, stem):
    return table[(table["arm"] == arm) & (table["stem"] == stem)].iloc[0]


def test_columns_stand_in_the_documented_order(scores):
    assert list(_table(scores).columns) == [
        "arm", "stem", "metric", "aggregation", "value", "low", "high", "published",
        "num_tracks", "num_seeds", "steps", "weights", "data_hash", "code_version",
    ]  # fmt: skip


def test_rows_keep_the_order_of_arms_and_stems(scores):
    table = _table(scores)
    assert table["arm"].unique().tolist() == ["pretrained", "scratch", "zero"]
    assert table["stem"].tolist()[:3] == ["drums", "bass", "total"]


def test_figures_are_means_over_songs_and_the_total_their_mean(scores):
    table = _table(scores)
    assert _row(table, "pretrained", "drums")["value"] == pytest.approx(3.0)
    assert _row(table, "pretrained", "bass")["value"] == pytest.approx(6.0)
    assert _row(table, "pretrained", "total")["value"] == pytest.approx(4.5)


def test_the_aggregation_is_named_and_used(scores):
    row = _row(_table(scores, aggregations={"SDR": MEDIAN_OF_MEDIANS}), "pretrained", "total")
    assert row["aggregation"] == "median of frames, median of tracks"
    assert row["value"] == pytest.approx((2.0 + 6.0) / 2)


def test_the_interval_lies_around_the_value(scores):
    row = _row(_table(scores), "pretrained", "drums")
    assert 1.0 <= row["low"] < row["value"] < row["high"] <= 6.0
    silent = _row(_table(scores), "zero", "total")
    assert (silent["low"], silent["high"]) == (0.0, 0.0)


def test_printed_figures_stand_beside_ours_only_where_given(scores):
    table = _table(scores)
    assert _row(table, "pretrained", "drums")["published"] == 4.925
    assert math.isnan(_row(table, "pretrained", "bass")["published"])
    assert math.isnan(_row(table, "zero", "total")["published"])


def test_every_row_says_where_it_comes_from(scores):
    table = _table(scores)
    row = _row(table, "pretrained", "total")
    assert (row["steps"], row["weights"], row["data_hash"]) == (600, "jukebox", "abc")
    assert (row["num_tracks"], row["num_seeds"]) == (3, 1)
    assert set(table["code_version"]) == {"0.1.0+1234567"}
    assert pd.isna(_row(table, "zero", "total")["steps"])


def test_an_arm_that_lacks_a_stem_has_no_total(scores):
    partial = scores[~((scores["arm"] == "zero") & (scores["stem"] == "bass"))]
    table = _table(partial)
    assert table.loc[table["arm"] == "zero", "stem"].tolist() == ["drums"]


def test_metrics_that_are_not_asked_for_are_left_out(scores):
    more = pd.concat([scores, scores.assign(metric="uSDR")])
    assert set(_table(more)["metric"]) == {"SDR"}


def test_seeds_are_counted(scores):
    table = _table(pd.concat([scores, scores.assign(seed=1)]))
    assert _row(table, "scratch", "drums")["num_seeds"] == 2


def test_a_frame_without_its_columns_is_refused(scores):
    with pytest.raises(DataError, match="seed"):
        _table(scores.drop(columns="seed"))


def test_a_track_scored_twice_is_refused(scores):
    with pytest.raises(DataError, match="twice"):
        _table(pd.concat([scores, scores.iloc[:1]]))
