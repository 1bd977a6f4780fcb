"""Tables of any rows as text, for results that are no grid of arms and stems."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sep_pipeline.errors import NoInputError
from sep_pipeline.reporting.rendering import DASH, MINUS

Row = Mapping[str, str]


@dataclass(frozen=True)
class TextTable:
    """A table that is written in both forms.

    Attributes:
        rows: Column head to cell; all rows have the same heads.
        title: Heading.
        note: What the figures are, in sentences.
    """

    rows: Sequence[Row]
    title: str
    note: str

    def markdown(self) -> str:
        """For files and pages; see `grid_markdown`."""
        return grid_markdown(self.rows, title=self.title, note=self.note)

    def plain(self) -> str:
        """For a terminal; see `grid_plain`."""
        return grid_plain(self.rows, title=self.title, note=self.note)


def grid_markdown(rows: Sequence[Row], *, title: str, note: str = "") -> str:
    """Rows as Markdown.

    Args:
        rows: Column head to cell; all rows have the same heads.
        title: Heading.
        note: What the figures are, in sentences.

    Raises:
        NoInputError: There are no rows.
    """
    return _joined([f"### {title}", note, _table(rows, "pipe")])


def grid_plain(rows: Sequence[Row], *, title: str, note: str = "") -> str:
    """Rows for a terminal; arguments as in `grid_markdown`."""
    return _joined([f"{title}\n{note}".rstrip(), _table(rows, "simple")])


def number(value: float | None, form: str = ".3g") -> str:
    """A figure with a true minus sign; a dash for a missing one."""
    if value is None or math.isnan(value):
        return DASH
    return format(value, form).replace("-", MINUS)


def duration(seconds: float | None) -> str:
    """Minutes and seconds, as in "7:50", with hours from an hour on; a dash for a missing time."""
    if seconds is None or math.isnan(seconds):
        return DASH
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def _table(rows: Sequence[Row], form: str) -> str:
    from tabulate import tabulate

    if not rows:
        raise NoInputError("there is nothing to show", expected="at least one row")
    aligned = ["left", *["right"] * (len(rows[0]) - 1)]
    return tabulate(rows, "keys", form, disable_numparse=True, colalign=aligned)


def _joined(parts: Sequence[str]) -> str:
    return "\n\n".join(part for part in parts if part) + "\n"
