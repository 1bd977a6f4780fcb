"""Result tables as text: arms down, stems across, our figure beside the printed one."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sep_pipeline.errors import NoInputError
from sep_pipeline.reporting.scores import TOTAL

if TYPE_CHECKING:
    import pandas as pd

DASH = "\N{EN DASH}"
MINUS = "\N{MINUS SIGN}"

TERMINAL_COLUMNS = 100

Grid = list[list[str]]


def render_markdown(
    table: pd.DataFrame, *, metric: str, title: str, labels: Mapping[str, str] | None = None
) -> str:
    """One metric of a result table as Markdown.

    Args:
        table: A result table.
        metric: The metric to show.
        title: First line, without the metric and the aggregation, which are added.
        labels: Arm to the text shown in its place.

    Returns:
        Heading, note and table; every arm has a row of figures, "ours / printed", and a row of intervals.

    Raises:
        NoInputError: The table has no row of this metric.
    """
    shown = _shown(table, metric)
    head, *body = _grid(shown, labels or {})
    widths = _widths([head, *body])
    rule = "|" + "|".join(["-" * (widths[0] + 2)] + ["-" * (width + 1) + ":" for width in widths[1:]]) + "|"
    lines = [_markdown_row(head, widths), rule, *(_markdown_row(row, widths) for row in body)]
    return "\n".join([f"### {title}", "", _note(shown, metric), "", *lines]) + "\n"


def render_plain(
    table: pd.DataFrame, *, metric: str, title: str, labels: Mapping[str, str] | None = None
) -> str:
    """One metric of a result table for a terminal; arguments and content as in `render_markdown`."""
    shown = _shown(table, metric)
    grid = _grid(shown, labels or {})
    widths = _widths(grid)
    num_gaps = len(widths) - 1
    gap = "  " if sum(widths) + 2 * num_gaps <= TERMINAL_COLUMNS else " "
    lines = [gap.join(_aligned(row, widths)).rstrip() for row in grid]
    lines.insert(1, "-" * (sum(widths) + len(gap) * num_gaps))
    return "\n".join([title, _note(shown, metric), "", *lines]) + "\n"


def format_decibels(value: float, *, has_sign: bool = False) -> str:
    """Two decimals with a true minus sign; a dash for a missing figure."""
    if math.isnan(value):
        return DASH
    text = f"{value:+.2f}" if has_sign else f"{value:.2f}"
    if float(text) == 0.0:
        text = text.lstrip("+-")
    return text.replace("-", MINUS)


def format_printed(value: float) -> str:
    """A printed figure with the digits it was printed with; a dash for a missing one."""
    return DASH if math.isnan(value) else f"{value:g}".replace("-", MINUS)


def format_interval(low: float, high: float, *, has_sign: bool = False) -> str:
    """Both ends in brackets; a dash when there is no interval."""
    if math.isnan(low) or math.isnan(high):
        return DASH
    return f"[{format_decibels(low, has_sign=has_sign)}, {format_decibels(high, has_sign=has_sign)}]"


def count_of(number: int, noun: str) -> str:
    """A number with its noun: "1 song", "5 songs"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _shown(table: pd.DataFrame, metric: str) -> pd.DataFrame:
    shown = table[table["metric"] == metric]
    if shown.empty:
        raise NoInputError(
            "the table has no such metric", expected=sorted(table["metric"].unique()), found=metric
        )
    return shown


def _grid(table: pd.DataFrame, labels: Mapping[str, str]) -> Grid:
    stems = [stem for stem in table["stem"].unique() if stem != TOTAL]
    columns = [*stems, TOTAL] if TOTAL in set(table["stem"]) else stems
    rows = {(row["arm"], row["stem"]): row for row in table.to_dict("records")}
    grid = [["arm", *columns]]
    for arm in table["arm"].unique():
        cells = [rows.get((arm, column)) for column in columns]
        grid.append([labels.get(arm, arm), *(_figure_cell(cell) for cell in cells)])
        grid.append(["", *(_interval_cell(cell) for cell in cells)])
    return grid


def _figure_cell(row: Mapping[Any, Any] | None) -> str:
    if row is None:
        return DASH
    return f"{format_decibels(row['value'])} / {format_printed(row['published'])}"


def _interval_cell(row: Mapping[Any, Any] | None) -> str:
    return "" if row is None else format_interval(row["low"], row["high"])


def _note(table: pd.DataFrame, metric: str) -> str:
    aggregations = ", ".join(table["aggregation"].unique())
    # Figures that are printed but not measured have no counts, and make the columns floating.
    songs = _range(table["num_tracks"].dropna().astype(int).tolist(), "song")
    seeds = _range(table["num_seeds"].dropna().astype(int).tolist(), "seed")
    return (
        f"{metric} in dB, {aggregations}; {songs}, {seeds}.\n"
        "Figures: ours / printed in the paper; below, the 95 % bootstrap interval of ours."
    )


def _range(counts: Sequence[int], noun: str) -> str:
    low, high = min(counts), max(counts)
    return count_of(high, noun) if low == high else f"{low} to {high} {noun}s"


def _widths(grid: Grid) -> list[int]:
    return [max(len(row[column]) for row in grid) for column in range(len(grid[0]))]


def _aligned(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    return [
        row[0].ljust(widths[0]),
        *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)),
    ]


def _markdown_row(row: Sequence[str], widths: Sequence[int]) -> str:
    return "| " + " | ".join(_aligned(row, widths)) + " |"
