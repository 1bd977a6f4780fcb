"""One song: decode, separate, refine, write; its files appear when all of them are complete."""

from __future__ import annotations

import functools
import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sep_pipeline.errors import ConfigurationError, DataError, SepPipelineError
from sep_pipeline.files import file_digest
from sep_pipeline.mapping import ShareProgress, torch_threads
from sep_pipeline.separation.card import CARD_NAME, read_card
from sep_pipeline.separation.interface import Separator
from sep_pipeline.separation.separator import load_separator
from sep_pipeline.separation.songs.file import separate_file
from sep_pipeline.separation.songs.options import SongOptions
from sep_pipeline.separation.songs.outputs import publish, working_folder
from sep_pipeline.separation.songs.records import SongResult, record_path, write_record


@dataclass(frozen=True, kw_only=True)
class Model:
    """A separator folder and how it runs.

    Attributes:
        folder: The folder.
        digest: Hash of its card and weights.
        device: Where it runs.
        precision: "fp32" or "bf16".
    """

    folder: Path
    digest: str
    device: str
    precision: str

    def separator(self) -> Separator:
        """The loaded separator, which a process keeps for its next song."""
        return _loaded(self)


@functools.lru_cache(maxsize=1)
def _loaded(model: Model) -> Separator:
    return load_separator(model.folder, device=model.device, precision=model.precision)


def model_digest(folder: Path) -> str:
    """Hash of a separator folder by the content of its files.

    Raises:
        CheckpointError: There is no card, or it does not parse.
    """
    names = [CARD_NAME, *sorted(set(read_card(folder).weights.values()))]
    digests = [file_digest(folder / name) for name in names if (folder / name).is_file()]
    return hashlib.sha256(json.dumps(digests).encode()).hexdigest()


@dataclass(frozen=True, kw_only=True)
class SongJob:
    """One song to separate.

    Attributes:
        track: Its name.
        source: Its file.
        output: The output folder.
        paths: Stem, and the residual if it is wanted, to its file.
        fingerprint: See `song_fingerprint`.
        model: What separates.
        options: What becomes of the song.
        num_threads: Threads of the computation.
    """

    track: str
    source: Path
    output: Path
    paths: Mapping[str, Path]
    fingerprint: str
    model: Model
    options: SongOptions
    num_threads: int

    @property
    def record(self) -> Path:
        """Where its record lies."""
        return record_path(self.output, self.track, self.fingerprint)


def separate_song(job: SongJob) -> SongResult | SepPipelineError:
    """Separate a song; what is wrong with this song alone is returned, so that others can go on.

    Raises:
        CheckpointError: The separator cannot be loaded.
        StorageError: The output folder is not writable or the disk is full; no file appears.
    """
    separator = job.model.separator()
    try:
        with torch_threads(job.num_threads):
            return _separated(job, separator)
    except (DataError, ConfigurationError) as error:
        return error


def _separated(job: SongJob, separator: Separator) -> SongResult:
    start = time.perf_counter()
    with working_folder(job.output, job.fingerprint[:16]) as folder:
        progress = ShareProgress(job.track)
        written = separate_file(separator, job.source, folder, options=job.options, progress=progress)
        result = SongResult(
            track=job.track,
            source=job.source,
            files=dict(job.paths),
            playing_seconds=written.playing_seconds,
            computing_seconds=time.perf_counter() - start,
            sum_error=written.sum_error,
            clipped=written.clipped,
        )
        # The record comes first: of a call that is killed between two files it tells which ones it had made.
        write_record(job.record, job.output, result, written.files)
        publish(written.files, job.paths)
    return result
