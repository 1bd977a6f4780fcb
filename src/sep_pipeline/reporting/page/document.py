"""The page as HTML: everything it shows is inside it, and nothing in it comes from elsewhere."""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sep_pipeline.errors import ConfigurationError
from sep_pipeline.reporting.grids import number
from sep_pipeline.reporting.page.charts import HEIGHT, WIDTH, Chart
from sep_pipeline.reporting.page.listening import MIXTURE, REFERENCE, HeardSong, Listening
from sep_pipeline.reporting.rendering import format_decibels

if TYPE_CHECKING:
    import pandas as pd
    from jinja2 import Environment

TEMPLATES = Path(__file__).parent


@dataclass(frozen=True, kw_only=True)
class Table:
    """One table of a study.

    Attributes:
        name: `table_1` and so on.
        markdown: As it is read; empty for one that only a file holds.
        frame: As its CSV file holds it.
    """

    name: str
    markdown: str
    frame: pd.DataFrame

    @property
    def heading(self) -> str:
        """The first line of its Markdown."""
        return self.markdown.partition("\n")[0].lstrip("# ")


@dataclass(frozen=True)
class Figure:
    """One picture.

    Attributes:
        name: What it shows, in words.
        png: The picture.
    """

    name: str
    png: bytes


@dataclass(frozen=True, kw_only=True)
class Page:
    """What a page shows.

    Attributes:
        title: Heading.
        facts: What was run: name and text.
        tables: The study's tables in their order.
        charts: Curves of the training; none where nothing was trained.
        figures: The study's figures.
        listening: Songs.
    """

    title: str
    facts: Sequence[tuple[str, str]]
    tables: Sequence[Table]
    charts: Sequence[Chart]
    figures: Sequence[Figure]
    listening: Listening


def render_page(page: Page, *, max_megabytes: float) -> str:
    """The page; equal content gives equal text.

    Args:
        page: What it shows.
        max_megabytes: Largest size in millions of bytes.

    Raises:
        ConfigurationError: It is larger.
    """
    text = _environment().get_template("page.html").render(page=page, width=WIDTH, height=HEIGHT)
    megabytes = len(text.encode()) / 1e6
    if megabytes > max_megabytes:
        raise ConfigurationError(
            "the page is too large, even with short excerpts",
            parameter="report.page.max_megabytes",
            expected=f"at most {max_megabytes:g} MB, or fewer arms by report.page.max_arms",
            found=f"{megabytes:.1f} MB",
        )
    return text


def cell_text(value: Any) -> str:
    """A value of a CSV file as the page shows it: four digits of a figure, a dash for a missing one."""
    if isinstance(value, float):
        return number(value, ".4g")
    return number(None) if value is None else str(value)


def markdown_html(text: str) -> Any:
    """Markdown as HTML; tables scroll by themselves where the page is narrow, and HTML in the text stays text."""
    from markdown_it import MarkdownIt
    from markupsafe import Markup

    converter = MarkdownIt("commonmark", {"html": False}).enable("table")
    html = converter.render(text)
    html = html.replace("<table>", '<div class="wide" tabindex="0"><table>')
    return Markup(html.replace("</table>", "</table></div>"))


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "markdown": markdown_html,
        "data": _data_address,
        "cell": cell_text,
        "decibels": lambda score: (
            "" if score is None or math.isnan(score) else f"{format_decibels(score)} dB"
        ),
        "rows": _rows,
        "places": _places,
        "clock": lambda seconds: f"{seconds // 60:.0f}:{seconds % 60:04.1f}",
    }
    environment.globals |= {"MIXTURE": MIXTURE, "REFERENCE": REFERENCE}
    return environment


def _data_address(content: bytes, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def _rows(song: HeardSong) -> list[tuple[str, list[Any]]]:
    """The clips of a song by row, in order."""
    rows: dict[str, list[Any]] = {}
    for clip in song.clips:
        rows.setdefault(clip.row, []).append(clip)
    return list(rows.items())


def _places(song: HeardSong, arms: Sequence[str]) -> list[tuple[str, str]]:
    """What a song is, and of which arms."""
    places: dict[str, list[str]] = {}
    for choice in song.choices:
        places.setdefault(choice.place, []).append(choice.arm)
    return [
        (place, "every arm" if len(found) == len(arms) > 1 else ", ".join(found))
        for place, found in places.items()
    ]
