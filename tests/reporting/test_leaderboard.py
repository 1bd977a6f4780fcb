"""The leaderboard as text and figure: its order, its columns and what each head says."""

import math

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from sep_pipeline.errors import NoInputError
from sep_pipeline.reporting.leaderboard import (
    LEADERBOARD_METRICS,
    leaderboard_figure,
    leaderboard_text,
    methods_in_order,
)
from sep_pipeline.reporting.tables import result_table

FACTS = {
    "best": {"kind": "oracle", "weights": "none"},
    "middle": {
        "kind": "separator",
        "num_parameters": 1234567,
        "steps": 600,
        "weights": "pretrained",
        "real_time_factor": 0.0567,
    },
    "worst": {"kind": "floor", "weights": "none"},
    "unscored": {"kind": "floor", "weights": "none"},
}
SDR = {"middle": (3.0, 5.0), "best": (9.0, 7.0), "unscored": (math.nan, math.nan), "worst": (-1.0, -2.0)}
USDR = {"middle": (2.0, 2.0), "best": (1.0, 1.0), "unscored": (0.0, 0.0), "worst": (-4.0, -4.0)}


def rows_of(metric, figures, stems):
    """Two songs, half a decibel around the figure of each stem."""
    return [
        {"arm": arm, "seed": 0, "track": track, "stem": stem, "metric": metric, "value": value + offset}
        for arm, values in figures.items()
        for stem, value in zip(stems, values, strict=True)
        for track, offset in (("one", -0.5), ("two", 0.5))
    ]


@pytest.fixture
def table():
    stems = ("drums", "bass")
    scores = pd.DataFrame([*rows_of("SDR", SDR, stems), *rows_of("uSDR", USDR, stems)])
    return result_table(scores, aggregations=dict(LEADERBOARD_METRICS), provenance={}, code_version="1")


def cells(text, heading):
    """Head and rows of the Markdown table below a heading."""
    lines = text.partition(f"## {heading}\n")[2].strip().splitlines()
    lines = lines[: next((at for at, line in enumerate(lines) if not line.startswith("|")), len(lines))]
    head, _, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return head, rows


@pytest.mark.parametrize(
    ("sorted_by", "order"),
    [("SDR", ["best", "middle", "worst", "unscored"]), ("uSDR", ["middle", "best", "unscored", "worst"])],
)
def test_the_highest_comes_first_and_what_has_no_figure_last(table, sorted_by, order):
    _, rows = cells(leaderboard_text(table, FACTS, title="All", sorted_by=sorted_by), "total")
    assert [row[0] for row in rows] == order


def test_methods_without_a_figure_stand_by_name(table):
    both = pd.concat([table, table[table["arm"] == "unscored"].assign(arm="also")])
    assert methods_in_order(both[both["stem"] == "total"], "SDR")[-2:] == ["also", "unscored"]


def test_a_metric_that_nobody_has_leaves_the_order_of_names(table):
    assert methods_in_order(table, "SIR") == ["best", "middle", "unscored", "worst"]


def test_heads_say_how_each_column_is_aggregated(table):
    head, _ = cells(leaderboard_text(table, FACTS, title="All"), "total")
    assert head == [
        "method",
        "kind",
        "SDR med",
        "interval",
        "uSDR mean",
        "real-time factor",
        "parameters",
        "steps",
        "weights",
    ]


def test_the_words_of_the_heads_are_explained(table):
    text = leaderboard_text(table, FACTS, title="All")
    assert text.startswith("# All\n\nIn dB over 2 songs, up to 1 seed, sorted by SDR, whose 95 % bootstrap")
    assert "(med: median of frames, median of tracks; mean: mean over songs)" in text


def test_a_row_holds_figures_and_facts(table):
    _, rows = cells(leaderboard_text(table, FACTS, title="All"), "drums")
    assert rows[1] == [
        "middle",
        "separator",
        "3.00",
        "[2.50, 3.50]",
        "2.00",
        "0.057",
        "1,234,567",
        "600",
        "pretrained",
    ]


