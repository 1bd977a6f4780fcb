"""Wires study 1: arms × stems × seeds of two training phases, then separation, scores and tables."""

from __future__ import annotations

from collections.abc import Iterator

from kedro.pipeline import Pipeline, node
from kedro.pipeline.node import Node

from sep_pipeline.configuration.jukebox_transfer import STUDY, JukeboxTransferParameters
from sep_pipeline.configuration.project import ProjectParameters
from sep_pipeline.configuration.study import Cell
from sep_pipeline.pipelines import data
from sep_pipeline.pipelines.jukebox_transfer import nodes
from sep_pipeline.pipelines.study.wiring import curves_node, text_node, training_node

PARAMETERS = f"params:{STUDY}"


def create_data_pipeline(configuration: ProjectParameters) -> Pipeline:
    """Rendering and ingestion of the study's data set."""
    return data.create_pipeline(configuration.jukebox_transfer.data, f"{STUDY}.data")


def create_pipeline(configuration: ProjectParameters) -> Pipeline:
    """The whole study with its upstream."""
    study = configuration.jukebox_transfer
    steps = [
        *_preparation(study),
        *(step for cell in study.cells for step in _training(study, cell)),
        *(step for arm, seed in study.run.arm_seeds for step in _evaluation(study, arm, seed)),
        *_results(study),
    ]
    return create_data_pipeline(configuration) + Pipeline(steps)


def _preparation(study: JukeboxTransferParameters) -> Iterator[Node]:
    if _needs_transferred_weights(study):
        yield node(
            nodes.load_transferred_weights,
            inputs=[f"{PARAMETERS}.model"],
            outputs=f"{STUDY}.transferred_weights",
            name="load_transferred_weights",
            namespace="prepare",
        )
    yield node(
        nodes.check_inputs,
        inputs=[
            _store(study),
            f"{PARAMETERS}.examples",
            f"{PARAMETERS}.model",
            *([f"{STUDY}.transferred_weights"] if _needs_transferred_weights(study) else []),
        ],
        outputs=f"{STUDY}.inputs_checked",
        name="check_inputs",
        namespace="prepare",
    )
    for stem in study.data.stems:
        yield node(
            nodes.measure_bandwidths,
            inputs=[
                _store(study),
                f"{PARAMETERS}.examples",
                f"{PARAMETERS}.stems.{stem}",
                f"{STUDY}.inputs_checked",
            ],
            outputs=f"{STUDY}.{stem}.bandwidths",
            name=f"measure_bandwidths_{stem}",
            namespace="prepare",
        )


def _training(study: JukeboxTransferParameters, cell: Cell) -> Iterator[Node]:
    arm = study.arms[cell.arm]
    common = {
        "stem_store": _store(study),
        "bandwidths": f"{STUDY}.{cell.stem}.bandwidths",
        "model": f"{PARAMETERS}.model",
        "examples": f"{PARAMETERS}.examples",
    }
    transferred = {"transferred_weights": f"{STUDY}.transferred_weights"}
    yield training_node(
        nodes.train_phase_one,
        study=STUDY,
        cell=cell.namespace,
        phase="phase_one",
        inputs={
            **common,
            "phase": f"{PARAMETERS}.arms.{cell.arm}.phase_one",
            **(transferred if arm.phase_one.initial_weights == "pretrained" else {}),
        },
        tags=[cell.stem],
    )
    yield training_node(
        nodes.train_phase_two,
        study=STUDY,
        cell=cell.namespace,
        phase="phase_two",
        inputs={
            **common,
            "phase": f"{PARAMETERS}.arms.{cell.arm}.phase_two",
            "phase_one_weights": f"{STUDY}.{cell.namespace}.phase_one_weights",
            **(transferred if arm.phase_two.me_init == "pretrained" else {}),
        },
        further_outputs=["snapshots"],
        tags=[cell.stem],
    )


