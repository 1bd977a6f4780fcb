"""The study's figures 1 to 3: what pre-training gains, what augmentation adds, and how soon."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from sep_pipeline.pipelines.chimera_transfer.claims import NOT_RUN
from sep_pipeline.pipelines.chimera_transfer.statistics import HIGHER, LOWER
from sep_pipeline.pipelines.chimera_transfer.tables import (
    AGAINST_NO_CONDITION,
    AGAINST_SCRATCH,
    NO_CONDITION,
    SCRATCH,
    WHOLE,
    mean_curve,
)
from sep_pipeline.pipelines.chimera_transfer.texts import label
from sep_pipeline.reporting.figures import COLOURS, finished, panels
from sep_pipeline.reporting.rendering import format_decibels

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MARKS_BY_EXCERPTS = {HIGHER: "*", LOWER: "\N{MINUS SIGN}"}
MARK_BY_SONGS = "\N{DAGGER}"

_GREY = "#999999"
_MARKERS = "os^Dv"


def gain_figure(models: pd.DataFrame, comparisons: pd.DataFrame, *, title: str = "") -> Figure:
    """Figure 1: SI-SDR of whole-models without augmentation beside that of models from scratch.

    A group of bars per downstream set, a bar per pre-training set, with 95 % intervals over songs and seeds. Above a
    bar: "*" if it is higher than scratch by the paper's rule ("−": lower), "†" if the interval of the difference over
    songs and seeds lies on one side of zero, from six songs and two seeds on.

    Args:
        models: Table 1.
        comparisons: Table 3.
        title: Text above the panel.

    Returns:
        The figure; it says "not run" if there is no such model.
    """
    is_plain = (models["variant"] == WHOLE) & (models["condition"] == NO_CONDITION)
    shown = models[is_plain | (models["variant"] == SCRATCH)]
    bars = {(row["downstream"], row["pretraining"]): row for row in shown.to_dict("records")}
    downstream = list(dict.fromkeys(place for place, _ in bars))
    pretraining = sorted(dict.fromkeys(name for _, name in bars), key=lambda name: name != "")
    figure, axes = panels(1, 1, size=(5.6, 3.2))
    panel = axes[0][0]
    width, marks = 0.8 / max(1, len(pretraining)), _marks(comparisons)
    for index, name in enumerate(pretraining):
        offset = (index - (len(pretraining) - 1) / 2) * width
        found = [
            (at + offset, bars[place, name]) for at, place in enumerate(downstream) if (place, name) in bars
        ]
        _draw_bars(panel, found, width, label(name) if name else SCRATCH, _colour(name, pretraining))
        for at, row in found:
            _write_mark(panel, at, row, marks.get((row["downstream"], name), ""))
    panel.set_xticks(range(len(downstream)), [label(place) for place in downstream])
    panel.grid(visible=False, axis="x")
    panel.axhline(0.0, color="#444444", linewidth=0.8)
    panel.margins(y=0.12)
    _finish(figure, panel, "SI-SDR (dB)", title, is_empty=not bars, has_legend=True)
    return figure


def condition_figure(comparisons: pd.DataFrame, *, title: str = "") -> Figure:
    """Figure 2: what every condition of pre-training adds to none, of whole-models.

    A column per condition; a point per pre-training set (colour) and downstream set (marker) with its 95 % interval
    over songs and seeds; a line at their median.

    Args:
        comparisons: Table 3.
        title: Text above the panel.

    Returns:
        The figure; it says "not run" if no condition was.
    """
    shown = comparisons[(comparisons["kind"] == AGAINST_NO_CONDITION) & (comparisons["variant"] == WHOLE)]
    conditions, pretraining, downstream = (
        list(shown[name].unique()) for name in ("condition", "pretraining", "downstream")
    )
    cells = list(product(pretraining, downstream))
    figure, axes = panels(1, 1, size=(5.6, 3.2))
    panel = axes[0][0]
    for index, (name, place) in enumerate(cells):
        rows = shown[(shown["pretraining"] == name) & (shown["downstream"] == place)]
        if rows.empty:
            continue
        at = np.array([conditions.index(condition) for condition in rows["condition"]], dtype=np.float64)
        _draw_points(
            panel,
            at + 0.6 * ((index + 0.5) / len(cells) - 0.5),
            rows,
            color=COLOURS[pretraining.index(name) % len(COLOURS)],
            marker=_MARKERS[downstream.index(place) % len(_MARKERS)],
        )
    for column, condition in enumerate(conditions):
        median = float(shown.loc[shown["condition"] == condition, "difference"].median())
        panel.plot([column - 0.38, column + 0.38], [median, median], color="#000000", linewidth=1.2)
        panel.annotate(
            format_decibels(median, has_sign=True), (column + 0.39, median), va="center", fontsize=8
        )
    panel.set_xticks(range(len(conditions)), [label(condition) for condition in conditions])
    panel.grid(visible=False, axis="x")
    panel.axhline(0.0, color="#444444", linewidth=0.8, linestyle=":")
    _finish(figure, panel, "SI-SDR gained over no augmentation (dB)", title, is_empty=shown.empty)
    if cells:
        _explain_points(figure, pretraining, downstream)
    return figure


def curve_figure(curves: pd.DataFrame, facts: pd.DataFrame, level_db: float, *, title: str = "") -> Figure:
    """Figure 3: test SI-SDR against iterations of the downstream run, and the level that is asked for.

    A panel per downstream set, a line per arm (mean over seeds, a band from the lowest seed to the highest); the arm
    from scratch is grey and dashed.

    Args:
        curves: Columns arm, seed, downstream, step and value (dB).
        facts: A frame of facts.
        level_db: The level.
        title: Text above the panels.

    Returns:
        The figure; it says "not run" if there is no curve.
    """
    shown = [arm for arm in facts.to_dict("records") if arm["arm"] in set(curves["arm"])]
    downstream = list(dict.fromkeys(arm["downstream"] for arm in shown))
    figure, axes = panels(1, max(1, len(downstream)), size=(5.2, 3.2), shares_y=True)
    for panel, place in zip(axes[0], downstream, strict=False):
        arms = [arm for arm in shown if arm["downstream"] == place]
        fine_tuned = [arm["arm"] for arm in arms if arm["variant"] != SCRATCH]
        for arm in arms:
            _draw_curve(panel, curves[curves["arm"] == arm["arm"]], arm, fine_tuned)
        panel.set_title(label(place), fontsize=10)
        panel.axhline(level_db, color="#000000", linewidth=0.8, linestyle=":", label=f"{level_db:g} dB")
        panel.legend(fontsize=7)
    for panel in axes[0]:
        panel.set_xlabel("iterations of the downstream run")
    _finish(figure, axes[0][0], "test SI-SDR (dB)", title, is_empty=not shown)
    return figure


def _marks(comparisons: pd.DataFrame) -> dict[tuple[str, str], str]:
    """Downstream and pre-training set to the marks of their comparison with scratch."""
    chosen = comparisons[
        (comparisons["kind"] == AGAINST_SCRATCH) & (comparisons["condition"] == NO_CONDITION)
    ]
    return {
        (row["downstream"], row["pretraining"]): MARKS_BY_EXCERPTS.get(row["by_excerpts"], "")
        + (MARK_BY_SONGS if row["by_songs"] in MARKS_BY_EXCERPTS else "")
        for row in chosen.to_dict("records")
    }


def _draw_bars(
    panel: Axes, found: Sequence[tuple[float, Mapping[Any, Any]]], width: float, name: str, colour: str
) -> None:
    values = np.array([row["si_sdr"] for _, row in found])
    ends = np.array(
        [[value - row["low"], row["high"] - value] for value, (_, row) in zip(values, found, strict=True)]
    )
    panel.bar(
        [at for at, _ in found],
        values,
        0.92 * width,
        yerr=np.maximum(ends, 0.0).T,
        color=colour,
        error_kw={"elinewidth": 1.0, "ecolor": "#444444", "capsize": 2.0},
        label=name,
    )


def _write_mark(panel: Axes, at: float, row: Mapping[Any, Any], mark: str) -> None:
    """Above the bar and its interval, or above zero where both lie below."""
    tops = [row["si_sdr"], row["high"], 0.0]
    panel.annotate(
        mark,
        (at, float(np.nanmax(tops))),
        xytext=(0, 2),
        textcoords="offset points",
        ha="center",
        va="bottom",
        fontsize=10,
    )


def _draw_points(panel: Axes, at: np.ndarray[Any, Any], rows: pd.DataFrame, **style: Any) -> None:
    low, high = rows["low"].to_numpy(), rows["high"].to_numpy()
    panel.vlines(at, low, high, color=style["color"], linewidth=0.8, alpha=0.5)
    panel.plot(at, rows["difference"].to_numpy(), linestyle="none", markersize=5.0, **style)


def _explain_points(figure: Figure, pretraining: Sequence[str], downstream: Sequence[str]) -> None:
    """Colours and markers below the panel, a row each."""
    from matplotlib.lines import Line2D

    num_columns = max(len(pretraining), len(downstream))
    style: dict[str, Any] = {"linestyle": "none", "markersize": 5.0}
    rows = [
        [
            Line2D(
                [], [], color=COLOURS[index % len(COLOURS)], marker="s", label=f"from {label(name)}", **style
            )
            for index, name in enumerate(pretraining)
        ],
        [
            Line2D(
                [],
                [],
                color=_GREY,
                marker=_MARKERS[index % len(_MARKERS)],
                label=f"to {label(name)}",
                **style,
            )
            for index, name in enumerate(downstream)
        ],
    ]
    empty = Line2D([], [], linestyle="none", label=" ")
    padded = [row + [empty] * (num_columns - len(row)) for row in rows]
    # A legend fills its columns from above.
    handles = [row[column] for column in range(num_columns) for row in padded]
    figure.legend(handles=handles, loc="outside lower center", ncols=num_columns, frameon=False)


def _draw_curve(panel: Axes, curve: pd.DataFrame, arm: Mapping[Any, Any], fine_tuned: Sequence[str]) -> None:
    is_scratch = arm["variant"] == SCRATCH
    colour = _GREY if is_scratch else COLOURS[fine_tuned.index(arm["arm"]) % len(COLOURS)]
    means = mean_curve(curve)
    seeds = curve.groupby("step")["value"].agg(["min", "max"]).loc[means.index]
    name = (
        SCRATCH if is_scratch else f"{label(arm['pretraining'])}, {label(arm['condition'])}, {arm['variant']}"
    )
    panel.plot(
        means.index,
        means.to_numpy(),
        color=colour,
        linewidth=1.4,
        linestyle="--" if is_scratch else "-",
        label=name,
    )
    panel.fill_between(means.index, seeds["min"], seeds["max"], color=colour, alpha=0.2, linewidth=0)


def _colour(name: str, pretraining: Sequence[str]) -> str:
    named = [other for other in pretraining if other]
    return COLOURS[named.index(name) % len(COLOURS)] if name else _GREY


def _finish(
    figure: Figure, panel: Axes, y_label: str, title: str, *, is_empty: bool, has_legend: bool = False
) -> None:
    panel.set_ylabel(y_label)
    if is_empty:
        panel.text(0.5, 0.5, NOT_RUN, ha="center", va="center", transform=panel.transAxes)
    if has_legend and not is_empty:
        finished(figure, panel, title)
    elif title:
        figure.suptitle(title, fontsize=11)
