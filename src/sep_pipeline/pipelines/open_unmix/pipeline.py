"""Wires study 4: one Open-Unmix model per arm, target and seed, then separation, scores, speed and tables."""

from __future__ import annotations

from collections.abc import Iterator

from kedro.pipeline import Pipeline, node
from kedro.pipeline.node import Node

from sep_pipeline.configuration.open_unmix import STUDY, OpenUnmixParameters
from sep_pipeline.configuration.project import ProjectParameters
from sep_pipeline.configuration.study import Cell
from sep_pipeline.pipelines import data
from sep_pipeline.pipelines.open_unmix import nodes
from sep_pipeline.pipelines.study.evaluation import collect_scores
from sep_pipeline.pipelines.study.training import collect_curves
from sep_pipeline.pipelines.study.wiring import curves_node, text_node, training_node

PARAMETERS = f"params:{STUDY}"


def create_pipeline(configuration: ProjectParameters) -> Pipeline:
    """The whole study with its upstream."""
    study = configuration.open_unmix
    steps = [
        *_preparation(study),
        *(_training(study, cell) for cell in study.cells),
        *(step for arm, seed in study.run.arm_seeds for step in _evaluation(study, arm, seed)),
        *_results(study),
    ]
    return data.create_pipeline(study.data, f"{STUDY}.data") + Pipeline(steps)


def _preparation(study: OpenUnmixParameters) -> Iterator[Node]:
    yield node(
        nodes.check_inputs,
        inputs=[
            _store(study),
            f"{PARAMETERS}.examples",
            f"{PARAMETERS}.spectrogram",
            f"{PARAMETERS}.evaluation.wiener",
            *(f"{PARAMETERS}.stems.{stem}" for stem in study.targets),
        ],
        outputs=f"{STUDY}.inputs_checked",
        name="check_inputs",
        namespace="prepare",
    )
    yield node(
        nodes.measure_input_statistics,
        inputs=[_store(study), f"{PARAMETERS}.spectrogram", f"{STUDY}.inputs_checked"],
        outputs=f"{STUDY}.input_statistics",
        name="measure_input_statistics",
        namespace="prepare",
    )
    if study.pooled_arms:
        yield node(
            nodes.index_training_songs,
            inputs=[f"{PARAMETERS}.data.rendering", "params:processes"],
            outputs=_corpus(study),
            name="index_training_songs",
            namespace="prepare",
            tags="data",
        )


def _training(study: OpenUnmixParameters, cell: Cell) -> Node:
    rendered = {
        "midi_corpus": _corpus(study),
        "data": f"{PARAMETERS}.data",
        "pool": f"{PARAMETERS}.pool",
    }
    return training_node(
        nodes.train_model,
        study=STUDY,
        cell=cell.namespace,
        phase="model",
        inputs={
            "stem_store": _store(study),
            "input_statistics": f"{STUDY}.input_statistics",
            "spectrogram": f"{PARAMETERS}.spectrogram",
            "examples": f"{PARAMETERS}.examples",
            "comparison_updates": f"{PARAMETERS}.evaluation.comparison_updates",
            "arm": f"{PARAMETERS}.arms.{cell.arm}",
            **(rendered if cell.arm in study.pooled_arms else {}),
        },
        tags=[cell.stem],
    )


def _evaluation(study: OpenUnmixParameters, arm: str, seed: int) -> Iterator[Node]:
    cell = f"{STUDY}.{arm}.seed_{seed}"
    arm_run = f"{PARAMETERS}.arm_runs.{arm}.seed_{seed}"
    name = f"{arm}_seed_{seed}"
    yield node(
        nodes.assemble_separator,
        inputs=[
            f"{PARAMETERS}.evaluation.wiener",
            arm_run,
            _store(study),
            *(f"{STUDY}.{arm}.{stem}.seed_{seed}.model_weights" for stem in study.targets),
        ],
        outputs=f"{cell}.separator",
        name=f"assemble_{name}",
        namespace=arm,
    )
    yield node(
        collect_curves,
        inputs=[f"{STUDY}.{arm}.{stem}.seed_{seed}.model_curves" for stem in study.targets],
        outputs=f"{cell}.curves",
        name=f"collect_curves_{name}",
        namespace=arm,
    )
    yield node(
        nodes.separate_test_tracks,
        inputs=[f"{cell}.separator", _store(study), "params:execution"],
        outputs=f"{cell}.estimates",
        name=f"separate_{name}",
        namespace="separate",
        tags="evaluation",
    )
    yield node(
        nodes.score_test_tracks,
        inputs=[f"{cell}.estimates", _store(study), f"{PARAMETERS}.evaluation.engine", arm_run],
        outputs=f"{cell}.museval",
        name=f"score_{name}",
        namespace="scores",
        tags="evaluation",
    )
    yield node(
        nodes.tabulate_scores,
        inputs=[f"{cell}.museval", arm_run],
        outputs=f"{cell}.track_scores",
        name=f"tabulate_scores_{name}",
        namespace="scores",
        tags="evaluation",
    )


