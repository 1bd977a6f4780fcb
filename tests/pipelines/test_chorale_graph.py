"""Chorales in the graph: a node of their own that rendering waits for, and what the nodes do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from kedro.io import DataCatalog

from sep_pipeline.configuration.data import RenderingParameters
from sep_pipeline.configuration.execution import ProcessParameters
from sep_pipeline.data import chorales as chorales_module
from sep_pipeline.data.chorales import PLAYERS, ChoraleConfig
from sep_pipeline.datasets import FolderDataset
from sep_pipeline.pipelines.data.nodes import render_chorales, write_chorale_midi

PROCESSES = ProcessParameters(num_processes=1)


def ask_for_chorales(tree: dict[str, Any]) -> None:
    tree["jukebox_transfer"]["defaults"]["data"]["rendering"]["chorales"] = {"ensemble": "choir"}


def test_rendering_waits_for_the_chorales(make_pipelines: Any) -> None:
    pipeline = make_pipelines("base", ask_for_chorales)["render"]
    assert [node.name for node in pipeline.nodes] == [
        "render.write_chorales_chorales_choir",
        "render.render_chorales_choir",
    ]
    assert pipeline.nodes[0].outputs == ["chorales_choir.chorales"]
    assert "chorales_choir.chorales" in pipeline.nodes[1].inputs


def test_without_chorales_nothing_is_written_before_rendering(make_pipelines: Any) -> None:
    assert [node.name for node in make_pipelines("base")["render"].nodes] == ["render.render_rendered"]


def test_chorales_have_a_folder_of_their_own(catalog_entries: Any) -> None:
    dataset: Any = DataCatalog.from_config(catalog_entries("test")).get("winds.chorales")
    assert isinstance(dataset, FolderDataset)
    assert dataset.path.as_posix() == "data/test/02_intermediate/winds_midi"


@pytest.fixture
def chorales(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three chorales, one of each part, written by the node."""
    names = {"bwv253", "bwv254", "bwv255"}
    scores = tuple(score for score in chorales_module.chorale_scores() if score.stem in names)
    monkeypatch.setattr(chorales_module, "chorale_scores", lambda: scores)
    folder = tmp_path / "chorales"
    write_chorale_midi(ChoraleConfig(ensemble="choir"), PROCESSES)(folder)
    return folder


def rendering(**values: Any) -> RenderingParameters:
    synthesis = {"engine": "sine", "sample_rate": 8000, "max_seconds": 1.0, "tail_seconds": 0.25}
    return RenderingParameters.model_validate({"chorales": {}, "synthesis": synthesis, **values})


def test_every_part_is_rendered_with_four_named_stems(chorales: Path, tmp_path: Path) -> None:
    render_chorales(chorales, rendering(), PROCESSES)(tmp_path / "out")
    tracks = sorted(path.parent for path in (tmp_path / "out").rglob("metadata.yaml"))
    assert sorted(track.parent.name for track in tracks) == ["test", "train", "validation"]
    for track in tracks:
        stems = yaml.safe_load((track / "metadata.yaml").read_text(encoding="utf-8"))["stems"]
        assert [stem["name"] for stem in stems.values()] == list(PLAYERS["choir"])
        assert len(list((track / "stems").glob("*.flac"))) == 4


def test_parts_choose_among_the_chorales(chorales: Path, tmp_path: Path) -> None:
    render_chorales(chorales, rendering(parts=["test"]), PROCESSES)(tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["test"]
