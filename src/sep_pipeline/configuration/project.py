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
from sep_pipeline.configuration.study import StudyParameters, grid_parameters

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

    @property
    def studies(self) -> tuple[StudyParameters, ...]:
        """Every study, in the order of their numbers."""
        return (self.jukebox_transfer,)


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

    `params:execution`, `params:processes` and, for every study, `params:jukebox_transfer.data`,
    `params:jukebox_transfer.arms.<arm>.phase_one`,
    `params:jukebox_transfer.cells.<arm>.<stem>.seed_<n>`, `params:jukebox_transfer.arm_runs.<arm>.seed_<n>`,
    `params:jukebox_transfer.stems.<stem>` and so on. Nodes annotate the models, so that Kedro makes them
    typed objects again.
    """
    tree: dict[str, Any] = parameters.model_dump(mode="json")
    for study in parameters.studies:
        tree[study.STUDY] |= grid_parameters(study)
    return tree
