"""Wires study 3: shared pre-trainings of encoders, one network per arm and seed, scores of songs, tables."""

from __future__ import annotations

from collections.abc import Iterator

from kedro.pipeline import Pipeline, node
from kedro.pipeline.node import Node

from sep_pipeline.configuration.contrastive_demix import (
    STUDY,
    UNTRAINED,
    ContrastiveDemixParameters,
    encoder_name,
)
from sep_pipeline.configuration.project import ProjectParameters
from sep_pipeline.pipelines import data
from sep_pipeline.pipelines.contrastive_demix import nodes
from sep_pipeline.pipelines.study.wiring import (
    curves_node,
    network_cell,
    separated_song_node,
    text_node,
    training_node,
)

PARAMETERS = f"params:{STUDY}"
CHECKED = f"{STUDY}.inputs_checked"
TABLES = [f"{STUDY}.table_{number}" for number in (1, 2, 3)]


def create_pipeline(configuration: ProjectParameters) -> Pipeline:
    """The whole study with its upstream."""
    study = configuration.contrastive_demix
    steps = [
        _check(study),
        *(_pretraining(study, name, seed) for name in study.used_pretrainings for seed in study.run.seeds),
        *(
            _embedding(study, name, seed)
            for name in (UNTRAINED, *study.used_pretrainings)
            for seed in study.run.seeds
        ),
        *(
            step
            for arm, seed in study.run.arm_seeds
            for step in (_training(study, arm, seed), *_evaluation(study, arm, seed))
        ),
        *_collection(study),
        *_results(study),
    ]
    return data.create_pipeline(study.data, f"{STUDY}.data") + Pipeline(steps)


def _check(study: ContrastiveDemixParameters) -> Node:
    return node(
        nodes.check_inputs,
        inputs=[
            _store(study),
            f"{PARAMETERS}.network",
            f"{PARAMETERS}.mixtures",
            f"{PARAMETERS}.triplets",
            f"{PARAMETERS}.pretrainings",
            f"{PARAMETERS}.used_pretrainings",
        ],
        outputs=CHECKED,
        name="check_inputs",
        namespace="prepare",
    )


def _pretraining(study: ContrastiveDemixParameters, pretraining: str, seed: int) -> Node:
    return training_node(
        nodes.train_pretraining,
        study=STUDY,
        cell=network_cell(encoder_name(pretraining), seed),
        phase="pretraining",
        inputs={
            **_training_inputs(study, "pretraining"),
            "triplets": f"{PARAMETERS}.triplets",
            "pretraining": f"{PARAMETERS}.pretrainings.{pretraining}",
        },
    )


def _embedding(study: ContrastiveDemixParameters, pretraining: str, seed: int) -> Node:
    encoder = encoder_name(pretraining)
    inputs = {
        "stem_store": _store(study),
        "network": f"{PARAMETERS}.network",
        "triplets": f"{PARAMETERS}.triplets",
        "cell": f"{PARAMETERS}.cells.{network_cell(encoder, seed)}",
        "execution": "params:execution",
        "inputs_checked": CHECKED,
    }
    if pretraining != UNTRAINED:
        inputs["weights"] = f"{STUDY}.{network_cell(encoder, seed)}.pretraining_weights"
    return node(
        nodes.embed_test_triplets,
        inputs=inputs,
        outputs=f"{STUDY}.{encoder}.seed_{seed}.embeddings",
        name=f"embed_{pretraining}_seed_{seed}",
        namespace="scores",
        tags="evaluation",
    )


def _training(study: ContrastiveDemixParameters, arm: str, seed: int) -> Node:
    inputs = {
        **_training_inputs(study, "training"),
        "mixtures": f"{PARAMETERS}.mixtures",
        "arm": f"{PARAMETERS}.arms.{arm}",
    }
    pretraining = study.arms[arm].pretraining
    if pretraining is not None:
        inputs["pretrained"] = f"{STUDY}.{network_cell(encoder_name(pretraining), seed)}.pretraining_weights"
    return training_node(
        nodes.train_separation,
        study=STUDY,
        cell=network_cell(arm, seed),
        phase="separation",
        inputs=inputs,
    )