def _results(study: OpenUnmixParameters) -> Iterator[Node]:
    grid = study.run.arm_seeds
    yield node(
        nodes.score_floors,
        inputs=[
            _store(study),
            f"{PARAMETERS}.run",
            f"{PARAMETERS}.evaluation.engine",
            *(f"{PARAMETERS}.stems.{stem}" for stem in study.targets),
        ],
        outputs=f"{STUDY}.floors",
        name="score_floors",
        namespace="scores",
    )
    yield node(
        collect_scores,
        inputs=[
            f"{STUDY}.floors",
            *(f"{STUDY}.{arm}.seed_{seed}.track_scores" for arm, seed in grid),
        ],
        outputs=f"{STUDY}.scores",
        name="collect_scores",
        namespace="scores",
    )
    yield curves_node(STUDY, [f"{STUDY}.{arm}.seed_{seed}.curves" for arm, seed in grid])
    yield node(
        nodes.measure_speed,
        inputs=[
            _store(study),
            f"{PARAMETERS}.evaluation.speed_seconds",
            # After all trainings, separations and scores, which would slow it down.
            f"{STUDY}.scores",
            *(f"{STUDY}.{arm}.seed_{study.run.seeds[0]}.separator" for arm in study.compared_arms),
        ],
        outputs=f"{STUDY}.speed",
        name="measure_speed",
        namespace="tables",
    )
    yield from _tables(study)


def _tables(study: OpenUnmixParameters) -> Iterator[Node]:
    tables = [f"{STUDY}.table_{number}" for number in (1, 2, 3, 4)]
    yield node(
        nodes.make_score_table,
        inputs=[
            f"{STUDY}.scores",
            "published_results",
            f"{STUDY}.curves",
            _store(study),
            f"{PARAMETERS}.arms",
        ],
        outputs=tables[0],
        name="make_score_table",
        namespace="tables",
    )
    yield node(
        nodes.make_loss_tables,
        inputs=[
            f"{STUDY}.curves",
            "published_results",
            f"{PARAMETERS}.arms",
            f"{PARAMETERS}.examples",
            f"{PARAMETERS}.evaluation.comparison_updates",
            f"{STUDY}.inputs_checked",
        ],
        outputs=tables[1:3],
        name="make_loss_tables",
        namespace="tables",
    )
    yield node(
        nodes.compare_directions,
        inputs=[
            f"{STUDY}.scores",
            f"{STUDY}.speed",
            f"{PARAMETERS}.evaluation.bidirectional",
            f"{PARAMETERS}.evaluation.unidirectional",
        ],
        outputs=[tables[3], f"{STUDY}.comparisons"],
        name="compare_directions",
        namespace="tables",
    )
    yield text_node(
        nodes.write_tables,
        study=STUDY,
        inputs=[f"{STUDY}.comparisons", "published_results", *tables],
        tables=tables,
    )
    yield node(
        nodes.draw_losses,
        inputs=[f"{STUDY}.curves", f"{PARAMETERS}.arms", f"{STUDY}.inputs_checked"],
        outputs=[f"{STUDY}.figure_loss_against_updates", f"{STUDY}.figure_loss_against_epochs"],
        name="draw_losses",
        namespace="tables",
    )
    arm, seed = (*study.compared_arms, *study.run.arms)[0], study.run.seeds[0]
    yield node(
        nodes.draw_spectrograms,
        inputs=[
            _store(study),
            f"{STUDY}.{arm}.seed_{seed}.estimates",
            f"{PARAMETERS}.arm_runs.{arm}.seed_{seed}",
        ],
        outputs=f"{STUDY}.figure_spectrograms",
        name="draw_spectrograms",
        namespace="tables",
    )


def _corpus(study: OpenUnmixParameters) -> str:
    return f"{study.data.name}.midi_corpus"


def _store(study: OpenUnmixParameters) -> str:
    return f"{study.data.name}.stem_store"
