"""Nodes of rendering and ingestion."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import groupby
from pathlib import Path

from sep_pipeline.configuration.data import RenderingParameters, StoreParameters
from sep_pipeline.configuration.execution import ProcessParameters
from sep_pipeline.data.chorales import ChoraleConfig, write_chorales
from sep_pipeline.data.ingestion import ingest
from sep_pipeline.data.rendering import DrumKitConfig, RenderConfig, render_drum_kit, render_tree
from sep_pipeline.data.song_list import SONG_LIST_NAME, Song, read_song_list, songs_of_folder
from sep_pipeline.datasets import FolderWriter
from sep_pipeline.errors import NoInputError
from sep_pipeline.fingerprints import code_digest

logger = logging.getLogger(__name__)


def write_chorale_midi(chorales: ChoraleConfig, processes: ProcessParameters) -> FolderWriter:
    """Write Bach chorales from the music21 package as MIDI files when the catalog saves the folder."""
    return partial(write_chorales, config=chorales, num_processes=processes.num_processes)


def render_chorales(
    chorales: Path, rendering: RenderingParameters, processes: ProcessParameters
) -> FolderWriter:
    """Choose chorales from their folder; they are rendered when the catalog saves the folder.

    Raises:
        NoInputError: There is no chorale of the wanted parts.
    """
    return _renderer(rendering, processes, chorales, chorales / SONG_LIST_NAME)


def render_songs(rendering: RenderingParameters, processes: ProcessParameters) -> FolderWriter:
    """Choose the songs; they, or the loops of their drums, are rendered when the catalog saves the folder.

    Raises:
        NoInputError: There is no MIDI file or no song of the wanted parts.
    """
    assert rendering.midi_folder is not None
    return _renderer(rendering, processes, rendering.midi_folder, rendering.song_list)


def _renderer(
    rendering: RenderingParameters, processes: ProcessParameters, midi_folder: Path, song_list: Path | None
) -> FolderWriter:
    songs = chosen_songs(rendering, midi_folder, song_list)
    logger.info("Rendering %d songs from %s", len(songs), midi_folder)
    return partial(
        _render,
        songs=songs,
        midi_folder=midi_folder,
        config=rendering.synthesis,
        drum_kit=rendering.drum_kit,
        num_processes=processes.num_processes,
    )


def chosen_songs(
    rendering: RenderingParameters, midi_folder: Path, song_list: Path | None
) -> tuple[Song, ...]:
    """The songs of the wanted parts, `max_songs` of each after the first `skip_songs`, in the order of the list.

    Args:
        rendering: Which parts, and which songs of each.
        midi_folder: Folder that the list's file names are relative to.
        song_list: The list; None splits the folder.

    Raises:
        NoInputError: None is left, or its file is missing.
    """
    listed = read_song_list(song_list) if song_list is not None else songs_of_folder(midi_folder)
    wanted = sorted(
        (song for song in listed if song.part in rendering.parts),
        key=lambda song: rendering.parts.index(song.part),
    )
    kept = [
        song
        for _, part in groupby(wanted, key=lambda song: song.part)
        for song in list(part)[rendering.skip_songs :][: rendering.max_songs]
    ]
    if not kept:
        raise NoInputError(
            "no song is left to render",
            file=midi_folder,
            expected=f"parts {', '.join(rendering.parts)} with more than {rendering.skip_songs} songs",
        )
    for song in kept:
        if not (midi_folder / song.file).is_file():
            raise NoInputError("a MIDI file is missing", file=midi_folder / song.file)
    return tuple(kept)


def _render(
    folder: Path,
    *,
    songs: Sequence[Song],
    midi_folder: Path,
    config: RenderConfig,
    drum_kit: DrumKitConfig | None,
    num_processes: int | None,
) -> None:
    if drum_kit is None:
        render_tree(songs, midi_folder, folder, config, num_processes=num_processes)
    else:
        render_drum_kit(songs, midi_folder, folder, config, drum_kit, num_processes=num_processes)


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
    manifest, faults = ingest(
        root,
        folder,
        replace(store.config(), code=code_digest(ingest)),
        set_name=store.name,
        validation_tracks=store.validation_tracks,
        num_processes=num_processes,
    )
    tracks = manifest.drop_duplicates("track").groupby("split").size().to_dict()
    logger.info("Stem store %s: tracks %s, faults %d", folder, tracks, len(faults))
