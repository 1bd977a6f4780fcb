"""The graphs of `score` and `leaderboard`: what they contain, what they read and what they write."""

from __future__ import annotations

from typing import Any

import pytest
from kedro.io import DataCatalog
from kedro.io.core import is_parameter

from sep_pipeline.configuration.project import node_parameters
from sep_pipeline.datasets import ArtifactDataset
from sep_pipeline.tracking import TrackerDataset

ENVIRONMENTS = ["base", "test", "paper"]


def with_estimates(tree: dict[str, Any]) -> None:
    tree["score"] |= {"estimates": "/results/my_model"}


def with_both(tree: dict[str, Any]) -> None:
    tree["score"] |= {"estimates": "/results/my_model", "references": "/music/store"}


def names_of(pipeline: Any) -> set[str]:
    return {node.name for node in pipeline.nodes}


SCORING = {
    "scores.check_estimates",
    "scores.score_estimates",
    "scores.tabulate_estimates",
    "tables.make_score_table",
}
RANKING = {"scores.score_all_methods", "tables.rank_methods"}


def test_with_references_nothing_comes_before_scoring(make_pipelines: Any) -> None:
    assert names_of(make_pipelines(change=with_both)["score"]) == SCORING


def test_without_references_the_data_set_of_study_1_comes_first(make_pipelines: Any) -> None:
    pipelines = make_pipelines(change=with_estimates)
    assert names_of(pipelines["score"]) == names_of(pipelines["ingest"]) | SCORING


def test_the_leaderboard_contains_the_data_set_and_no_training(make_pipelines: Any) -> None:
    pipelines = make_pipelines()
    assert names_of(pipelines["leaderboard"]) == names_of(pipelines["ingest"]) | RANKING


def test_outputs_carry_the_name_of_the_method(make_pipelines: Any) -> None:
    assert make_pipelines(change=with_both)["score"].all_outputs() == {
        f"score_my_model.{name}"
        for name in (
            "inputs_checked",
            "museval",
            "scores",
            "table_1",
            "table_1_markdown",
            "result_text",
        )
    }


@pytest.mark.parametrize("env", ENVIRONMENTS)
@pytest.mark.parametrize("name", ["score", "leaderboard"])
def test_every_dataset_stands_in_the_catalog(
    make_pipelines: Any, catalog_entries: Any, env: str, name: str
) -> None:
    catalog = DataCatalog.from_config(catalog_entries(env))
    pipeline = make_pipelines(env)[name]
    for dataset in pipeline.datasets():
        if not is_parameter(dataset):
            assert isinstance(catalog.get(dataset), ArtifactDataset | TrackerDataset), dataset


@pytest.mark.parametrize("env", ENVIRONMENTS)
@pytest.mark.parametrize("name", ["score", "leaderboard"])
def test_every_parameter_of_a_node_exists(make_pipelines: Any, parameters: Any, env: str, name: str) -> None:
    tree = node_parameters(parameters(env))
    wanted = {dataset for dataset in make_pipelines(env)[name].datasets() if is_parameter(dataset)}
    assert wanted >= {f"params:{name}", "params:processes"}
    for dataset in wanted:
        place = tree
        for key in dataset.removeprefix("params:").split("."):
            assert key in place, dataset
            place = place[key]


def test_results_lie_in_the_folder_of_the_method(make_pipelines: Any, catalog_entries: Any) -> None:
    catalog = DataCatalog.from_config(catalog_entries("base"))
    outputs = make_pipelines("base", with_both)["score"].all_outputs()
    found: list[Any] = [catalog.get(name) for name in outputs]
    assert {dataset.path.as_posix() for dataset in found} >= {
        f"data/08_reporting/score_my_model/{name}"
        for name in ("museval", "scores.parquet", "table_1.csv", "table_1.md", "result.txt")
    }


def test_only_the_leaderboard_is_tracked(make_pipelines: Any) -> None:
    pipelines = make_pipelines()
    tracked = {
        name
        for name in ("score", "leaderboard")
        if any(dataset.endswith(".mlflow_runs") for dataset in pipelines[name].datasets())
    }
    assert tracked == {"leaderboard"}
