"""Statistics for Kedro-Viz: those of a run join those of earlier runs, whatever Kedro-Viz writes itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline, node

from sep_pipeline.datasets import TextDataset
from sep_pipeline.hooks import StatisticsHook

EARLIER = {"open_unmix.scores": {"rows": 3, "columns": 6, "file_size": 99}}


def say() -> str:
    return "four"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / ".viz" / "stats.json"
    path.parent.mkdir()
    path.write_text(json.dumps(EARLIER))
    return path


@pytest.fixture
def run(tmp_path: Path, file: Path) -> Any:
    """A run that makes one text, during which Kedro-Viz leaves something in its file."""
    text = TextDataset(filepath=str(tmp_path / "note.txt"))
    text.save(say())
    pipeline, catalog = Pipeline([node(say, None, "note")]), DataCatalog({"note": text})

    def go(left_by_kedro_viz: str) -> dict[str, Any]:
        hook, run_params = StatisticsHook(), {"project_path": str(tmp_path)}
        hook.before_pipeline_run(run_params)
        file.write_text(left_by_kedro_viz)
        hook.after_pipeline_run(run_params, pipeline, catalog)
        found: dict[str, Any] = json.loads(file.read_text())
        return found

    return go


def test_statistics_of_earlier_runs_are_kept(run: Any) -> None:
    assert run("{}") == {**EARLIER, "note": {"file_size": 4}}


def test_a_file_that_does_not_parse_says_nothing(run: Any, file: Path) -> None:
    file.write_text("{")
    assert run("{") == {"note": {"file_size": 4}}


def test_what_is_known_already_is_not_written_again(run: Any, file: Path) -> None:
    file.write_text(json.dumps(run("{}")))
    before = file.stat().st_ino
    run(file.read_text())
    assert file.stat().st_ino == before