def test_what_is_not_known_is_a_dash(table):
    _, rows = cells(leaderboard_text(table, FACTS, title="All"), "total")
    assert rows[-1] == ["unscored", "floor", "–", "–", "0.00", "–", "–", "–", "none"]


def test_only_the_sorting_metric_has_an_interval(table):
    head, rows = cells(leaderboard_text(table, {}, title="All", sorted_by="uSDR"), "total")
    assert head == ["method", "SDR med", "uSDR mean", "interval"]
    assert rows[0] == ["middle", "4.00", "2.00", "[1.50, 2.50]"]


def test_without_facts_there_are_no_columns_of_facts(table):
    text = leaderboard_text(table, {}, title="All")
    assert cells(text, "total")[0] == ["method", "SDR med", "interval", "uSDR mean"]
    assert "eal-time" not in text


def test_every_stem_has_its_table_after_the_total(table):
    text = leaderboard_text(table, FACTS, title="All")
    assert [line for line in text.splitlines() if line.startswith("## ")] == [
        "## total",
        "## drums",
        "## bass",
    ]


def test_stems_can_be_chosen(table):
    text = leaderboard_text(table, FACTS, title="All", stems=["total"])
    assert [line for line in text.splitlines() if line.startswith("## ")] == ["## total"]


def test_a_method_of_some_stems_is_not_in_the_total(table):
    part = table[(table["arm"] != "middle") | (table["stem"] == "bass")]
    text = leaderboard_text(part, FACTS, title="All")
    assert [[row[0] for row in cells(text, stem)[1]] for stem in ("total", "bass")] == [
        ["best", "worst", "unscored"],
        ["best", "middle", "worst", "unscored"],
    ]


def test_the_terminal_gets_a_narrower_table_without_marks(table):
    markdown, plain = (
        leaderboard_text(table, FACTS, title="All", tablefmt=form) for form in ("pipe", "simple")
    )
    rows = [line for line in plain.splitlines() if line.startswith("middle")]
    wide = [line for line in markdown.splitlines() if line.startswith("| middle")]
    assert len(rows) == len(wide) == 3
    assert max(map(len, rows)) < min(map(len, wide))
    assert "#" not in plain
    assert "|" not in plain


def test_one_song_is_called_one_song(table):
    text = leaderboard_text(table.assign(num_tracks=1, num_seeds=3), {}, title="All")
    assert "In dB over 1 song, up to 3 seeds," in text


def test_nothing_to_compare_is_an_error(table):
    with pytest.raises(NoInputError, match="nothing to compare"):
        leaderboard_text(table[:0], {}, title="All")


@pytest.fixture
def figure(table):
    made = leaderboard_figure(table, FACTS, title="All")
    yield made
    plt.close(made)


def test_the_figure_has_a_panel_per_stem(figure):
    assert [panel.get_title() for panel in figure.axes] == ["total", "drums", "bass"]
    assert {panel.get_xlabel() for panel in figure.axes} == {"SDR (dB)"}


def test_the_figure_has_a_bar_per_scored_method_the_best_on_top(figure):
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert labels == ["worst", "middle", "best"]
    widths = [[bar.get_width() for bar in panel.patches] for panel in figure.axes]
    assert widths == [[-1.5, 4.0, 8.0], [-1.0, 3.0, 9.0], [-2.0, 5.0, 7.0]]


def test_bars_carry_their_intervals(figure):
    lines = [list(line.get_xdata()) for line in figure.axes[1].lines if len(set(line.get_xdata())) == 2]
    assert lines == [[-1.5, -0.5], [2.5, 3.5], [8.5, 9.5]]


def test_kinds_differ_in_colour(figure):
    assert len({bar.get_facecolor() for bar in figure.axes[0].patches}) == 3


def test_nothing_to_draw_is_an_error(table):
    with pytest.raises(NoInputError, match="nothing to draw") as raised:
        leaderboard_figure(table, FACTS, sorted_by="SIR")
    assert raised.value.expected == "SIR"
