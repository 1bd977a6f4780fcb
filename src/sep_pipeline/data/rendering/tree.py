"""Render many songs to one Slakh-layout tree."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Sequence
from pathlib import Path

from sep_pipeline.data.manifest import SPLITS
from sep_pipeline.data.rendering.config import RenderConfig
from sep_pipeline.data.rendering.metadata import METADATA_NAME
from sep_pipeline.data.rendering.track import RenderJob, render_track
from sep_pipeline.data.song_list import Song
from sep_pipeline.errors import NoInputError, SilentStemError
from sep_pipeline.mapping import map_tracks

logger = logging.getLogger(__name__)


def render_jobs(
    songs: Sequence[Song], midi_folder: Path, out_folder: Path, config: RenderConfig
) -> tuple[RenderJob, ...]:
    """Give one job per song; tracks are numbered from 1 in the order of `songs`."""
    return tuple(
        RenderJob(
            midi_path=midi_folder / song.file,
            source=song.file,
            track=f"Track{number:05d}",
            split=song.split,
            start_seconds=song.start_seconds,
            seconds=song.seconds,
            licence=song.licence,
            config=config,
            out_folder=out_folder,
        )
        for number, song in enumerate(songs, start=1)
    )


def render_tree(
    songs: Sequence[Song],
    midi_folder: Path,
    out_folder: Path,
    config: RenderConfig,
    *,
    num_processes: int | None = None,
) -> list[Path]:
    """Render songs to `<out_folder>/<split>/Track%05d`, leaving finished tracks alone.

    Songs without a sounding part of a required class are left out with a warning. Track folders of an
    earlier run that are no longer asked for are removed; nothing else in `out_folder` is touched.

    Args:
        songs: What to render; songs of the part "pretrain" go to the split "train".
        midi_folder: Folder that the songs' file names are relative to.
        out_folder: Root of the tree.
        config: Parameters of rendering.
        num_processes: Worker processes; None takes one per core.

    Returns:
        The track folders in the order of `songs`.

    Raises:
        NoInputError: No song is asked for, or none can be used.
        UnreadableFileError: A MIDI file is missing or does not parse.
        RenderError: FluidSynth's library cannot be opened.
        SoundFontError: The sound font is missing or refused.
    """
    if not songs:
        raise NoInputError("there is no song to render", file=midi_folder)
    jobs = render_jobs(songs, midi_folder, out_folder, config)
    _remove_unwanted(out_folder, wanted={job.folder for job in jobs})
    rendered = map_tracks(
        _render_or_refuse,
        {job.track: job for job in jobs},
        description="render",
        num_processes=num_processes,
    )
    folders = []
    for job in jobs:
        result = rendered[job.track]
        if isinstance(result, Path):
            folders.append(result)
        else:
            logger.warning("left out: %s", result)
            shutil.rmtree(job.folder, ignore_errors=True)
    if not folders:
        raise NoInputError(
            "no song has the required classes", file=midi_folder, expected=config.required_classes
        )
    return folders


def _render_or_refuse(job: RenderJob) -> Path | SilentStemError:
    try:
        return render_track(job)
    except SilentStemError as error:
        return error


def _remove_unwanted(out_folder: Path, wanted: set[Path]) -> None:
    for split in SPLITS:
        for folder in (out_folder / split).glob("Track*"):
            if folder not in wanted and (folder / METADATA_NAME).is_file():
                shutil.rmtree(folder)
        for partial in (out_folder / split).glob(".Track*.partial"):
            shutil.rmtree(partial, ignore_errors=True)
