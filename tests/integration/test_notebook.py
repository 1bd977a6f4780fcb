"""The notebook that ships: committed empty, and run on a finished study as a person runs it."""

from __future__ import annotations

import base64
import io
import re
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest
import soundfile
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "01_explore.ipynb"
ARMS = ["pretrained", "scratch", "no_finetune", "scratch_as_published"]


def committed() -> Any:
    return nbformat.read(NOTEBOOK, as_version=4)


@pytest.fixture(scope="module")
def outputs(study: Any, project_type: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Any]]:
    """What each cell shows, by its id; run in the folder `notebooks` of a project."""
    project = project_type(tmp_path_factory.mktemp("explored") / "project")
    project.with_data_of(study, *(path.name for path in study.data.iterdir()))
    folder = project.path / "notebooks"
    folder.mkdir()
    notebook = committed()
    (choice,) = (cell for cell in notebook.cells if cell["id"] == "choice")
    choice.source = choice.source.replace('ENV = "local"', 'ENV = "test"')
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(folder)}}).execute()
    return {cell["id"]: cell.outputs for cell in notebook.cells if cell.cell_type == "code"}


def data_of(shown: list[Any], kind: str) -> list[str]:
    return [item.data[kind] for item in shown if kind in item.get("data", {})]


def test_it_is_committed_without_outputs() -> None:
    cells = [cell for cell in committed().cells if cell.cell_type == "code"]
    assert [(cell.outputs, cell.execution_count) for cell in cells] == [([], None)] * len(cells)


def test_nothing_is_complained_about(outputs: dict[str, list[Any]]) -> None:
    told = [item.text for shown in outputs.values() for item in shown if item.get("name") == "stderr"]
    assert told == []


def test_the_tables_are_those_of_the_study(outputs: dict[str, list[Any]], study: Any) -> None:
    files = sorted(study.reports.glob("table_*.md"))
    assert data_of(outputs["tables"], "text/markdown") == [file.read_text(encoding="utf-8") for file in files]


@pytest.mark.parametrize("cell", ["curves", "arms", "song"])
def test_figures_show_something(outputs: dict[str, list[Any]], cell: str) -> None:
    from matplotlib.image import imread

    (picture,) = data_of(outputs[cell], "image/png")
    pixels = imread(io.BytesIO(base64.b64decode(picture)))
    assert min(pixels.shape[:2]) > 200
    assert pixels[..., :3].std() > 0.05


def test_a_song_is_heard_as_it_is_and_as_each_arm_gives_it(outputs: dict[str, list[Any]], study: Any) -> None:
    labels = data_of(outputs["listen"], "text/markdown")
    assert labels == ["**mixture** ", "**reference** drums", *(f"**{arm}** drums" for arm in ARMS)]
    players = [re.search(r"base64,([^\"]+)", html) for html in data_of(outputs["listen"], "text/html")]
    heard = [soundfile.read(io.BytesIO(base64.b64decode(player[1])))[0] for player in players if player]
    assert len(heard) == len(labels)
    songs = [
        soundfile.read(folder / "mixture.wav")[0]
        for folder in (study.data / "03_primary" / "rendered" / "test").iterdir()
    ]
    assert any(
        song.shape == heard[0].shape and np.allclose(song, heard[0], rtol=0, atol=1e-4) for song in songs
    )
