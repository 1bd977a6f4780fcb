"""Nodes of rendering and ingestion."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import partial
from itertools import groupby
from pathlib import Path

from sep_pipeline.configuration.data import RenderingParameters, StoreParameters
from sep_pipeline.configuration.execution import ProcessParameters
from sep_pipeline.data.rendering import render_tree
from sep_pipeline.data.song_list import Song, read_song_list, songs_of_folder
from sep_pipeline.data.store import StoreConfig, ingest
from sep_pipeline.datasets import FolderWriter
from sep_pipeline.errors import NoInputError

logger = logging.getLogger(__name__)

# Files used in place cannot be cut or converted, so stems that do not fit each other end the run.
IN_PLACE_RULES = {"length_mismatch": "stop", "rate_mismatch": "stop"}


def render_songs(rendering: RenderingParameters, processes: ProcessParameters) -> FolderWriter:
    """Choose the songs; they are rendered into the folder when the catalog saves it.

    Raises:
        NoInputError: There is no MIDI file or no song of the wanted parts.
    """
    songs = chosen_songs(rendering)
    logger.info("Rendering %d songs from %s", len(songs), rendering.midi_folder)
    return partial(_render, songs=songs, rendering=rendering, num_processes=processes.num_processes)


def chosen_songs(rendering: RenderingParameters) -> tuple[Song, ...]:
    """The songs of the wanted parts, at most `max_songs` of each, in the order of the list.

    Raises:
        NoInputError: None is left, or its file is missing.
    """
    listed = (
        read_song_list(rendering.song_list)
        if rendering.song_list is not None
        else songs_of_folder(rendering.midi_folder)
    )
    wanted = sorted(
        (song for song in listed if song.part in rendering.parts),
        key=lambda song: rendering.parts.index(song.part),
    )
    kept = [
        song
        for _, part in groupby(wanted, key=lambda song: song.part)
        for song in list(part)[: rendering.max_songs]
    ]
    if not kept:
        raise NoInputError(
            "no song is left to render",
            file=rendering.midi_folder,
            expected=f"parts {', '.join(rendering.parts)}",
        )
    for song in kept:
        if not (rendering.midi_folder / song.file).is_file():
            raise NoInputError("a MIDI file is missing", file=rendering.midi_folder / song.file)
    return tuple(kept)


def _render(
    folder: Path, *, songs: Sequence[Song], rendering: RenderingParameters, num_processes: int | None
) -> None:
    render_tree(songs, rendering.midi_folder, folder, rendering.synthesis, num_processes=num_processes)


def ingest_rendered_songs(
    rendered_songs: Path, store: StoreParameters, processes: ProcessParameters
) -> FolderWriter:
    """Turn rendered songs into a stem store with manifest and fault list when the catalog saves it."""
    return partial(_ingest, root=rendered_songs, store=store, num_processes=processes.num_processes)


def ingest_folder(store: StoreParameters, processes: ProcessParameters) -> FolderWriter:
    """Turn a user's own data set into a stem store with manifest and fault list when the catalog saves it."""
    assert store.root is not None
    return partial(_ingest, root=store.root, store=store, num_processes=processes.num_processes)


def _ingest(folder: Path, *, root: Path, store: StoreParameters, num_processes: int | None) -> None:
    config = StoreConfig(
        layout=store.layout,
        stems=store.stems,
        grouping=store.grouping,
        channels=store.channels,
        min_seconds=store.min_seconds,
        on_fault={**(IN_PLACE_RULES if store.layout == "musdb_hq" else {}), **store.on_fault},
    )
    manifest, faults = ingest(
        root,
        folder,
        config,
        set_name=store.name,
        validation_tracks=store.validation_tracks,
        num_processes=num_processes,
    )
    tracks = manifest.drop_duplicates("track").groupby("split").size().to_dict()
    logger.info("Stem store %s: tracks %s, faults %d", folder, tracks, len(faults))
