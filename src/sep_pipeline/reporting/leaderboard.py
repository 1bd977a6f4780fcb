"""Methods side by side on one test set: one row per method, one column per metric, sorted; as text and as figure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sep_pipeline.errors import NoInputError
from sep_pipeline.metrics.aggregate import MEAN_OVER_SONGS, MEDIAN_OF_MEDIANS
from sep_pipeline.reporting.figures import COLOURS, finished, panels
from sep_pipeline.reporting.rendering import DASH, format_decibels, format_interval
from sep_pipeline.reporting.scores import TOTAL

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

LEADERBOARD_METRICS: Mapping[str, str] = {
    "SDR": MEDIAN_OF_MEDIANS,
    "ISR": MEDIAN_OF_MEDIANS,
    "SIR": MEDIAN_OF_MEDIANS,
    "SAR": MEDIAN_OF_MEDIANS,
    "uSDR": MEAN_OVER_SONGS,
    "SI-SDR": MEAN_OVER_SONGS,
}
"""Metrics of a leaderboard and how each is aggregated; the same words stand in the column heads."""

FACTS = ("kind", "real_time_factor", "num_parameters", "steps", "weights")
REAL_TIME_FACTOR = "Real-time factor: computing time over playing time, on the machine that made this table."
_SHORT = {MEDIAN_OF_MEDIANS: "med", MEAN_OVER_SONGS: "mean"}
_NO_FIGURE = {"value": math.nan, "low": math.nan, "high": math.nan}
_KIND_COLOURS = {"oracle": COLOURS[2], "separator": COLOURS[0], "floor": COLOURS[7]}


def leaderboard_text(
    table: pd.DataFrame,
    facts: Mapping[str, Mapping[str, Any]],
    *,
    title: str,
    sorted_by: str = "SDR",
    tablefmt: str = "pipe",
    stems: Sequence[str] | None = None,
) -> str:
    """The leaderboard as text, one table for the total and one for each stem.

    Args:
        table: A result table with some of `LEADERBOARD_METRICS`.
        facts: Method to `FACTS`; without any, their columns are left out.
        title: First line.
        sorted_by: The metric that decides the order; methods without it come last.
        tablefmt: A format of tabulate: "pipe" for Markdown, "simple" for a terminal.
        stems: Stems to show, "total" among them; None shows all.

    Raises:
        NoInputError: The table is empty.
    """
    from tabulate import tabulate

    if table.empty:
        raise NoInputError("there is nothing to compare", expected="scores of a method", found="none")
    metrics = [metric for metric in LEADERBOARD_METRICS if metric in set(table["metric"])]
    shown = [stem for stem in (TOTAL, *dict.fromkeys(table["stem"])) if stem in set(table["stem"])]
    shown = [stem for stem in dict.fromkeys(shown) if stems is None or stem in stems]
    lines = [f"# {title}" if tablefmt == "pipe" else title, "", _legend(table, metrics, sorted_by)]
    lines += [REAL_TIME_FACTOR] if facts else []
    for stem in shown:
        rows = _rows(table[table["stem"] == stem], facts, metrics, sorted_by, is_wide=tablefmt == "pipe")
        heading = f"## {stem}" if tablefmt == "pipe" else stem
        lines += ["", heading, "", tabulate(rows, "keys", tablefmt, disable_numparse=True)]
    return "\n".join(lines) + "\n"


def _legend(table: pd.DataFrame, metrics: Sequence[str], sorted_by: str) -> str:
    num_tracks, num_seeds = int(table["num_tracks"].max()), int(table["num_seeds"].max())
    used = dict.fromkeys(LEADERBOARD_METRICS[metric] for metric in metrics)
    meaning = "; ".join(f"{_SHORT[name]}: {name}" for name in used)
    songs = f"{num_tracks} song{'s' * (num_tracks != 1)}, up to {num_seeds} seed{'s' * (num_seeds != 1)}"
    return f"In dB over {songs}, sorted by {sorted_by}, whose 95 % bootstrap interval is given ({meaning})."


def _rows(
    table: pd.DataFrame,
    facts: Mapping[str, Mapping[str, Any]],
    metrics: Sequence[str],
    sorted_by: str,
    *,
    is_wide: bool,
) -> list[dict[str, str]]:
    """Column head to cell, method by method; narrow rows leave out where the weights come from."""
    rows = []
    for method in methods_in_order(table, sorted_by):
        own = table[table["arm"] == method].set_index("metric")[["value", "low", "high"]].to_dict("index")
        known = facts.get(method, {})
        row = {"method": method} | ({"kind": str(known.get("kind", ""))} if facts else {})
        for metric in metrics:
            found = own.get(metric, _NO_FIGURE)
            row[f"{metric} {_SHORT[LEADERBOARD_METRICS[metric]]}"] = format_decibels(found["value"])
            if metric == sorted_by:
                row["interval"] = format_interval(found["low"], found["high"])
        if facts:
            row["real-time factor"] = _number(known.get("real_time_factor"), "{:.3f}")
        if facts and is_wide:
            row["parameters"] = _number(known.get("num_parameters"), "{:,.0f}")
            row["steps"] = _number(known.get("steps"), "{:.0f}")
            row["weights"] = str(known.get("weights", DASH))
        rows.append(row)
    return rows


def _number(value: float | None, form: str) -> str:
    return DASH if value is None or math.isnan(value) else form.format(value)


def methods_in_order(table: pd.DataFrame, sorted_by: str) -> list[str]:
    """Methods of one stem, the highest figure first; those without a figure last, by name."""
    figures = table[table["metric"] == sorted_by].set_index("arm")["value"].to_dict()
    names = sorted(str(name) for name in table["arm"].unique())
    has_figure = {name: not math.isnan(figures.get(name, math.nan)) for name in names}
    return sorted(names, key=lambda name: -figures[name] if has_figure[name] else math.inf)


def leaderboard_figure(
    table: pd.DataFrame, facts: Mapping[str, Mapping[str, Any]], *, sorted_by: str = "SDR", title: str = ""
) -> Figure:
    """The sorting metric of every method with its interval, one panel per stem, best on top.

    Args:
        table: A result table.
        facts: Method to `FACTS`; the kind gives the colour, for which there is a legend if there are facts.
        sorted_by: The metric to draw.
        title: Text above the panels.

    Raises:
        NoInputError: No method has the metric.
    """
    chosen = table[(table["metric"] == sorted_by) & table["value"].notna()]
    if chosen.empty:
        raise NoInputError("there is nothing to draw", expected=sorted_by, found="no value")
    stems = [stem for stem in (TOTAL, *dict.fromkeys(chosen["stem"])) if stem in set(chosen["stem"])]
    stems = list(dict.fromkeys(stems))
    overall = chosen[chosen["stem"] == stems[0]]
    order = methods_in_order(overall, sorted_by)[::-1]
    order = [*(name for name in methods_in_order(chosen, sorted_by) if name not in order), *order]
    named: set[str] = set()
    figure, axes = panels(1, len(stems), size=(2.6, 0.6 + 0.22 * len(order)), shares_y=True)
    for panel, stem in zip(axes[0], stems, strict=True):
        for place, name in enumerate(order):
            row = chosen[(chosen["stem"] == stem) & (chosen["arm"] == name)]
            if len(row):
                value, low, high = (float(row[column].iloc[0]) for column in ("value", "low", "high"))
                kind = str(facts.get(name, {}).get("kind", "method"))
                label = None if kind in named or not facts else kind
                named.add(kind)
                colour = _KIND_COLOURS.get(kind, COLOURS[0])
                panel.barh(place, value, color=colour, height=0.7, label=label)
                if not math.isnan(low):
                    panel.plot([low, high], [place, place], color="black", linewidth=1.0)
        panel.axvline(0.0, color="#888888", linewidth=0.8)
        panel.set_title(stem)
        panel.set_xlabel(f"{sorted_by} (dB)")
    axes[0][0].set_yticks(range(len(order)), order)
    finished(figure, axes[0][0], title)
    return figure
