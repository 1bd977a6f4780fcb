"""Wires study 5: an index of MIDI files, one network per arm and seed on rendered chunks, unseen songs, tables."""

from __future__ import annotations

from collections.abc import Iterator

from kedro.pipeline import Pipeline, node
from kedro.pipeline.node import Node

from sep_pipeline.configuration.midi_waveform import STUDY, MidiWaveformParameters
from sep_pipeline.configuration.project import ProjectParameters
from sep_pipeline.pipelines.midi_waveform import nodes
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
    study = configuration.midi_waveform
    return Pipeline(
        [
            *_preparation(study),
            *(
                step
                for arm, seed in study.run.arm_seeds
                for step in (_training(study, arm, seed), *_evaluation(study, arm, seed))
            ),
            *_collection(study),
            *_results(study),
        ]
    )


def _preparation(study: MidiWaveformParameters) -> Iterator[Node]:
    songs = [_corpus(study), f"{PARAMETERS}.corpus", f"{PARAMETERS}.pool"]
    yield node(
        nodes.index_midi,
        inputs=[f"{PARAMETERS}.corpus", "params:processes"],
        outputs=_corpus(study),
        name=f"index_{study.corpus.name}",
        namespace="prepare",
        tags="data",
    )
    yield node(
        nodes.check_inputs,
        inputs=[*songs, f"{PARAMETERS}.sample_rate", f"{PARAMETERS}.chunk_lengths"],
        outputs=CHECKED,
        name="check_inputs",
        namespace="prepare",
    )
    for length in study.chunk_lengths:
        yield node(
            nodes.draw_held_out_chunks,
            inputs=[
                *songs,
                f"{PARAMETERS}.evaluation",
                f"{PARAMETERS}.chunk_lengths.samples_{length}",
                CHECKED,
            ],
            outputs=_held_out(length),
            name=f"draw_held_out_chunks_{length}",
            namespace="prepare",
            tags="data",
        )
    yield node(
        nodes.render_test_songs,
        inputs=[*songs, f"{PARAMETERS}.evaluation", CHECKED, "params:processes"],
        outputs=_store(study),
        name=f"render_{study.corpus.name}",
        namespace="render",
        tags="data",
    )


def _training(study: MidiWaveformParameters, arm: str, seed: int) -> Node:
    return training_node(
        nodes.train_separation,
        study=STUDY,
        cell=network_cell(arm, seed),
        phase="separation",
        inputs={
            "midi_corpus": _corpus(study),
            "corpus": f"{PARAMETERS}.corpus",
            "pool": f"{PARAMETERS}.pool",
            "held_out_chunks": _held_out(study.heard_samples(arm)),
            "arm": f"{PARAMETERS}.arms.{arm}",
            "inputs_checked": CHECKED,
        },
    )


def _evaluation(study: MidiWaveformParameters, arm: str, seed: int) -> Iterator[Node]:
    cell, arm_run = f"{STUDY}.{arm}.seed_{seed}", f"{PARAMETERS}.arm_runs.{arm}.seed_{seed}"
    yield node(
        nodes.assemble_separator,
        inputs=[
            f"{STUDY}.{network_cell(arm, seed)}.separation_weights",
            f"{PARAMETERS}.arms.{arm}",
            arm_run,
            CHECKED,
        ],
        outputs=f"{cell}.separator",
        name=f"assemble_{arm}_seed_{seed}",
        namespace=arm,
    )
    yield node(
        nodes.score_tracks,
        inputs=[f"{cell}.separator", _store(study), arm_run, "params:execution"],
        outputs=f"{cell}.track_scores",
        name=f"score_{arm}_seed_{seed}",
        namespace="scores",
        tags="evaluation",
    )


def _collection(study: MidiWaveformParameters) -> Iterator[Node]:
    grid = study.run.arm_seeds
    yield node(
        nodes.score_floors,
        inputs=[_store(study), f"{PARAMETERS}.run", f"{PARAMETERS}.corpus.instruments"],
        outputs=f"{STUDY}.floors",
        name="score_floors",
        namespace="scores",
    )
    first = study.run.arms[0]
    yield node(
        nodes.measure_floors,
        inputs=[
            _held_out(study.heard_samples(first)),
            f"{PARAMETERS}.arms.{first}.training.batch_size",
            CHECKED,
        ],
        outputs=f"{STUDY}.floor_measures",
        name="measure_floors",
        namespace="scores",
    )
    yield node(
        nodes.collect_songs,
        inputs=[*(f"{STUDY}.{arm}.seed_{seed}.track_scores" for arm, seed in grid), f"{STUDY}.floors"],
        outputs=[f"{STUDY}.song_scores", f"{STUDY}.scores"],
        name="collect_songs",
        namespace="scores",
    )
    yield curves_node(STUDY, [f"{STUDY}.{network_cell(arm, seed)}.separation_curves" for arm, seed in grid])


def _results(study: MidiWaveformParameters) -> Iterator[Node]:
    yield node(
        nodes.make_tables,
        inputs=[
            f"{STUDY}.song_scores",
            f"{STUDY}.curves",
            f"{STUDY}.floor_measures",
            "published_results",
            f"{PARAMETERS}.arms",
            f"{PARAMETERS}.run",
            CHECKED,
        ],
        outputs=[*TABLES, f"{STUDY}.comparisons"],
        name="make_tables",
        namespace="tables",
    )
    yield text_node(nodes.write_tables, study=STUDY, inputs=[*TABLES, f"{STUDY}.comparisons"], tables=TABLES)
    yield node(
        nodes.draw_losses,
        inputs=f"{STUDY}.curves",
        outputs=f"{STUDY}.figure_losses",
        name="draw_losses",
        namespace="tables",
    )
    yield separated_song_node(STUDY, study.run.arms[0], study.run.seeds[0], _store(study))


def _held_out(length: int) -> str:
    return f"{STUDY}.samples_{length}.held_out_chunks"


def _corpus(study: MidiWaveformParameters) -> str:
    return f"{study.corpus.name}.midi_corpus"


def _store(study: MidiWaveformParameters) -> str:
    return f"{study.corpus.name}.stem_store"
