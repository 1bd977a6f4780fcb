import json
from pathlib import Path
from typing import Any

import pytest

from sep_pipeline.configuration.data import StoreParameters
from sep_pipeline.configuration.execution import ExecutionParameters
from sep_pipeline.configuration.jukebox_pretrain import JukeboxPretrainParameters
from sep_pipeline.configuration.jukebox_transfer import ArmParameters, EvaluationParameters, ModelParameters
from sep_pipeline.configuration.project import ProjectParameters, node_parameters, parse_parameters
from sep_pipeline.configuration.study import ArmRun, Cell


@pytest.fixture
def parameters(load_parameters: Any) -> ProjectParameters:
    tree = load_parameters("base", weights="vqvae.pth.tar")
    tree["jukebox_transfer"]["run"] = {"arms": ["pretrained", "scratch"], "seeds": [0, 1]}
    return parse_parameters(tree, Path("/project"))


@pytest.fixture
def tree(parameters: ProjectParameters) -> dict[str, Any]:
    return node_parameters(parameters)


def test_the_tree_holds_plain_values_only(tree: dict[str, Any]) -> None:
    assert json.loads(json.dumps(tree)) == tree


def test_execution_parses_back(parameters: ProjectParameters, tree: dict[str, Any]) -> None:
    assert ExecutionParameters.model_validate(tree["execution"]) == parameters.execution


def test_pretraining_parses_back(parameters: ProjectParameters, tree: dict[str, Any]) -> None:
    parsed = JukeboxPretrainParameters.model_validate(tree["jukebox_pretrain"])
    assert parsed == parameters.jukebox_pretrain


@pytest.mark.parametrize(
    ("block", "model"),
    [("data", StoreParameters), ("model", ModelParameters), ("evaluation", EvaluationParameters)],
)
def test_blocks_of_the_study_parse_back(
    parameters: ProjectParameters, tree: dict[str, Any], block: str, model: Any
) -> None:
    assert model.model_validate(tree["jukebox_transfer"][block]) == getattr(
        parameters.jukebox_transfer, block
    )


@pytest.mark.parametrize("arm", ["pretrained", "scratch", "no_finetune", "scratch_as_published"])
def test_arms_parse_back(parameters: ProjectParameters, tree: dict[str, Any], arm: str) -> None:
    parsed = ArmParameters.model_validate(tree["jukebox_transfer"]["arms"][arm])
    assert parsed == parameters.jukebox_transfer.arms[arm]


def test_every_cell_has_its_block(parameters: ProjectParameters, tree: dict[str, Any]) -> None:
    cells = tree["jukebox_transfer"]["cells"]
    parsed = [
        Cell.model_validate(cells[cell.arm][cell.stem][f"seed_{cell.seed}"])
        for cell in parameters.jukebox_transfer.cells
    ]
    assert parsed == list(parameters.jukebox_transfer.cells)


def test_cells_are_arms_times_stems_times_seeds(parameters: ProjectParameters) -> None:
    cells = parameters.jukebox_transfer.cells
    assert len({(cell.arm, cell.stem, cell.seed) for cell in cells}) == len(cells) == 2 * 4 * 2


def test_every_arm_run_has_its_block(parameters: ProjectParameters, tree: dict[str, Any]) -> None:
    runs = tree["jukebox_transfer"]["arm_runs"]
    parsed = [ArmRun.model_validate(runs[arm][f"seed_{seed}"]) for arm in runs for seed in (0, 1)]
    assert parsed == list(parameters.jukebox_transfer.arm_runs)


def test_every_stem_has_its_name(tree: dict[str, Any]) -> None:
    assert tree["jukebox_transfer"]["stems"] == {
        "drums": "drums",
        "bass": "bass",
        "guitar": "guitar",
        "other": "other",
    }


def test_a_cell_names_itself_in_words() -> None:
    assert Cell(study="s", arm="scratch", stem="drums", seed=2).label == "scratch/drums seed 2"
