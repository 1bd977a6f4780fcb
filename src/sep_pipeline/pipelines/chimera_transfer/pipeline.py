"""Wires study 2: shared pre-trainings, one network per arm and seed, scores of excerpts, tables and figures."""

from __future__ import annotations

from collections.abc import Iterator

from kedro.pipeline import Pipeline, node
from kedro.pipeline.node import Node

from sep_pipeline.configuration.chimera_transfer import (
    STUDY,
    ArmParameters,
    ChimeraTransferParameters,
    pretraining_name,
)
from sep_pipeline.configuration.project import ProjectParameters
from sep_pipeline.pipelines import data
from sep_pipeline.pipelines.chimera_transfer import nodes
from sep_pipeline.pipelines.study.wiring import curves_node, network_cell, text_node, training_node

PARAMETERS = f"params:{STUDY}"
TABLES = [f"{STUDY}.table_{number}" for number in (1, 2, 3, 4, 5)]
FIGURES = [f"{STUDY}.figure_{number}" for number in (1, 2, 3)]


def create_pipeline(configuration: ProjectParameters) -> Pipeline:
    """The whole study with its upstream."""
    study = configuration.chimera_transfer
    seeds = study.run.seeds
    stores = [
        data.create_pipeline(store, f"{STUDY}.stores.{name}") for name, store in study.used_stores.items()
    ]
    steps = [
        *(_check(study, name) for name in study.used_mixtures),
        *(_pretraining(study, *pretraining, seed) for pretraining in study.pretrainings for seed in seeds),
        *(
            step
            for name, arm in study.run_arms.items()
            for seed in seeds
            for step in (_training(study, name, arm, seed), *_evaluation(study, name, arm, seed))
        ),
        *_results(study),
    ]
    return sum(stores, Pipeline([])) + Pipeline(steps)


def _check(study: ChimeraTransferParameters, mixture: str) -> Node:
    return node(
        nodes.check_mixture,
        inputs={
            "mixture": f"{PARAMETERS}.mixtures.{mixture}",
            "examples": f"{PARAMETERS}.examples",
            "evaluation": f"{PARAMETERS}.evaluation",
            "is_scored": f"{PARAMETERS}.is_scored.{mixture}",
            **study.stores_of(mixture),
        },
        outputs=_checked(mixture),
        name=f"check_{mixture}",
        namespace="prepare",
    )


def _pretraining(study: ChimeraTransferParameters, mixture: str, condition: str, seed: int) -> Node:
    return training_node(
        nodes.train_pretraining,
        study=STUDY,
        cell=network_cell(pretraining_name(mixture, condition), seed),
        phase="pretraining",
        inputs={
            **_training_inputs(study, mixture, "pretraining"),
            "condition": f"{PARAMETERS}.conditions.{condition}",
        },
    )


def _training(study: ChimeraTransferParameters, arm: str, facts: ArmParameters, seed: int) -> Node:
    stage = "baseline" if facts.pretrained_on is None else "fine_tuning"
    inputs = {
        **_training_inputs(study, facts.downstream, stage),
        "evaluation": f"{PARAMETERS}.evaluation",
        "arm": f"{PARAMETERS}.arms.{arm}",
    }
    if facts.pretrained_on is not None:
        source = pretraining_name(facts.pretrained_on, facts.condition)
        inputs["pretrained"] = f"{STUDY}.{network_cell(source, seed)}.pretraining_weights"
    return training_node(
        nodes.train_downstream,
        study=STUDY,
        cell=network_cell(arm, seed),
        phase="downstream",
        inputs=inputs,
    )


def _training_inputs(study: ChimeraTransferParameters, mixture: str, stage: str) -> dict[str, str]:
    return {
        "mixture": f"{PARAMETERS}.mixtures.{mixture}",
        "examples": f"{PARAMETERS}.examples",
        "network": f"{PARAMETERS}.network",
        "training": f"{PARAMETERS}.stages.{stage}",
        "mixture_checked": _checked(mixture),
        **study.stores_of(mixture),
    }


def _evaluation(
    study: ChimeraTransferParameters, arm: str, facts: ArmParameters, seed: int
) -> Iterator[Node]:
    cell, arm_run = f"{STUDY}.{arm}.seed_{seed}", f"{PARAMETERS}.arm_runs.{arm}.seed_{seed}"
    yield node(
        nodes.assemble_separator,
        inputs={
            "weights": f"{STUDY}.{network_cell(arm, seed)}.downstream_weights",
            "arm_run": arm_run,
            "mixture_checked": _checked(facts.downstream),
            **study.stores_of(facts.downstream),
        },
        outputs=f"{cell}.separator",
        name=f"assemble_{arm}_seed_{seed}",
        namespace=arm,
    )
    yield node(
        nodes.score_excerpts,
        inputs={
            "separator": f"{cell}.separator",
            "mixture": f"{PARAMETERS}.mixtures.{facts.downstream}",
            "evaluation": f"{PARAMETERS}.evaluation",
            "arm_run": arm_run,
            "arm": f"{PARAMETERS}.arms.{arm}",
            "execution": "params:execution",
            **study.stores_of(facts.downstream),
        },
        outputs=f"{cell}.excerpt_scores",
        name=f"score_{arm}_seed_{seed}",
        namespace="scores",
        tags="evaluation",
    )


def _results(study: ChimeraTransferParameters) -> Iterator[Node]:
    grid = study.run.arm_seeds
    yield node(
        nodes.collect_excerpts,
        inputs=[f"{STUDY}.{arm}.seed_{seed}.excerpt_scores" for arm, seed in grid],
        outputs=[f"{STUDY}.excerpts", f"{STUDY}.scores"],
        name="collect_excerpts",
        namespace="scores",
    )
    yield curves_node(
        STUDY,
        [
            *(f"{STUDY}.{network_cell(arm, seed)}.downstream_curves" for arm, seed in grid),
            *(
                f"{STUDY}.{network_cell(pretraining_name(*names), seed)}.pretraining_curves"
                for names in study.pretrainings
                for seed in study.run.seeds
            ),
        ],
    )
    yield from _tables()


def _tables() -> Iterator[Node]:
    facts, level = f"{STUDY}.arm_facts", f"{PARAMETERS}.level_db"
    yield node(
        nodes.describe_arms,
        inputs=[f"{PARAMETERS}.arms", f"{PARAMETERS}.run"],
        outputs=facts,
        name="describe_arms",
        namespace="tables",
    )
    yield node(
        nodes.make_tables,
        inputs=[f"{STUDY}.excerpts", f"{STUDY}.curves", facts, "published_results", level],
        outputs=TABLES,
        name="make_tables",
        namespace="tables",
    )
    yield text_node(nodes.write_tables, study=STUDY, inputs=TABLES, tables=TABLES)
    yield node(
        nodes.draw_figures,
        inputs=[TABLES[0], TABLES[2], f"{STUDY}.curves", facts, f"{PARAMETERS}.evaluation", level],
        outputs=FIGURES,
        name="draw_figures",
        namespace="tables",
    )


def _checked(mixture: str) -> str:
    return f"{STUDY}.{mixture}.mixture_checked"
