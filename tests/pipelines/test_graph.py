"""The graph follows the configuration: arms, stems and seeds need no Python."""

from __future__ import annotations

import ast
import inspect
import textwrap
from typing import Any

import pytest
from kedro.pipeline import Pipeline

ENVIRONMENTS = ["base", "test", "paper"]
PHASES = {"train_phase_one", "train_phase_two"}


def cells(pipeline: Pipeline) -> set[str]:
    """Namespaces of the training nodes of study 1."""
    return {node.namespace or "" for node in pipeline.nodes if node.name.rpartition(".")[2] in PHASES}


@pytest.mark.parametrize("env", ENVIRONMENTS)
def test_every_pipeline_is_built_from_configuration_alone(make_pipelines: Any, env: str) -> None:
    pipelines = make_pipelines(env)
    assert pipelines["jukebox_transfer"].nodes
    assert pipelines["ingest"].nodes
    assert bool(pipelines["render"].nodes) == (env != "paper")
    assert pipelines["jukebox_pretrain"].nodes


def test_the_demo_trains_four_arms_on_four_stems(make_pipelines: Any) -> None:
    arms = ["pretrained", "scratch", "no_finetune", "scratch_as_published"]
    stems = ["drums", "bass", "guitar", "other"]
    assert cells(make_pipelines("base")["jukebox_transfer"]) == {
        f"{arm}.{stem}.seed_0" for arm in arms for stem in stems
    }


def test_the_paper_trains_five_arms_on_the_stems_of_musdb(make_pipelines: Any) -> None:
    found = cells(make_pipelines("paper")["jukebox_transfer"])
    assert len(found) == 20
    assert {name.split(".")[1] for name in found} == {"drums", "bass", "other", "vocals"}
    assert "pretrained_as_published" in {name.split(".")[0] for name in found}


def add_arm(tree: dict[str, Any]) -> None:
    study = tree["jukebox_transfer"]
    study["arms"]["warm_start"] = {"phase_two": {"me_init": "stem_encoder"}}
    study["run"]["arms"] = [*study["run"]["arms"], "warm_start"]


def test_an_arm_is_added_in_yaml(make_pipelines: Any) -> None:
    before = cells(make_pipelines()["jukebox_transfer"])
    after = cells(make_pipelines(change=add_arm)["jukebox_transfer"])
    assert after - before == {f"warm_start.{stem}.seed_0" for stem in ("drums", "bass", "guitar", "other")}
    assert before <= after


def add_stem(tree: dict[str, Any]) -> None:
    data = tree["jukebox_transfer"]["defaults"]["data"]
    data["stems"] = "drums+bass+guitar+piano+other"
    data["grouping"]["piano"] = ["Piano"]


def test_a_stem_is_added_in_yaml(make_pipelines: Any) -> None:
    after = make_pipelines(change=add_stem)["jukebox_transfer"]
    new = cells(after) - cells(make_pipelines()["jukebox_transfer"])
    assert {name.split(".")[1] for name in new} == {"piano"}
    assert len(new) == 4
    assert "prepare.measure_bandwidths_piano" in {node.name for node in after.nodes}


def add_seed(tree: dict[str, Any]) -> None:
    tree["jukebox_transfer"]["run"]["seeds"] = [0, 7]


def test_a_seed_is_added_in_yaml(make_pipelines: Any) -> None:
    before = cells(make_pipelines()["jukebox_transfer"])
    after = cells(make_pipelines(change=add_seed)["jukebox_transfer"])
    assert after - before == {name.replace("seed_0", "seed_7") for name in before}


def keep_arms_from_scratch(tree: dict[str, Any]) -> None:
    tree["jukebox_transfer"]["run"]["arms"] = ["scratch", "scratch_as_published"]


def test_without_an_arm_that_transfers_no_weights_are_read(make_pipelines: Any) -> None:
    names = {node.name for node in make_pipelines(change=keep_arms_from_scratch)["jukebox_transfer"].nodes}
    assert "prepare.load_transferred_weights" not in names


@pytest.mark.parametrize("namespace", ["pretrained", "pretrained.drums", "pretrained.drums.seed_0", "scores"])
def test_a_part_can_be_selected_by_namespace(make_pipelines: Any, namespace: str) -> None:
    selected = make_pipelines()["jukebox_transfer"].filter(node_namespaces=[namespace])
    assert selected.nodes
    assert all(f"{node.namespace}.".startswith(f"{namespace}.") for node in selected.nodes)


def test_a_part_can_be_selected_by_tag(make_pipelines: Any) -> None:
    pipeline = make_pipelines()["jukebox_transfer"]
    assert cells(pipeline.filter(tags=["training"])) == cells(pipeline)
    assert {node.namespace for node in pipeline.filter(tags=["data"]).nodes} == {"render", "ingest"}


def test_every_training_waits_for_the_check_of_all_inputs(make_pipelines: Any) -> None:
    pipeline = make_pipelines("base")["jukebox_transfer"]
    for cell in cells(pipeline):
        upstream = pipeline.to_nodes(f"{cell}.train_phase_one")
        assert "prepare.check_inputs" in {node.name for node in upstream.nodes}


@pytest.fixture
def functions(make_pipelines: Any) -> list[Any]:
    found = {node.func for pipeline in make_pipelines().values() for node in pipeline.nodes}
    return sorted(found, key=lambda function: function.__name__)


def test_every_node_has_a_namespace_and_an_explained_function(
    make_pipelines: Any, functions: list[Any]
) -> None:
    assert all(node.namespace for pipeline in make_pipelines().values() for node in pipeline.nodes)
    assert [function.__name__ for function in functions if not function.__doc__] == []


def num_lines_of_code(function: Any) -> int:
    """Lines of the body, without signature and docstring."""
    (tree,) = ast.parse(textwrap.dedent(inspect.getsource(function))).body
    assert isinstance(tree, ast.FunctionDef)
    body = tree.body[1:]
    return (body[-1].end_lineno or 0) - body[0].lineno + 1


def test_functions_of_nodes_are_short(functions: list[Any]) -> None:
    lines = {function.__name__: num_lines_of_code(function) for function in functions}
    # The model card is text, not code.
    assert {name: count for name, count in lines.items() if count >= 30 and name != "write_model_card"} == {}