def _evaluation(study: JukeboxTransferParameters, arm: str, seed: int) -> Iterator[Node]:
    cell = f"{STUDY}.{arm}.seed_{seed}"
    arm_run = f"{PARAMETERS}.arm_runs.{arm}.seed_{seed}"
    name = f"{arm}_seed_{seed}"
    yield node(
        nodes.assemble_separator,
        inputs=[
            f"{PARAMETERS}.model",
            f"{PARAMETERS}.arms.{arm}",
            arm_run,
            _store(study),
            *(f"{STUDY}.{arm}.{stem}.seed_{seed}.phase_two_weights" for stem in study.data.stems),
        ],
        outputs=f"{cell}.separator",
        name=f"assemble_{name}",
        namespace=arm,
    )
    yield node(
        nodes.collect_curves,
        inputs=[
            f"{STUDY}.{arm}.{stem}.seed_{seed}.{phase}_curves"
            for stem in study.data.stems
            for phase in ("phase_one", "phase_two")
        ],
        outputs=f"{cell}.curves",
        name=f"collect_curves_{name}",
        namespace=arm,
    )
    yield node(
        nodes.separate_test_tracks,
        inputs=[f"{cell}.separator", _store(study), f"{PARAMETERS}.evaluation", "params:execution"],
        outputs=f"{cell}.estimates",
        name=f"separate_{name}",
        namespace="separate",
        tags="evaluation",
    )
    yield node(
        nodes.score_test_tracks,
        inputs=[
            f"{cell}.estimates",
            _store(study),
            f"{PARAMETERS}.evaluation",
            arm_run,
        ],
        outputs=f"{cell}.museval",
        name=f"score_{name}",
        namespace="scores",
        tags="evaluation",
    )
    yield node(
        nodes.tabulate_scores,
        inputs=[
            f"{cell}.museval",
            f"{cell}.estimates",
            _store(study),
            f"{PARAMETERS}.evaluation",
            arm_run,
        ],
        outputs=f"{cell}.track_scores",
        name=f"tabulate_scores_{name}",
        namespace="scores",
        tags="evaluation",
    )
    if study.evaluation.curve_seconds > 0:
        yield node(
            nodes.score_snapshots,
            inputs=[
                _store(study),
                f"{PARAMETERS}.model",
                f"{PARAMETERS}.evaluation",
                "params:execution",
                arm_run,
                *(f"{STUDY}.{arm}.{stem}.seed_{seed}.snapshots" for stem in study.data.stems),
            ],
            outputs=f"{cell}.step_scores",
            name=f"score_snapshots_{name}",
            namespace=arm,
            tags="evaluation",
        )


def _results(study: JukeboxTransferParameters) -> Iterator[Node]:
    grid = study.run.arm_seeds
    yield node(
        nodes.score_floors,
        inputs=[
            _store(study),
            f"{PARAMETERS}.run",
            f"{PARAMETERS}.evaluation",
            *(f"{PARAMETERS}.stems.{stem}" for stem in study.data.stems),
        ],
        outputs=f"{STUDY}.floors",
        name="score_floors",
        namespace="scores",
    )
    yield node(
        nodes.collect_scores,
        inputs=[
            f"{STUDY}.floors",
            *(f"{STUDY}.{arm}.seed_{seed}.track_scores" for arm, seed in grid),
        ],
        outputs=f"{STUDY}.scores",
        name="collect_scores",
        namespace="scores",
    )
    yield curves_node(STUDY, [f"{STUDY}.{arm}.seed_{seed}.curves" for arm, seed in grid])
    yield from _tables(study)


def _tables(study: JukeboxTransferParameters) -> Iterator[Node]:
    tables = [f"{STUDY}.table_{number}" for number in (1, 2, 3)]
    yield node(
        nodes.make_tables,
        inputs=[
            f"{STUDY}.scores",
            "published_results",
            f"{PARAMETERS}.arms",
            f"{PARAMETERS}.model",
            _store(study),
        ],
        outputs=tables,
        name="make_tables",
        namespace="tables",
    )
    yield node(
        nodes.compare_arms,
        inputs=f"{STUDY}.scores",
        outputs=[f"{STUDY}.table_4", f"{STUDY}.comparisons"],
        name="compare_arms",
        namespace="tables",
    )
    yield text_node(
        nodes.write_tables,
        study=STUDY,
        inputs=[f"{STUDY}.scores", f"{STUDY}.comparisons", *tables],
        tables=tables,
    )
    yield node(
        nodes.draw_training_curves,
        inputs=f"{STUDY}.curves",
        outputs=f"{STUDY}.figure_training_curves",
        name="draw_training_curves",
        namespace="tables",
    )
    arm, seed = study.run.arm_seeds[0]
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
    if study.evaluation.curve_seconds > 0:
        yield node(
            nodes.draw_score_against_step,
            inputs=[f"{STUDY}.{arm}.seed_{seed}.step_scores" for arm, seed in study.run.arm_seeds],
            outputs=f"{STUDY}.figure_sdr_against_checkpoint",
            name="draw_score_against_step",
            namespace="tables",
        )


def _needs_transferred_weights(study: JukeboxTransferParameters) -> bool:
    arms = [study.arms[name] for name in study.run.arms]
    return any("pretrained" in (arm.phase_one.initial_weights, arm.phase_two.me_init) for arm in arms)


def _store(study: JukeboxTransferParameters) -> str:
    return f"{study.data.name}.stem_store"
