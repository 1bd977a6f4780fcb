"""A browser, a project copy with its graph exported, and an MLflow server over a small study."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
PROJECT = HERE.parents[1]
sys.path.insert(0, str(HERE))

NO_FAULT_OF_OURS = (
    "fonts.googleapis.com",  # the graph's page asks for a font and does without when offline
    "api/metadata",  # missing from the graph's export
    "metadata fetch error",
    "users/current",  # asked by MLflow's page, answered only by servers with accounts
    "ResizeObserver loop",  # a layout took a second pass
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder needs a browser."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker("browser")


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A headless Chromium; without one the tests fail and say what is missing."""
    from chromium import Chromium, ChromiumMissingError

    try:
        running = Chromium(tmp_path_factory.mktemp("profile"))
    except ChromiumMissingError as error:
        pytest.fail(str(error), pytrace=False)
    yield running
    running.close()


@pytest.fixture(scope="session")
def faults() -> Callable[[Any], list[str]]:
    """What the open page reported as errors, without those that this project cannot cure."""

    def find(page: Any) -> list[str]:
        return [error for error in page.errors() if not any(known in error for known in NO_FAULT_OF_OURS)]

    return find


@pytest.fixture(scope="session")
def graph_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of the exported graph of a project copy with two results, served over HTTP."""
    project = tmp_path_factory.mktemp("project")
    (project / "src").mkdir()
    for folder in ("conf", "data/01_raw"):
        shutil.copytree(PROJECT / folder, project / folder)
    for name in ("pyproject.toml", ".telemetry"):
        shutil.copy2(PROJECT / name, project)
    results = project / "data" / "08_reporting" / "jukebox_transfer"
    results.mkdir(parents=True)
    (results / "table_1.csv").write_text("arm,stem,value\npretrained,drums,1.25\nscratch,drums,\n")
    shutil.copy2(PROJECT / "docs" / "pictures" / "result.png", results / "figure_training_curves.png")
    from servers import export_graph, serve_folder

    with serve_folder(export_graph(project)) as address:
        yield f"{address}/?pid=jukebox_transfer"


@pytest.fixture(scope="session")
def serve_mlflow() -> Callable[[Path], Any]:
    """Starts MLflow's server over a store, as `make ui` does."""
    from servers import serve_mlflow

    return serve_mlflow
