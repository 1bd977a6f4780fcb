"""Drum loops in the graph: rendered by the node of songs, ingested as loose recordings; and skipped songs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas
import pretty_midi
import pytest

from sep_pipeline.configuration.data import RenderingParameters, StoreParameters
from sep_pipeline.configuration.execution import ProcessParameters
from sep_pipeline.errors import NoInputError
from sep_pipeline.pipelines.data import create_pipeline
from sep_pipeline.pipelines.data.nodes import chosen_songs, ingest_rendered_songs, render_songs

PROCESSES = ProcessParameters(num_processes=1)
NAMES = ("a", "b", "c", "d", "e")


@pytest.fixture
def midi(tmp_path: Path) -> Path:
    """Five songs of different notes: three for training, one each for validation and test."""
    folder = tmp_path / "midi"
    folder.mkdir()
    for number, name in enumerate(NAMES):
        song = pretty_midi.PrettyMIDI()
        drums = pretty_midi.Instrument(0, is_drum=True)
        drums.notes = [
            pretty_midi.Note(100, key, time, time + 0.1)
            for key in (36, 38, 42)
            for time in (0.1 * number, 0.6, 1.0)
        ]
        song.instruments.append(drums)
        song.write(str(folder / f"{name}.mid"))
    return folder


def store(midi: Path, **values: Any) -> StoreParameters:
    synthesis = {"engine": "sine", "sample_rate": 8000, "channels": 1, "tail_seconds": 0.25}
    given = {
        "name": "loops",
        "layout": "remixpacks",
        "stems": ["cymbals", "kick", "snare"],
        "sample_rate": 8000,
        "channels": 1,
        "splits": {"validation_share": 0},
        "rendering": {"midi_folder": str(midi), "drum_kit": {"min_hits": 2}, "synthesis": synthesis},
    }
    return StoreParameters.model_validate({**given, **values})


def test_loops_are_rendered_by_the_node_of_songs(midi: Path) -> None:
    assert [node.name for node in create_pipeline(store(midi), "study.stores.loops").nodes] == [
        "render.render_loops",
        "ingest.ingest_loops",
    ]


def test_loops_become_a_store_whose_splits_share_no_song(midi: Path, tmp_path: Path) -> None:
    parameters = store(midi)
    assert parameters.rendering is not None
    render_songs(parameters.rendering, PROCESSES)(tmp_path / "loops")
    ingest_rendered_songs(tmp_path / "loops", parameters, PROCESSES)(tmp_path / "store")
    manifest = pandas.read_parquet(tmp_path / "store" / "tracks.parquet")
    songs = manifest["track"].str.partition(" - ")[2].groupby(manifest["split"]).agg(set).to_dict()
    assert {split: len(names) for split, names in songs.items()} == {"train": 3, "validation": 1, "test": 1}
    assert set.union(*songs.values()) == set(NAMES)
    assert set(manifest["stem"]) >= {"cymbals", "kick", "snare"}
    assert not len(pandas.read_csv(tmp_path / "store" / "faults.csv"))


def test_skipped_and_kept_songs_of_a_part_share_none(midi: Path) -> None:
    def chosen(**values: Any) -> list[str]:
        rendering = RenderingParameters.model_validate(
            {"midi_folder": str(midi), "parts": ["train"], **values}
        )
        return [song.file for song in chosen_songs(rendering, midi, None)]

    everything = chosen()
    assert chosen(max_songs=2) == everything[:2]
    assert chosen(skip_songs=2) == everything[2:]
    assert chosen(skip_songs=1, max_songs=1) == everything[1:2]


def test_skipping_every_song_is_refused(midi: Path) -> None:
    rendering = RenderingParameters(midi_folder=midi, skip_songs=9)
    with pytest.raises(NoInputError, match="more than 9 songs"):
        chosen_songs(rendering, midi, None)
