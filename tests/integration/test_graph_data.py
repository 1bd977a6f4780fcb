"""What Kedro-Viz is given of a finished study: layers, namespaces, code, statistics, previews."""

from __future__ import annotations

import base64
import json
import logging
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import fsspec
import pandas as pd
import pytest
from kedro.framework.startup import bootstrap_project

LAYERS = ["intermediate", "primary", "model_input", "models", "model_output", "reporting"]
STUDIES = ["jukebox_transfer", "chimera_transfer", "contrastive_demix", "open_unmix", "midi_waveform"]
OF_KEDRO = "dataset names contain '.' characters"


@dataclass
class Drawn:
    """The answers that the page of Kedro-Viz asks for, and what was complained about while they were made."""

    pipelines: dict[str, dict[str, Any]]
    nodes: dict[str, dict[str, Any]]
    complaints: list[str] = field(default_factory=list)

    def shown(self, name: str) -> dict[str, Any]:
        """What a click on a node of study 1 shows."""
        nodes = self.pipelines["jukebox_transfer"]["nodes"]
        (number,) = (
            node["id"] for node in nodes if node["full_name" if node["type"] == "task" else "name"] == name
        )
        return self.nodes[number]


class Listener(logging.Handler):
    """Keeps what is logged as a warning or worse."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())


def answers(folder: Path) -> dict[str, dict[str, Any]]:
    return {path.name: json.loads(path.read_text(encoding="utf-8")) for path in folder.iterdir()}


@pytest.fixture(scope="module")
def drawn(study: Any, tmp_path_factory: pytest.TempPathFactory) -> Drawn:
    """All pipelines of the project in which study 1 has run, as `kedro viz build` saves them."""
    from kedro_viz.api.rest.responses.save_responses import save_api_responses_to_fs
    from kedro_viz.server import load_and_populate_data

    folder, listener = tmp_path_factory.mktemp("graph"), Listener()
    bootstrap_project(study.path)
    logging.getLogger().addHandler(listener)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always", UserWarning)
        load_and_populate_data(study.path, env=study.env, include_hooks=True)
        save_api_responses_to_fs(str(folder), fsspec.filesystem("file"), is_all_previews_enabled=True)
    logging.getLogger().removeHandler(listener)
    spoken = [str(item.message) for item in warned if issubclass(item.category, UserWarning)]
    return Drawn(
        answers(folder / "api" / "pipelines"),
        answers(folder / "api" / "nodes"),
        [*listener.messages, *(text for text in spoken if OF_KEDRO not in text)],
    )


def test_nothing_is_complained_about(drawn: Drawn) -> None:
    assert drawn.complaints == []


def test_every_dataset_of_every_pipeline_has_a_layer(drawn: Drawn) -> None:
    without = {
        node["name"]
        for pipeline in drawn.pipelines.values()
        for node in pipeline["nodes"]
        if node["type"] == "data" and node["layer"] not in LAYERS
    }
    assert without == set()


# Study 5 renders what it trains on beside the store of its test songs, so that no layer of the two is first.
@pytest.mark.parametrize("name", [name for name in STUDIES if name != "midi_waveform"])
def test_layers_run_from_songs_to_reports(drawn: Drawn, name: str) -> None:
    pipeline = drawn.pipelines[name]
    used = {node.get("layer") for node in pipeline["nodes"]}
    found = [layer for layer in pipeline["layers"] if layer in used]
    assert found == [layer for layer in LAYERS if layer in used]


@pytest.mark.parametrize("name", STUDIES)
def test_a_cell_lies_inside_its_stem_and_its_arm(drawn: Drawn, name: str) -> None:
    boxes = drawn.pipelines[name]["modular_pipelines"]
    cells = [box for box in boxes if ".seed_" in box]
    assert cells
    for cell in cells:
        arm, stem, _ = cell.split(".")
        assert arm in {child["id"] for child in boxes["__root__"]["children"]}
        assert f"{arm}.{stem}" in {child["id"] for child in boxes[arm]["children"]}
        assert cell in {child["id"] for child in boxes[f"{arm}.{stem}"]["children"]}


def test_every_node_shows_its_code_with_its_docstring(drawn: Drawn) -> None:
    tasks = {
        node["id"]: node["name"]
        for pipeline in drawn.pipelines.values()
        for node in pipeline["nodes"]
        if node["type"] == "task"
    }
    assert [name for key, name in tasks.items() if '"""' not in (drawn.nodes[key]["code"] or "")] == []


def test_a_table_is_shown_as_a_table_and_as_it_is_read(drawn: Drawn, study: Any) -> None:
    table = pd.read_csv(study.reports / "table_2.csv")
    shown = drawn.shown("jukebox_transfer.table_2")
    assert shown["preview_type"] == "TablePreview"
    assert shown["preview"]["columns"] == list(table.columns)
    assert [row[0] for row in shown["preview"]["data"]] == table["arm"].tolist()
    read = drawn.shown("jukebox_transfer.table_2_markdown")
    assert read["preview_type"] == "HTMLPreview"
    assert "<table>" in read["preview"]


def test_a_figure_is_shown_as_it_is(drawn: Drawn, study: Any) -> None:
    shown = drawn.shown("jukebox_transfer.figure_training_curves")
    assert shown["preview_type"] == "ImagePreview"
    picture = base64.b64decode(shown["preview"])
    assert picture == (study.reports / "figure_training_curves.png").read_bytes()


def test_folders_and_weights_are_shown(drawn: Drawn) -> None:
    estimates = drawn.shown("jukebox_transfer.scratch.seed_0.estimates")
    assert [row[:2] for row in estimates["preview"]["data"]] == [["test/", 2]]
    weights = drawn.shown("jukebox_transfer.scratch.drums.seed_0.phase_two_weights")
    assert json.loads(weights["preview"])["shapes"]


def test_statistics_are_those_of_the_run(drawn: Drawn, study: Any) -> None:
    file = study.reports / "scores.parquet"
    rows, columns = pd.read_parquet(file).shape
    expected = {"rows": rows, "columns": columns, "file_size": file.stat().st_size}
    assert drawn.shown("jukebox_transfer.scores")["stats"] == expected


def test_what_has_not_run_is_drawn_without_previews(drawn: Drawn) -> None:
    nodes = drawn.pipelines["open_unmix"]["nodes"]
    (table,) = (node["id"] for node in nodes if node["name"] == "open_unmix.table_1")
    assert drawn.nodes[table]["preview"] is None
    assert drawn.nodes[table]["stats"] is None
