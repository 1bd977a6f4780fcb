"""Parameters of `report`: which studies have pages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sep_pipeline.configuration.project import parse_parameters
from sep_pipeline.configuration.report import PageParameters
from sep_pipeline.errors import ConfigurationError

STUDIES = ("jukebox_transfer", "chimera_transfer", "contrastive_demix", "open_unmix", "leaderboard")


@pytest.fixture
def report(load_parameters: Any, tmp_path: Path) -> Any:
    """The parsed block of the demo, in a project without results."""
    return lambda **given: parse_parameters(load_parameters("base", **given), tmp_path).report


def finish(project: Path, study: str) -> None:
    folder = project / "data" / "08_reporting" / study
    folder.mkdir(parents=True)
    (folder / "table_1.csv").touch()


def test_defaults(report: Any, tmp_path: Path) -> None:
    assert report().page == PageParameters(max_arms=4, excerpt_seconds=10.0, max_megabytes=12.0)
    assert report().results == tmp_path / "data/08_reporting"


def test_every_study_has_a_title(report: Any) -> None:
    assert set(STUDIES) <= set(report().titles)


def test_by_itself_it_takes_what_has_results(report: Any, tmp_path: Path) -> None:
    assert report().study == ()
    for name in ("leaderboard", "open_unmix", "score_mine"):
        finish(tmp_path, name)
    (tmp_path / "data" / "08_reporting" / "chimera_transfer").mkdir()
    assert report().study == ("open_unmix", "leaderboard")


@pytest.mark.parametrize("names", [("open_unmix",), ("open_unmix", "leaderboard")])
def test_studies_come_from_the_command_line(report: Any, names: tuple[str, ...]) -> None:
    assert report(study="+".join(names)).study == names


def test_an_unknown_study_is_refused(report: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"report.study.open_unmx.*open_unmix"):
        report(study="open_unmx")


@pytest.mark.parametrize(
    ("name", "value"), [("max_arms", 0), ("max_arms", 9), ("excerpt_seconds", 0), ("max_megabytes", -1)]
)
def test_a_page_has_room_for_something(load_parameters: Any, name: str, value: float) -> None:
    tree = load_parameters("base")
    tree["report"]["page"][name] = value
    with pytest.raises(ConfigurationError, match=rf"report\.page\.{name}"):
        parse_parameters(tree, Path("/project"))


def test_a_study_whose_data_set_is_not_named_is_passed_over(load_parameters: Any, tmp_path: Path) -> None:
    tree = load_parameters("paper")
    tree["report"]["results"] = str(tmp_path)
    for name in ("jukebox_transfer", "leaderboard"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "table_1.csv").touch()
    assert parse_parameters(tree, tmp_path).report.study == ("leaderboard",)
