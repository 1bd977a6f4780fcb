"""The whole parameter tree of the project, and the blocks that Kedro's nodes ask for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sep_pipeline.configuration.execution import ExecutionParameters, ProcessParameters
from sep_pipeline.configuration.jukebox_pretrain import JukeboxPretrainParameters
from sep_pipeline.configuration.jukebox_transfer import (
    STUDY as JUKEBOX_TRANSFER,
)
from sep_pipeline.configuration.jukebox_transfer import (
    JukeboxTransferParameters,
    parse_jukebox_transfer,
)
from sep_pipeline.configuration.scoring import LeaderboardParameters, ScoreParameters
from sep_pipeline.configuration.strict import Strict, parse, require_known

EXECUTION_KEYS = ("device", "precision")
PROCESS_KEYS = ("num_processes",)
RUN_TIME_KEYS = (
    "root",
    "layout",
    "stems",
    "musdb_root",
    "weights",
    "data_folder",
    "estimates",
    "references",
)
"""Names that configuration files read with `runtime_params`, so that `--params=` can give them."""

TOP_LEVEL_KEYS = (
    *EXECUTION_KEYS,
    *PROCESS_KEYS,
    *RUN_TIME_KEYS,
    "score",
    "leaderboard",
    "jukebox_pretrain",
    JUKEBOX_TRANSFER,
)


class ProjectParameters(Strict):
    """Everything that a run can be told."""

    execution: ExecutionParameters
    processes: ProcessParameters
    score: ScoreParameters
    leaderboard: LeaderboardParameters
    jukebox_pretrain: JukeboxPretrainParameters
    jukebox_transfer: JukeboxTransferParameters


def parse_parameters(raw: Mapping[str, Any], project_path: Path | None = None) -> ProjectParameters:
    """Check the parameter tree of all files and `--params` together.

    Args:
        raw: The merged tree as Kedro loads it.
        project_path: What relative paths start from.

    Raises:
        ConfigurationError: A parameter is unknown (with the nearest names), missing or wrong.
    """
    require_known(raw, TOP_LEVEL_KEYS)
    execution = {key: raw[key] for key in EXECUTION_KEYS if key in raw}
    processes = {key: raw[key] for key in PROCESS_KEYS if key in raw}
    return ProjectParameters(
        execution=parse(ExecutionParameters, execution),
        processes=parse(ProcessParameters, processes),
        score=parse(ScoreParameters, raw.get("score", {}), name="score", project_path=project_path),
        leaderboard=parse(
            LeaderboardParameters, raw.get("leaderboard", {}), name="leaderboard", project_path=project_path
        ),
        jukebox_pretrain=parse(
            JukeboxPretrainParameters,
            raw.get("jukebox_pretrain", {}),
            name="jukebox_pretrain",
            project_path=project_path,
        ),
        jukebox_transfer=parse_jukebox_transfer(raw.get(JUKEBOX_TRANSFER, {}), project_path),
    )


def node_parameters(parameters: ProjectParameters) -> dict[str, Any]:
    """The tree of plain values that nodes name as `params:…`.

    `params:execution`, `params:processes`, `params:jukebox_transfer.data`,
    `params:jukebox_transfer.arms.<arm>.phase_one`,
    `params:jukebox_transfer.cells.<arm>.<stem>.seed_<n>`, `params:jukebox_transfer.arm_runs.<arm>.seed_<n>`,
    `params:jukebox_transfer.stems.<stem>` and so on. Nodes annotate the models, so that Kedro makes them
    typed objects again.
    """
    tree: dict[str, Any] = parameters.model_dump(mode="json")
    study = parameters.jukebox_transfer
    cells: dict[str, Any] = {}
    for cell in study.cells:
        seeds = cells.setdefault(cell.arm, {}).setdefault(cell.stem, {})
        seeds[f"seed_{cell.seed}"] = cell.model_dump(mode="json")
    arm_runs: dict[str, Any] = {}
    for arm_run in study.arm_runs:
        arm_runs.setdefault(arm_run.arm, {})[f"seed_{arm_run.seed}"] = arm_run.model_dump(mode="json")
    tree[JUKEBOX_TRANSFER] |= {"cells": cells, "arm_runs": arm_runs}
    tree[JUKEBOX_TRANSFER]["stems"] = {stem: stem for stem in study.data.stems}
    return tree
