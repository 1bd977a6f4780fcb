"""Result tables as text."""

import math

import pandas as pd
import pytest

from sep_pipeline.errors import NoInputError
from sep_pipeline.metrics.aggregate import MEAN_OVER_SONGS
from sep_pipeline.reporting.rendering import (
    DASH,
    MINUS,
    count_of,
    format_decibels,
    format_interval,
    render_markdown,
    render_plain,
)
from sep_pipeline.reporting.tables import result_table


@pytest.fixture
def table(scores):
    return result_table(
        scores,
        aggregations={"SDR": MEAN_OVER_SONGS},
        provenance={},
        code_version="0.1.0",
        published={"SDR": {"pretrained": {"drums": 4.925}, "scratch": {"drums": -0.002}}},
    )


def test_the_head_names_metric_aggregation_songs_and_seeds(table):
    text = render_plain(table, metric="SDR", title="Table 1")
    assert text.splitlines()[:2] == ["Table 1", "SDR in dB, mean over songs; 3 songs, 1 seed."]


def test_rows_without_songs_do_not_make_the_counts_floating(table):
    printed = table.tail(1).assign(num_tracks=math.nan, num_seeds=math.nan)
    text = render_plain(pd.concat([table, printed], ignore_index=True), metric="SDR", title="Table 1")
    assert text.splitlines()[1].endswith("; 3 songs, 1 seed.")


def test_ours_and_printed_stand_side_by_side_with_a_dash_where_nothing_was_printed(table):
    lines = render_plain(table, metric="SDR", title="Table 1").splitlines()
    cells = {line.split()[0]: line.split()[1:] for line in lines[6:] if not line.startswith(" ")}
    assert lines[4].split() == ["arm", "drums", "bass", "total"]
    assert " ".join(cells["pretrained"]) == f"3.00 / 4.925 6.00 / {DASH} 4.50 / {DASH}"
    assert " ".join(cells["scratch"]).startswith(f"2.00 / {MINUS}0.002")
    assert lines[7].strip().startswith("[")


def test_extra_rows_take_their_label(table):
    text = render_plain(table, metric="SDR", title="Table 1", labels={"zero": "silence (floor)"})
    assert "silence (floor)" in text


def test_six_wide_columns_fit_a_terminal(scores):
    stems = ["drums", "bass", "other", "vocals"]
    wide = pd.concat(
        scores[scores["stem"] == "drums"].assign(stem=stem, value=lambda frame: -10.3 * frame["value"] - 10)
        for stem in stems
    )
    table = result_table(wide, aggregations={"SDR": MEAN_OVER_SONGS}, provenance={}, code_version="0")
    text = render_plain(table, metric="SDR", title="Table 1")
    assert max(len(line) for line in text.splitlines()) <= 100


def test_markdown_rows_have_one_width(table):
    lines = render_markdown(table, metric="SDR", title="Table 1").splitlines()
    rows = [line for line in lines if line.startswith("|")]
    assert lines[0] == "### Table 1"
    assert len(rows) == 2 + 2 * 3
    assert len({len(row) for row in rows}) == 1
    assert rows[1].count("-:") == 3


def test_a_missing_stem_is_a_dash(table):
    without = table[~((table["arm"] == "zero") & (table["stem"] == "bass"))]
    line = next(x for x in render_plain(without, metric="SDR", title="").splitlines() if x.startswith("zero"))
    assert line.split() == ["zero", "0.00", "/", DASH, DASH, "0.00", "/", DASH]


@pytest.mark.parametrize(
    ("value", "expected"),
    [(-1.234, f"{MINUS}1.23"), (0.001, "0.00"), (-0.001, "0.00"), (math.nan, DASH), (12.0, "12.00")],
)
def test_decibels_have_two_decimals_and_no_negative_zero(value, expected):
    assert format_decibels(value) == expected


def test_intervals_without_ends_are_a_dash():
    assert format_interval(math.nan, math.nan) == DASH
    assert format_interval(-0.3, 0.51, has_sign=True) == f"[{MINUS}0.30, +0.51]"


def test_counts_agree_with_their_noun():
    assert (count_of(1, "song"), count_of(5, "song")) == ("1 song", "5 songs")


def test_an_unknown_metric_is_refused(table):
    with pytest.raises(NoInputError, match="uSDR"):
        render_plain(table, metric="uSDR", title="")
