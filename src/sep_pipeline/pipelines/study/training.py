"""Training one cell of a study's grid, and its curves as a table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pandas as pd

from sep_pipeline.configuration.execution import ExecutionParameters
from sep_pipeline.configuration.study import Cell
from sep_pipeline.datasets import Workspace
from sep_pipeline.tracking import CellTrackers, Tracker
from sep_pipeline.training.config import TrainingConfig
from sep_pipeline.training.loop import train
from sep_pipeline.training.result import TrainingResult
from sep_pipeline.training.task import Task


@dataclass(frozen=True)
class CellWork:
    """Where one cell trains and to whom it reports.

    Attributes:
        cell: The cell.
        execution: Device and precision.
        tracker: Who hears of it.
        checkpoints: Working folder of the study.
    """

    cell: Cell
    execution: ExecutionParameters
    tracker: Tracker
    checkpoints: Workspace

    def train(self, task: Task, config: TrainingConfig, phase: str) -> TrainingResult:
        """Train, or go on where a killed run stopped; the node must be called `train_<phase>`.

        Raises:
            NonFiniteLossError: The loss or a gradient became NaN or infinite.
            StorageError: A checkpoint could not be written; the one before it is intact.
        """
        cell, workspace = self.cell, self.workspace(phase)
        return train(
            task,
            config,
            workspace=workspace.folder,
            identity=workspace.identity,
            seed=cell.seed,
            callbacks=[self.tracker.within(phase)],
            device=self.execution.resolved_device(),
            description=f"{cell.label} {phase.replace('_', ' ')}",
        )

    def workspace(self, phase: str) -> Workspace:
        """Where the training of a phase keeps what it needs to go on after a kill."""
        cell = self.cell
        folder = f"{cell.arm}/seed_{cell.seed}/{cell.stem}/{phase}_work"
        return self.checkpoints.of_node(f"{cell.namespace}.train_{phase}", folder)


@contextmanager
def cell_work(
    cell: Cell,
    execution: ExecutionParameters,
    trackers: CellTrackers,
    checkpoints: Workspace,
    parameters: Mapping[str, Any],
) -> Iterator[CellWork]:
    """Open the run of a cell, and end it as finished when the block ends well.

    Args:
        cell: The cell.
        execution: Device and precision.
        trackers: Runs of the study.
        checkpoints: Working folder of the study.
        parameters: What the run shows beside those of the cell; may be nested.
    """
    tracker = trackers.of(arm=cell.arm, stem=cell.stem, seed=cell.seed)
    tracker.log_parameters({**cell.model_dump(), **parameters})
    yield CellWork(cell, execution, tracker, checkpoints)
    tracker.end("FINISHED")


def training_curves(result: TrainingResult, cell: Cell, phase: str) -> pd.DataFrame:
    """Every logged scalar of a training: step, name, value, arm, stem, seed, phase."""
    # A training of zero steps has columns without values, whose types pandas cannot guess.
    curves = pd.DataFrame(result.curves).astype({"step": "int64", "name": "str", "value": "float64"})
    return curves.assign(arm=cell.arm, stem=cell.stem, seed=cell.seed, phase=phase)


def collect_curves(*curves: pd.DataFrame) -> pd.DataFrame:
    """All training curves of a study in one table."""
    return pd.concat(curves, ignore_index=True)