def _training_inputs(study: ContrastiveDemixParameters, stage: str) -> dict[str, str]:
    return {
        "stem_store": _store(study),
        "network": f"{PARAMETERS}.network",
        "training": f"{PARAMETERS}.stages.{stage}",
        "inputs_checked": CHECKED,
    }


def _evaluation(study: ContrastiveDemixParameters, arm: str, seed: int) -> Iterator[Node]:
    cell, arm_run = f"{STUDY}.{arm}.seed_{seed}", f"{PARAMETERS}.arm_runs.{arm}.seed_{seed}"
    yield node(
        nodes.assemble_separator,
        inputs=[
            f"{STUDY}.{network_cell(arm, seed)}.separation_weights",
            f"{PARAMETERS}.arms.{arm}",
            arm_run,
            _store(study),
            CHECKED,
        ],
        outputs=f"{cell}.separator",
        name=f"assemble_{arm}_seed_{seed}",
        namespace=arm,
    )
    yield node(
        nodes.score_tracks,
        inputs=[
            f"{cell}.separator",
            _store(study),
            f"{PARAMETERS}.evaluation",
            arm_run,
            "params:execution",
        ],
        outputs=f"{cell}.track_scores",
        name=f"score_{arm}_seed_{seed}",
        namespace="scores",
        tags="evaluation",
    )


def _collection(study: ContrastiveDemixParameters) -> Iterator[Node]:
    grid = study.run.arm_seeds
    encoders = [(encoder_name(name), seed) for name in study.used_pretrainings for seed in study.run.seeds]
    untrained = [(encoder_name(UNTRAINED), seed) for seed in study.run.seeds]
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
        nodes.collect_songs,
        inputs=[*(f"{STUDY}.{arm}.seed_{seed}.track_scores" for arm, seed in grid), f"{STUDY}.floors"],
        outputs=[f"{STUDY}.song_scores", f"{STUDY}.scores"],
        name="collect_songs",
        namespace="scores",
    )
    yield node(
        nodes.collect_embeddings,
        inputs=[f"{STUDY}.{encoder}.seed_{seed}.embeddings" for encoder, seed in (*untrained, *encoders)],
        outputs=f"{STUDY}.embeddings",
        name="collect_embeddings",
        namespace="tables",
    )
    yield curves_node(
        STUDY,
        [
            *(f"{STUDY}.{network_cell(name, seed)}.pretraining_curves" for name, seed in encoders),
            *(f"{STUDY}.{network_cell(arm, seed)}.separation_curves" for arm, seed in grid),
        ],
    )


def _results(study: ContrastiveDemixParameters) -> Iterator[Node]:
    yield node(
        nodes.make_tables,
        inputs=[
            f"{STUDY}.song_scores",
            f"{STUDY}.embeddings",
            f"{STUDY}.curves",
            "published_results",
            f"{PARAMETERS}.arms",
            f"{PARAMETERS}.run",
            f"{PARAMETERS}.pretrainings",
            f"{PARAMETERS}.triplets",
            _store(study),
        ],
        outputs=[*TABLES, f"{STUDY}.comparisons"],
        name="make_tables",
        namespace="tables",
    )
    yield text_node(nodes.write_tables, study=STUDY, inputs=[*TABLES, f"{STUDY}.comparisons"], tables=TABLES)
    yield node(
        nodes.draw_losses,
        inputs=[f"{STUDY}.curves", f"{PARAMETERS}.triplets"],
        outputs=[f"{STUDY}.figure_pretraining", f"{STUDY}.figure_separation"],
        name="draw_losses",
        namespace="tables",
    )
    yield node(
        nodes.draw_embeddings,
        inputs=[f"{STUDY}.embeddings", CHECKED],
        outputs=f"{STUDY}.figure_embeddings",
        name="draw_embeddings",
        namespace="tables",
    )
    # The last arm of a run is the one that most was done for.
    yield separated_song_node(STUDY, study.run.arms[-1], study.run.seeds[0], _store(study))


def _store(study: ContrastiveDemixParameters) -> str:
    return f"{study.data.name}.stem_store"
