"""Index a folder of MIDI files, and keep the index in a file."""

from __future__ import annotations

import json
import logging
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from sep_pipeline.data.midi import DRUM_PROGRAM, midi_files, notes_hash, read_midi
from sep_pipeline.data.midi_corpus.corpus import CorpusConfig, IndexedSong, MidiCorpus, Rejection
from sep_pipeline.data.song_list import parts_by_notes
from sep_pipeline.errors import NoInputError, UnreadableFileError
from sep_pipeline.files import file_digest, write_text
from sep_pipeline.mapping import map_tracks

logger = logging.getLogger(__name__)

DRUM_CHANNEL = 9
NAMES_PER_LINE = 10


def index_corpus(
    folder: Path, config: CorpusConfig | None = None, *, num_processes: int | None = None
) -> MidiCorpus:
    """Read every MIDI file of a folder once; what cannot be used is counted and named, not fatal.

    Rejected are files that do not parse, files with two channels in one track or two programs on one channel
    (drums apart), files in which nothing sounds and files that are too long. Songs are split by their notes, see
    `song_list.songs_of_folder`.

    Args:
        folder: Searched with its subfolders.
        config: Bound of the length, and shares of the splits.
        num_processes: Processes that read; None takes one per core.

    Raises:
        ConfigurationError: The shares of the splits do not fit.
        NoInputError: The folder has no MIDI file, or none that can be used.
    """
    config = config or CorpusConfig()
    jobs = {
        path.relative_to(folder).as_posix(): _Job(path, folder, config.max_seconds)
        for path in midi_files(folder)
    }
    found = map_tracks(_indexed, jobs, description="index", num_processes=num_processes).values()
    songs = [entry for entry in found if isinstance(entry, IndexedSong)]
    rejections = tuple(entry for entry in found if isinstance(entry, Rejection))
    _tell(len(songs), rejections)
    if not songs:
        raise NoInputError(
            "no MIDI file can be used",
            file=folder,
            found="; ".join(f"{entry.file}: {entry.reason}" for entry in rejections[:NAMES_PER_LINE]),
        )
    splits = parts_by_notes((song.notes_hash for song in songs), fractions=config.fractions, seed=config.seed)
    placed = tuple(replace(song, split=splits[song.notes_hash]) for song in songs)
    return MidiCorpus(folder=folder, songs=placed, rejections=rejections)


def write_corpus(corpus: MidiCorpus, path: Path) -> None:
    """Write an index as JSON; the folder is left out, so that it may move."""
    content = {
        "songs": [asdict(song) for song in corpus.songs],
        "rejections": [asdict(rejection) for rejection in corpus.rejections],
    }
    write_text(path, json.dumps(content, indent=1) + "\n")


def read_corpus(path: Path, folder: Path) -> MidiCorpus:
    """Read an index that `write_corpus` wrote.

    Raises:
        NoInputError: There is no such file.
        UnreadableFileError: It is no index.
    """
    if not path.is_file():
        raise NoInputError("there is no index of MIDI files", file=path)
    try:
        content: dict[str, list[dict[str, Any]]] = json.loads(path.read_text(encoding="utf-8"))
        return MidiCorpus(
            folder=folder,
            songs=tuple(
                IndexedSong(**{**song, "programs": tuple(song["programs"])}) for song in content["songs"]
            ),
            rejections=tuple(Rejection(**rejection) for rejection in content["rejections"]),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise UnreadableFileError(
            "the file is no index of MIDI files", file=path, found=str(error)
        ) from error


@dataclass(frozen=True)
class _Job:
    """One file to index."""

    path: Path
    folder: Path
    max_seconds: float


def _indexed(job: _Job) -> IndexedSong | Rejection:
    file = job.path.relative_to(job.folder).as_posix()
    try:
        song = read_midi(job.path)
        problem = _channel_problem(job.path)
    except UnreadableFileError:
        return Rejection(file=file, reason="not readable MIDI")
    sounding = [part for part in song.instruments if part.notes]
    seconds = float(song.get_end_time())
    if problem is None and not sounding:
        problem = "no notes"
    elif problem is None and seconds <= 0:
        problem = "zero length"
    elif problem is None and seconds > job.max_seconds:
        problem = f"longer than {job.max_seconds:g} s"
    if problem is not None:
        return Rejection(file=file, reason=problem)
    programs = {DRUM_PROGRAM if part.is_drum else int(part.program) for part in sounding}
    return IndexedSong(
        file=file,
        split="train",
        notes_hash=notes_hash(song),
        content_hash=file_digest(job.path),
        seconds=seconds,
        programs=tuple(sorted(programs)),
    )


def _channel_problem(path: Path) -> str | None:
    """What is wrong with channels and programs, which the parsed song does not tell any more."""
    import mido

    programs = defaultdict(set)
    for track in mido.MidiFile(str(path)).tracks:
        channels = set()
        for channel, program in _sounding(track):
            channels.add(channel)
            programs[channel].add(program)
        if len(channels) > 1:
            return "two channels in one track"
    is_mixed = any(len(found) > 1 for channel, found in programs.items() if channel != DRUM_CHANNEL)
    return "two programs on one channel" if is_mixed else None


def _sounding(track: Any) -> Iterator[tuple[int, int]]:
    """Channel and current program of every note of a track; program 0 until another is chosen."""
    current: dict[int, int] = {}
    for message in track:
        if message.type == "program_change":
            current[message.channel] = message.program
        elif message.type == "note_on" and message.velocity > 0:
            yield message.channel, current.get(message.channel, 0)


def _tell(num_songs: int, rejections: tuple[Rejection, ...]) -> None:
    logger.info("index: %d MIDI files can be used, %d were rejected", num_songs, len(rejections))
    by_reason = defaultdict(list)
    for rejection in rejections:
        by_reason[rejection.reason].append(rejection.file)
    for reason, files in by_reason.items():
        more = ", ..." if len(files) > NAMES_PER_LINE else ""
        logger.warning("rejected, %s: %d: %s%s", reason, len(files), ", ".join(files[:NAMES_PER_LINE]), more)
