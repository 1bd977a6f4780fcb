"""The pictures of the pipelines' pages show the pipelines as they are."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

COMMANDS = ("export", "stream")
PICTURES = "docs/pictures/pipelines"


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("drawn")
    project = Path(__file__).parents[2]
    subprocess.run([sys.executable, "tools/draw_pipelines.py", str(folder)], cwd=project, check=True)
    return folder


def test_pictures_are_those_of_the_pipelines(drawn: Path, project_path: Path) -> None:
    ours = {path.name: path.read_text() for path in (project_path / PICTURES).glob("*.svg")}
    outdated = {path.name for path in drawn.glob("*.svg") if ours.pop(path.name, "") != path.read_text()}
    assert outdated == set(), "python tools/draw_pipelines.py draws them again"
    assert ours == {}


def test_steps_stand_below_what_they_need(drawn: Path) -> None:
    text = (drawn / "jukebox_transfer.svg").read_text()
    order = [
        "render songs",
        "ingest rendered songs",
        "train phase one × 16",
        "assemble separator × 4",
        "write tables",
    ]
    places = [text.index(f">{step}</text>") for step in order]
    assert places == sorted(places)


def test_every_page_of_a_pipeline_shows_a_picture(project_path: Path) -> None:
    pages = [path for path in (project_path / "docs" / "pipelines").glob("*.md") if path.stem not in COMMANDS]
    assert pages
    assert {path.name for path in pages if "](../pictures/" not in path.read_text()} == set()
