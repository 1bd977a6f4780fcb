"""Render the drums of many songs to one tree of loops: `[<split>/]<source>/<song>.wav`."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from sep_pipeline.data.rendering.config import RenderConfig
from sep_pipeline.data.rendering.drum_kit import DrumKitConfig
from sep_pipeline.data.rendering.loops import RECORDS_FOLDER, LoopJob, remove_loops, render_loops
from sep_pipeline.data.rendering.tree import render_jobs
from sep_pipeline.data.song_list import Song
from sep_pipeline.errors import NoInputError, SilentStemError, SplitOverlapError
from sep_pipeline.mapping import map_tracks

logger = logging.getLogger(__name__)


def render_drum_kit(
    songs: Sequence[Song],
    midi_folder: Path,
    out_folder: Path,
    config: RenderConfig,
    drum_kit: DrumKitConfig,
    *,
    num_processes: int | None = None,
) -> list[Path]:
    """Render the drums of songs to a tree of loops, leaving finished songs alone.

    Songs without a loop are left out with a warning. Loops of an earlier run that are no longer asked for are
    removed; nothing else in `out_folder` is touched.

    Args:
        songs: What to render; songs of the part "pretrain" go to the split "train".
        midi_folder: Folder that the songs' file names are relative to.
        out_folder: Root of the tree.
        config: Parameters of rendering.
        drum_kit: Which sources.
        num_processes: Worker processes; None takes one per core.

    Returns:
        The files, by the order of `songs` and sources.

    Raises:
        NoInputError: No song is asked for, or none gives a loop.
        SplitOverlapError: Two songs would give loops of one name.
        UnreadableFileError: A MIDI file is missing or does not parse.
        RenderError: FluidSynth's library cannot be opened.
        SoundFontError: The sound font is missing or refused.
        StorageError: The tree is not writable or the disk is full.
    """
    if not songs:
        raise NoInputError("there is no song to render", file=midi_folder)
    jobs = loop_jobs(songs, midi_folder, out_folder, config, drum_kit)
    _remove_unwanted(out_folder, wanted=set(jobs))
    rendered = map_tracks(
        _render_or_refuse, jobs, description="render drum loops", num_processes=num_processes
    )
    files: list[Path] = []
    for name, result in rendered.items():
        if isinstance(result, SilentStemError):
            logger.warning("left out: %s", result)
            remove_loops(jobs[name].record, out_folder)
        else:
            files += result
    if not files:
        raise NoInputError(
            "no song has a loop of the wanted sources",
            file=midi_folder,
            parameter="drum_kit",
            expected=f"{drum_kit.min_hits} hits of {', '.join(drum_kit.sources)}",
        )
    return files


def loop_jobs(
    songs: Sequence[Song], midi_folder: Path, out_folder: Path, config: RenderConfig, drum_kit: DrumKitConfig
) -> dict[str, LoopJob]:
    """Give one job per song by the name of its loops, which is its path in the MIDI folder joined by hyphens.

    Raises:
        SplitOverlapError: Two songs would give loops of one name.
    """
    jobs: dict[str, LoopJob] = {}
    for song in render_jobs(songs, midi_folder, out_folder, config):
        name = "-".join(PurePosixPath(song.source).with_suffix("").parts)
        if name in jobs:
            raise SplitOverlapError(
                "two songs would give loops of one name",
                file=song.midi_path,
                expected=f"another name than that of {jobs[name].song.midi_path}",
                found=name,
            )
        jobs[name] = LoopJob(song=replace(song, track=name), drum_kit=drum_kit)
    return jobs


def _render_or_refuse(job: LoopJob) -> list[Path] | SilentStemError:
    try:
        return render_loops(job)
    except SilentStemError as error:
        return error


def _remove_unwanted(out_folder: Path, wanted: set[str]) -> None:
    for record in (out_folder / RECORDS_FOLDER).glob("*.json"):
        if record.stem not in wanted:
            remove_loops(record, out_folder)
