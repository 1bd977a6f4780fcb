"""Tables of any rows: their two forms, figures and times in words."""

import math

import pytest

from sep_pipeline.errors import NoInputError
from sep_pipeline.reporting.grids import TextTable, duration, grid_markdown, grid_plain, number

ROWS = [{"model": "a", "loss": "1.5", "time": "7:50"}, {"model": "long_name", "loss": "–", "time": "0:07"}]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (470, "7:50"),
        (463, "7:43"),
        (1869, "31:09"),
        (4680, "1:18:00"),
        (936, "15:36"),
        (0, "0:00"),
        (59.6, "1:00"),
        (3599.7, "1:00:00"),
        (math.nan, "–"),
        (None, "–"),
    ],
)
def test_times_read_as_the_paper_prints_them(seconds, text):
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("value", "form", "text"),
    [
        (9.536, "g", "9.536"),
        (0.012345, ".3g", "0.0123"),
        (-1.25, ".2f", "\N{MINUS SIGN}1.25"),
        (8893348, ",.0f", "8,893,348"),
        (math.nan, ".3g", "–"),
        (None, ".3g", "–"),
    ],
)
def test_figures_have_true_minus_signs_and_dashes_for_missing_ones(value, form, text):
    assert number(value, form) == text


def test_markdown_has_a_heading_a_note_and_a_row_per_row():
    assert grid_markdown(ROWS, title="Study 4", note="In dB.").splitlines() == [
        "### Study 4",
        "",
        "In dB.",
        "",
        "| model     |   loss |   time |",
        "|:----------|-------:|-------:|",
        "| a         |    1.5 |   7:50 |",
        "| long_name |      – |   0:07 |",
    ]


def test_the_plain_form_has_the_same_cells():
    lines = grid_plain(ROWS, title="Study 4", note="In dB.").splitlines()
    assert lines[:2] == ["Study 4", "In dB."]
    assert lines[3].split() == ["model", "loss", "time"]
    assert [line.split() for line in lines[5:]] == [["a", "1.5", "7:50"], ["long_name", "–", "0:07"]]


def test_numbers_are_not_rewritten():
    assert "| 1.50 " in grid_markdown([{"value": "1.50"}], title="t").replace("  ", " ")


def test_without_a_note_there_is_no_gap():
    assert grid_plain(ROWS, title="Study 4").splitlines()[:2] == ["Study 4", ""]


def test_a_table_is_written_in_both_forms():
    table = TextTable(ROWS, "Study 4", "In dB.")
    assert table.markdown() == grid_markdown(ROWS, title="Study 4", note="In dB.")
    assert table.plain() == grid_plain(ROWS, title="Study 4", note="In dB.")


@pytest.mark.parametrize("form", [grid_markdown, grid_plain])
def test_a_table_without_rows_is_refused(form):
    with pytest.raises(NoInputError, match="nothing to show"):
        form([], title="Study 4")
