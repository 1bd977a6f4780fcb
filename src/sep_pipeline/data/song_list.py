"""Which songs belong to which part: the shipped list, or a split of a folder of one's own MIDI files."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sep_pipeline.data.midi import DRUM_PROGRAM, instrument_class, midi_files, notes_hash, read_midi
from sep_pipeline.errors import (
    ConfigurationError,
    DataError,
    NoInputError,
    SplitOverlapError,
    UnreadableFileError,
)

SONG_LIST_NAME = "songs.csv"
PARTS = ("pretrain", "train", "validation", "test")
COLUMNS = ("file", "part", "demo", "start_seconds", "seconds", "notes_hash", "instruments", "licence")


@dataclass(frozen=True, kw_only=True)
class Song:
    """One MIDI file and its place in the experiment.

    Attributes:
        file: Path relative to the MIDI folder, with forward slashes.
        part: "pretrain", "train", "validation" or "test".
        start_seconds: Where the rendered part of the song begins.
        seconds: Its length; None for all that follows.
        notes_hash: Hash of what is played, from `sep_pipeline.data.midi.notes_hash`.
        instruments: Instrument classes, joined by "; ".
        licence: SPDX name of the licence.
        is_demo: Whether the demo uses the song.
    """

    file: str
    part: str
    start_seconds: float = 0.0
    seconds: float | None = None
    notes_hash: str = ""
    instruments: str = ""
    licence: str = ""
    is_demo: bool = True

    @property
    def split(self) -> str:
        """Split it is rendered to; pre-training songs form the training split of a tree of their own."""
        return "train" if self.part == "pretrain" else self.part


def read_song_list(path: Path) -> tuple[Song, ...]:
    """Read a song list, such as the shipped data/01_raw/midi/songs.csv.

    Raises:
        NoInputError: The list does not exist or is empty.
        UnreadableFileError: A column is missing or a value does not parse; names the line.
        SplitOverlapError: The same notes stand in two parts.
    """
    if not path.is_file():
        raise NoInputError("there is no song list", file=path)
    with path.open(encoding="utf-8", newline="") as stream:
        reader = csv.DictReader(stream)
        missing = sorted(set(COLUMNS) - set(reader.fieldnames or ()))
        if missing:
            raise UnreadableFileError("the song list lacks columns", file=path, expected=missing)
        songs = tuple(_song(row, path, reader.line_num) for row in reader)
    if not songs:
        raise NoInputError("the song list is empty", file=path)
    check_parts(songs, path)
    return songs


def _song(row: dict[str, str], path: Path, line: int) -> Song:
    try:
        if row["part"] not in PARTS or row["demo"] not in ("yes", "no"):
            raise ValueError(f"part {row['part']!r}, demo {row['demo']!r}")
        return Song(
            file=row["file"],
            part=row["part"],
            start_seconds=float(row["start_seconds"]),
            seconds=float(row["seconds"]) if row["seconds"] else None,
            notes_hash=row["notes_hash"],
            instruments=row["instruments"],
            licence=row["licence"],
            is_demo=row["demo"] == "yes",
        )
    except (ValueError, TypeError) as error:
        raise UnreadableFileError(
            "a line of the song list does not parse",
            file=path,
            expected=COLUMNS,
            found=f"line {line}: {error}",
        ) from error


def check_parts(songs: Sequence[Song], path: Path) -> None:
    """Refuse a list in which the same notes stand in two parts.

    Raises:
        SplitOverlapError: Names the two songs.
    """
    seen: dict[str, Song] = {}
    for song in songs:
        earlier = seen.setdefault(song.notes_hash, song)
        if song.notes_hash and earlier.part != song.part:
            raise SplitOverlapError(
                "the same notes stand in two parts",
                file=path,
                found=f"{earlier.file} ({earlier.part}) and {song.file} ({song.part})",
            )


def songs_of_folder(
    folder: Path, *, fractions: tuple[float, float, float] = (0.8, 0.1, 0.1), seed: int = 0
) -> tuple[Song, ...]:
    """Split the MIDI files of a folder that has no song list.

    Songs are ordered by a seeded hash of their notes and cut by the fractions, so that the file names play
    no role and songs with the same notes share a split. From three different songs on every split with a
    share gets one.

    Args:
        folder: Searched with its subfolders.
        fractions: Shares of train, validation and test.
        seed: Another seed gives another split.

    Raises:
        ConfigurationError: The fractions are negative or do not add up to one.
        NoInputError: The folder has no MIDI file.
        UnreadableFileError: A MIDI file does not parse.
    """
    _check_fractions(fractions)
    listed = [_own_song(file, folder) for file in midi_files(folder)]
    part_of = parts_by_notes({song.notes_hash for song in listed}, fractions=fractions, seed=seed)
    return tuple(
        Song(
            file=song.file,
            part=part_of[song.notes_hash],
            notes_hash=song.notes_hash,
            instruments=song.instruments,
        )
        for song in listed
    )


def parts_by_notes(
    notes_hashes: Iterable[str], *, fractions: tuple[float, float, float], seed: int
) -> dict[str, str]:
    """Part of every different song: "train", "validation" or "test"; see `songs_of_folder`.

    Raises:
        ConfigurationError: The fractions are negative or do not add up to one.
    """
    _check_fractions(fractions)
    order = sorted(set(notes_hashes), key=lambda notes: _seeded(notes, seed))
    return dict(zip(order, _cut(len(order), fractions), strict=True))


def _check_fractions(fractions: tuple[float, float, float]) -> None:
    if min(fractions) < 0 or abs(sum(fractions) - 1) > 1e-9:
        raise ConfigurationError(
            "the shares of the splits do not fit",
            parameter="fractions",
            expected="a sum of 1",
            found=fractions,
        )


def _own_song(file: Path, folder: Path) -> Song:
    parsed = read_midi(file)
    return Song(
        file=file.relative_to(folder).as_posix(),
        part="train",
        notes_hash=notes_hash(parsed),
        instruments=class_names(
            DRUM_PROGRAM if part.is_drum else int(part.program) for part in parsed.instruments
        ),
    )


def class_names(programs: Iterable[int]) -> str:
    """Instrument classes of some programs, each once, by name, joined by "; "."""
    return "; ".join(sorted({instrument_class(program) for program in programs}))


def _seeded(notes: str, seed: int) -> str:
    return hashlib.sha256(f"{seed}|{notes}".encode()).hexdigest()


def _cut(num_songs: int, fractions: tuple[float, float, float]) -> list[str]:
    """Split names for songs in order; each split with a share takes one of three or more songs."""
    names = ("train", "validation", "test")
    counts = [round(num_songs * share) for share in fractions]
    if num_songs >= len(names):
        counts = [max(count, 1) if share else 0 for count, share in zip(counts, fractions, strict=True)]
    counts[0] = num_songs - counts[1] - counts[2]
    if counts[0] < 0:
        raise DataError("too few songs for the shares of the splits", parameter="fractions", found=num_songs)
    return [name for name, count in zip(names, counts, strict=True) for _ in range(count)]
