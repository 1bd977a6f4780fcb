"""The catalog itself: every dataset is declared, every declaration is used, names and folders follow the convention."""

from __future__ import annotations

import re
from typing import Any

import pytest
from kedro.io import CachedDataset, DataCatalog, MemoryDataset
from kedro.io.core import is_parameter

from sep_pipeline.datasets import ArtifactDataset, WorkspaceDataset
from sep_pipeline.tracking import TrackerDataset

ENVIRONMENTS = ["base", "test", "paper"]
NAME = re.compile(r"[a-z0-9_]+(\.[A-Za-z0-9_-]+)*(@[A-Za-z0-9_.-]+)?")
NUMBERED = re.compile(r"^(0[1-8]_[a-z_]+)/")


def names_of(pipelines: dict[str, Any]) -> set[str]:
    return {name for pipeline in pipelines.values() for name in pipeline.datasets() if not is_parameter(name)}


def with_chorales(tree: dict[str, Any]) -> None:
    """No shipped environment asks for chorales by itself."""
    tree["jukebox_transfer"]["defaults"]["data"]["rendering"]["chorales"] = {"ensemble": "choir"}


def test_outputs_are_artifacts_and_nothing_stays_in_memory(make_pipelines: Any, catalog_entries: Any) -> None:
    for env in ENVIRONMENTS:
        pipelines, catalog = make_pipelines(env), DataCatalog.from_config(catalog_entries(env))
        for name in names_of(pipelines):
            assert not isinstance(catalog.get(name), MemoryDataset | CachedDataset), name
        for pipeline in pipelines.values():
            assert all(isinstance(catalog.get(name), ArtifactDataset) for name in pipeline.all_outputs())


def test_every_entry_is_used(make_pipelines: Any, catalog_entries: Any) -> None:
    entries = catalog_entries("base")
    resolver = DataCatalog.from_config(entries).config_resolver
    names = {name for env in ENVIRONMENTS for name in names_of(make_pipelines(env))}
    names |= names_of(make_pipelines("test", with_chorales))
    used = {name if name in entries else resolver.match_dataset_pattern(name) for name in names}
    assert set(entries) - used == set()


@pytest.mark.parametrize("env", ENVIRONMENTS)
def test_names_follow_the_convention(make_pipelines: Any, env: str) -> None:
    assert [name for name in names_of(make_pipelines(env)) if not NAME.fullmatch(name)] == []


@pytest.mark.parametrize("env", ENVIRONMENTS)
def test_everything_lies_in_a_numbered_folder_of_the_environment(
    make_pipelines: Any, catalog_entries: Any, env: str
) -> None:
    catalog = DataCatalog.from_config(catalog_entries(env))
    root = "data/" if env == "base" else f"data/{env}/"
    for name in names_of(make_pipelines(env)):
        dataset: Any = catalog.get(name)
        if isinstance(dataset, ArtifactDataset | WorkspaceDataset):
            path = dataset._describe()["filepath"]
            assert path.startswith(root), name
            assert NUMBERED.match(path.removeprefix(root)), name


def test_no_two_datasets_share_a_file(make_pipelines: Any, catalog_entries: Any) -> None:
    catalog = DataCatalog.from_config(catalog_entries("base"))
    paths: dict[str, str] = {}
    for name in names_of(make_pipelines("base")):
        dataset: Any = catalog.get(name)
        if isinstance(dataset, ArtifactDataset | WorkspaceDataset):
            path = dataset._describe()["filepath"]
            assert paths.setdefault(path, name) == name


def test_each_study_has_one_tracker_and_one_working_folder(make_pipelines: Any, catalog_entries: Any) -> None:
    catalog = DataCatalog.from_config(catalog_entries("test"))
    names = names_of({"study": make_pipelines()["jukebox_transfer"]})
    plumbing = {name for name in names if isinstance(catalog.get(name), TrackerDataset | WorkspaceDataset)}
    assert plumbing == {"jukebox_transfer.mlflow_runs", "jukebox_transfer.checkpoints"}


def test_what_a_person_reads_has_the_agreed_name(make_pipelines: Any, catalog_entries: Any) -> None:
    catalog = DataCatalog.from_config(catalog_entries("base"))
    folder = "data/08_reporting/jukebox_transfer"
    expected = {
        "jukebox_transfer.table_1": f"{folder}/table_1.csv",
        "jukebox_transfer.table_1_markdown": f"{folder}/table_1.md",
        "jukebox_transfer.scores": f"{folder}/scores.parquet",
        "jukebox_transfer.figure_spectrograms": f"{folder}/figure_spectrograms.png",
        "jukebox_transfer.scratch.seed_0.estimates": "data/07_model_output/jukebox_transfer/scratch/seed_0",
        "jukebox_transfer.scratch.seed_0.museval": f"{folder}/museval/scratch-seed_0",
    }
    found: dict[str, Any] = {name: catalog.get(name) for name in expected}
    assert {name: dataset.path.as_posix() for name, dataset in found.items()} == expected
