"""Parameters of the pages that show a study's results."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from pydantic import Field, field_validator

from sep_pipeline.configuration.strict import ProjectPath, Strict, parse, require_known

AUTO = "auto"
FIRST_TABLE = "table_1.csv"


class PageParameters(Strict):
    """What a page holds.

    Attributes:
        max_arms: Arms that are to be heard and have a colour of their own, of which there are eight.
        excerpt_seconds: Longest excerpt of a song.
        max_megabytes: Largest page, in millions of bytes.
    """

    max_arms: int = Field(default=4, ge=1, le=8)
    excerpt_seconds: float = Field(default=10.0, gt=0)
    max_megabytes: float = Field(default=12.0, gt=0)


class ReportParameters(Strict):
    """Which pages are made.

    Attributes:
        study: Studies, the leaderboard among them; also joined by `+`.
        results: Folder in which every study has the folder of its results.
        page: What a page holds.
        titles: Study to the heading of its page; a study without one is headed by its name.
    """

    study: tuple[str, ...] = (AUTO,)
    results: ProjectPath = Field(default=Path("data/08_reporting"), validate_default=True)
    page: PageParameters = PageParameters()
    titles: dict[str, str] = Field(default_factory=dict)

    @field_validator("study", mode="before")
    @classmethod
    def _from_command_line(cls, names: object) -> object:
        return tuple(names.split("+")) if isinstance(names, str) else names


def parse_report(
    block: Mapping[str, Any], known: Collection[str], complete: Collection[str], project_path: Path | None
) -> ReportParameters:
    """Check the block; `auto` becomes the names of those among `complete` whose results are on disk.

    Args:
        block: The block as read from YAML.
        known: Everything that can have a page.
        complete: The part of it whose own parameters are complete.
        project_path: What relative paths start from.

    Raises:
        ConfigurationError: Something is unknown or wrong.
    """
    report = parse(ReportParameters, block, name="report", project_path=project_path)
    if report.study == (AUTO,):
        found = tuple(name for name in complete if (report.results / name / FIRST_TABLE).is_file())
        return report.model_copy(update={"study": found})
    require_known(report.study, known, "report.study")
    return report
