"""Many songs, side by side where that is wanted; what an earlier call has finished is left alone."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from sep_pipeline.errors import ConfigurationError, DataError, SepPipelineError
from sep_pipeline.files import require_writable
from sep_pipeline.mapping import available_processes, map_tracks
from sep_pipeline.separation.songs.inputs import find_songs
from sep_pipeline.separation.songs.job import Model, SongJob, model_digest, separate_song
from sep_pipeline.separation.songs.options import SongOptions
from sep_pipeline.separation.songs.records import (
    RECORDS_FOLDER,
    SongResult,
    finished_song,
    refuse_existing,
    song_fingerprint,
)

logger = logging.getLogger(__name__)


def separate_songs(
    sources: Path | Sequence[Path],
    output: Path,
    model: Path,
    *,
    options: SongOptions | None = None,
    device: str = "cpu",
    precision: str = "fp32",
    num_processes: int = 1,
    should_overwrite: bool = False,
) -> list[SongResult]:
    """Separate songs into files as long as they are, with their sample rate and channels.

    A song is finished when all its files are; a call that is repeated after a stop goes on with the next one.
    Memory does not grow with the length of a song, which lies in temporary files in the output folder meanwhile.

    Args:
        sources: Files, and folders that are searched for songs.
        output: Where files go, as the template of the options says.
        model: Folder of a trained separator; `find_separator` knows its folder by name.
        options: What becomes of each song.
        device: Where the separator runs.
        precision: "fp32" or "bf16".
        num_processes: Songs that are separated side by side, each with its share of the processor's cores.
        should_overwrite: Whether files that are there may be replaced.

    Returns:
        One result per song, in order; also of those that were finished before.

    Raises:
        NoInputError: There is no song.
        DataError: A song cannot be separated; all others are.
        ConfigurationError: An option does not fit the separator, or a file exists.
        CheckpointError: The separator cannot be loaded.
        StorageError: The output folder is not writable or the disk is full.
    """
    paths = [sources] if isinstance(sources, Path) else sources
    songs = find_songs(paths, output)
    require_writable(output / RECORDS_FOLDER)
    chosen = options or SongOptions()
    loaded = Model(folder=model, digest=model_digest(model), device=device, precision=precision)
    jobs = _jobs(songs, output, loaded, chosen, min(num_processes, len(songs)))
    finished = {track: finished_song(job.record, output, job.source) for track, job in jobs.items()}
    pending = {track: job for track, job in jobs.items() if finished[track] is None}
    if len(pending) < len(jobs):
        logger.info("%d of %d songs are finished already", len(jobs) - len(pending), len(jobs))
    if not should_overwrite:
        for job in pending.values():
            refuse_existing(job.record, output, job.paths)
    try:
        made = map_tracks(separate_song, pending, description="separate", num_processes=num_processes)
    finally:
        _remove_if_empty(output / RECORDS_FOLDER, output)
    results: dict[str, SongResult | SepPipelineError] = {
        track: finished[track] or made[track] for track in jobs
    }
    _raise_failures(results)
    return [result for result in results.values() if isinstance(result, SongResult)]


def _jobs(
    songs: Mapping[str, Path], output: Path, model: Model, options: SongOptions, num_processes: int
) -> dict[str, SongJob]:
    separator = model.separator()
    stems = options.chosen(separator.stems)
    jobs: dict[str, SongJob] = {}
    owners: dict[Path, Path] = {}
    for track, source in songs.items():
        paths = options.paths(output, track=track, model=separator.name, stems=stems)
        _refuse_shared(paths, source, songs, owners)
        jobs[track] = SongJob(
            track=track,
            source=source,
            output=output,
            paths=paths,
            fingerprint=song_fingerprint(track, source, model.digest, options, model.device, model.precision),
            model=model,
            options=options,
            num_threads=max(1, available_processes() // num_processes),
        )
    return jobs


def _refuse_shared(
    paths: Mapping[str, Path], source: Path, songs: Mapping[str, Path], owners: dict[Path, Path]
) -> None:
    """No file may come from two songs or stems, or replace a song."""
    known = {path.resolve() for path in songs.values()}
    for path in paths.values():
        if path.resolve() in known:
            raise ConfigurationError(
                "a stem would replace a song that is separated", file=path, expected="another output folder"
            )
        if path in owners:
            raise ConfigurationError(
                "two files would have the same name",
                file=path,
                parameter="template",
                expected="{track} and {stem}",
                found=f"{owners[path]}, {source}",
            )
        owners[path] = source


def _remove_if_empty(*folders: Path) -> None:
    """Leave no trace where nothing came about, but what cannot go, such as a mounted folder."""
    for folder in folders:
        with suppress(OSError):
            folder.rmdir()


def _raise_failures(results: Mapping[str, SongResult | SepPipelineError]) -> None:
    failures = [result for result in results.values() if isinstance(result, SepPipelineError)]
    if len(failures) == 1 == len(results):
        raise failures[0]
    if failures:
        raise DataError(
            f"{len(failures)} of {len(results)} songs could not be separated, the others are",
            found="; ".join(f"{type(failure).__name__}: {failure}" for failure in failures),
        )
