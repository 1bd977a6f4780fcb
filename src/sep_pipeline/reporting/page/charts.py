"""Training curves as the points and ticks of small charts, which the page draws in its own colours."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from sep_pipeline.reporting.figures import short_steps

if TYPE_CHECKING:
    import pandas as pd

TRAINING, VALIDATION = "loss", "evaluation/loss"
WIDTH, HEIGHT = 300, 170
_LEFT, _RIGHT, _TOP, _BOTTOM = 40, 8, 8, 22
_MOST_POINTS = 200
_RANGE_FOR_LOG_SCALE = 20.0


@dataclass(frozen=True, kw_only=True)
class Line:
    """One curve.

    Attributes:
        arm: Whose.
        colour: Number of its colour; None for one that stays in the background.
        is_validation: Whether it is the loss of validation.
        points: `x,y` pairs as SVG has them.
    """

    arm: str
    colour: int | None
    is_validation: bool
    points: str


@dataclass(frozen=True, kw_only=True)
class Panel:
    """The curves of one stem.

    Attributes:
        title: The stem.
        x_ticks: Place and label of each.
        y_ticks: Likewise.
        lines: Curves; those in the background first.
    """

    title: str
    x_ticks: tuple[tuple[float, str], ...]
    y_ticks: tuple[tuple[float, str], ...]
    lines: tuple[Line, ...]


@dataclass(frozen=True, kw_only=True)
class Chart:
    """The panels of one phase of training.

    Attributes:
        title: The phase.
        legend: Arm and number of its colour.
        num_others: Arms that are drawn in the background.
        panels: One per stem, each with its own scale.
    """

    title: str
    legend: tuple[tuple[str, int], ...]
    num_others: int
    panels: tuple[Panel, ...]


def loss_charts(curves: pd.DataFrame, heard: Sequence[str], *, max_arms: int) -> tuple[Chart, ...]:
    """Loss of training and validation against updates, mean over seeds, a chart per phase.

    Args:
        curves: Columns step, name, value, arm, stem and phase.
        heard: Arms that have their colours elsewhere on the page, in that order.
        max_arms: So many arms of each phase have a colour.
    """
    chosen = curves[curves["name"].isin([TRAINING, VALIDATION]) & np.isfinite(curves["value"])]
    return tuple(
        _chart(str(phase), rows, heard, max_arms) for phase, rows in chosen.groupby("phase", sort=False)
    )


def _chart(phase: str, rows: pd.DataFrame, heard: Sequence[str], max_arms: int) -> Chart:
    arms = [str(arm) for arm in rows["arm"].unique()]
    # An arm keeps its colour in all charts; those of a phase of their own share the numbers.
    if set(heard) & set(arms):
        colours = {arm: index for index, arm in enumerate(heard) if arm in arms}
    else:
        colours = {arm: index for index, arm in enumerate(arms[:max_arms])}
    panels = tuple(_panel(str(stem), own, colours) for stem, own in rows.groupby("stem", sort=False))
    return Chart(
        title=phase.replace("_", " "),
        legend=tuple(colours.items()),
        num_others=len(set(arms) - set(colours)),
        panels=panels,
    )


def _panel(stem: str, rows: pd.DataFrame, colours: dict[str, int]) -> Panel:
    means = rows.groupby(["arm", "name", "step"], sort=False)["value"].mean().reset_index()
    x = _Axis.of(means["step"].to_numpy(dtype=float), first=_LEFT, last=WIDTH - _RIGHT, is_count=True)
    y = _Axis.of(means["value"].to_numpy(), first=HEIGHT - _BOTTOM, last=_TOP, is_count=False)
    lines = [
        Line(
            arm=str(arm),
            colour=colours.get(str(arm)),
            is_validation=name == VALIDATION,
            points=_points(own.sort_values("step"), x, y),
        )
        for (arm, name), own in means.groupby(["arm", "name"], sort=False)
    ]
    lines.sort(key=lambda line: line.colour is not None)
    return Panel(title=stem, x_ticks=x.ticks(), y_ticks=y.ticks(), lines=tuple(lines))


def _points(curve: pd.DataFrame, x: _Axis, y: _Axis) -> str:
    kept = np.unique(np.linspace(0, len(curve) - 1, min(len(curve), _MOST_POINTS)).round().astype(int))
    across = x.place(curve["step"].to_numpy(dtype=float)[kept])
    down = y.place(curve["value"].to_numpy()[kept])
    points = [f"{right:.1f},{below:.1f}" for right, below in zip(across, down, strict=True)]
    # A line from a point to itself is a dot.
    return " ".join(points if len(points) > 1 else points * 2)


@dataclass(frozen=True)
class _Axis:
    """Values from `low` to `high` on the way from `first` to `last`; counts have ticks at whole numbers."""

    low: float
    high: float
    first: float
    last: float
    is_count: bool
    is_log: bool

    @classmethod
    def of(cls, values: npt.NDArray[np.float64], *, first: float, last: float, is_count: bool) -> _Axis:
        low, high = float(values.min()), float(values.max())
        is_log = not is_count and low > 0 and high / low > _RANGE_FOR_LOG_SCALE
        if high == low:
            low, high = low - 0.5, high + 0.5
        return cls(low, high, first, last, is_count, is_log)

    def place(self, values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        scale = np.log if self.is_log else np.asarray
        low, high = scale(self.low), scale(self.high)
        share: npt.NDArray[np.float64] = (scale(values) - low) / (high - low)
        return self.first + share * (self.last - self.first)

    def ticks(self) -> tuple[tuple[float, str], ...]:
        inside = [value for value in self._round_values() if self.low <= value <= self.high]
        places = self.place(np.array(inside, dtype=float))
        return tuple(
            (round(float(at), 1), short_steps(value)) for at, value in zip(places, inside, strict=True)
        )

    def _round_values(self) -> list[float]:
        from matplotlib.ticker import MaxNLocator

        if not self.is_log:
            locator = MaxNLocator(4, integer=self.is_count)
            return [round(float(value), 9) for value in locator.tick_values(self.low, self.high)]
        decades = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        factors = (1, 2, 5) if len(decades) < 4 else (1,)
        return [factor * 10.0**decade for decade in decades for factor in factors]
