"""Nodes that every study wires alike: training a cell, tables as text, a song as spectrograms."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from kedro.pipeline import node
from kedro.pipeline.node import Node

from sep_pipeline.configuration.study import ALL_STEMS
from sep_pipeline.pipelines.study.results import draw_separated_song
from sep_pipeline.pipelines.study.training import collect_curves


def network_cell(name: str, seed: int) -> str:
    """Namespace of the cell whose one network serves all stems: `scratch.all.seed_0`."""
    return f"{name}.{ALL_STEMS}.seed_{seed}"


def training_node(
    function: Callable[..., Any],
    *,
    study: str,
    cell: str,
    phase: str,
    inputs: Mapping[str, str],
    further_outputs: Sequence[str] = (),
    tags: Sequence[str] = (),
) -> Node:
    """One training of a cell, `train_<phase>`, as `CellWork` expects it.

    Args:
        function: Takes `cell`, `execution`, `trackers`, `checkpoints` and the inputs by name, and gives weights,
            curves and what further outputs there are.
        study: Name of the study.
        cell: Namespace of the cell.
        phase: Name of the training.
        inputs: Argument to catalog entry.
        further_outputs: Names of artifacts in the cell.
        tags: Beside `training`.
    """
    names = (f"{phase}_weights", f"{phase}_curves", *further_outputs)
    return node(
        function,
        inputs={
            **inputs,
            "cell": f"params:{study}.cells.{cell}",
            "execution": "params:execution",
            # One entry for all cells: an entry per cell would be a box per cell in the graph.
            "trackers": f"{study}.mlflow_runs",
            "checkpoints": f"{study}.checkpoints",
        },
        outputs=[f"{study}.{cell}.{name}" for name in names],
        name=f"train_{phase}",
        namespace=cell,
        tags=["training", *tags],
    )


def curves_node(study: str, cells: Sequence[str]) -> Node:
    """All training curves of a study in one table; `cells` are catalog entries."""
    return node(
        collect_curves,
        inputs=list(cells),
        outputs=f"{study}.curves",
        name="collect_curves",
        namespace="tables",
    )


def text_node(
    function: Callable[..., Any], *, study: str, inputs: Sequence[str], tables: Sequence[str]
) -> Node:
    """Tables as Markdown files and as the text at the end of a run; the inputs are those of the function."""
    return node(
        function,
        inputs=list(inputs),
        outputs=[*(f"{table}_markdown" for table in tables), f"{study}.result_text"],
        name="write_tables",
        namespace="tables",
    )


def separated_song_node(study: str, arm: str, seed: int, stem_store: str) -> Node:
    """Spectrograms of the first test song as an arm separates it."""
    return node(
        draw_separated_song,
        inputs=[
            f"{study}.{arm}.seed_{seed}.separator",
            stem_store,
            f"params:{study}.arm_runs.{arm}.seed_{seed}",
            "params:execution",
        ],
        outputs=f"{study}.figure_spectrograms",
        name="draw_spectrograms",
        namespace="tables",
    )
