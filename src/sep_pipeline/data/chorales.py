"""Four-part Bach chorales as MIDI files, written from the corpus inside the installed music21 package.

The encodings are others' work and are never shipped; the files are made from the user's own installation.
"""

from __future__ import annotations

import csv
import hashlib
import io
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from sep_pipeline.data.midi import notes_hash, read_midi
from sep_pipeline.data.song_list import COLUMNS, SONG_LIST_NAME, Song, class_names
from sep_pipeline.errors import ConfigurationError, NoInputError
from sep_pipeline.files import storage_errors, write_text, written_aside
from sep_pipeline.mapping import map_tracks

if TYPE_CHECKING:
    import pretty_midi

logger = logging.getLogger(__name__)

Ensemble = Literal["winds", "choir"]

PARTS = ("soprano", "alto", "tenor", "bass")
PLAYERS: Mapping[str, Mapping[str, int]] = {
    "winds": {"violin": 40, "clarinet": 71, "saxophone": 66, "bassoon": 70},
    "choir": dict.fromkeys(PARTS, 52),
}
"""Ensemble to who plays its parts from soprano to bass, with zero-based General MIDI programs.

The winds are those of the Bach10 data set, the saxophone a tenor; the choir sings "aah" in all four parts.
"""
SPLITS = ("train", "validation", "test")
# MusicXML; the corpus has three of these pieces a second time in another form.
SCORE_SUFFIXES = (".mxl", ".xml")
LICENCE = "NOASSERTION"
VELOCITIES = range(64, 101)
TICKS_PER_QUARTER = 960
MIN_QUARTERS = 4
# Fewer files than this are parsed sooner than worker processes have started.
MIN_FILES_FOR_PROCESSES = 64
NOT_FOUR_PARTS = "without four parts named Soprano, Alto, Tenor and Bass"


@dataclass(frozen=True, kw_only=True)
class ChoraleConfig:
    """Which chorales are written, and how they are played.

    Attributes:
        ensemble: "winds" (violin, clarinet, tenor saxophone, bassoon) or "choir".
        quarters_per_minute: Tempo; the scores state none.
        num_songs: Number of chorales in all splits together; None takes all.
        shares: Shares of train, validation and test.
        seed: Seed of the choice, the order, the splits and the velocities.
    """

    ensemble: Ensemble = "winds"
    quarters_per_minute: float = 80.0
    num_songs: int | None = None
    shares: tuple[float, float, float] = (0.8, 0.1, 0.1)
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse values outside their range; a list of shares becomes a tuple."""
        object.__setattr__(self, "shares", tuple(self.shares))
        are_shares = len(self.shares) == len(SPLITS) and min(self.shares) >= 0
        checks: Mapping[str, tuple[bool, str]] = {
            "ensemble": (self.ensemble in PLAYERS, " or ".join(PLAYERS)),
            # A MIDI file can hold no slower tempo.
            "quarters_per_minute": (4 <= self.quarters_per_minute <= 1000, "4 to 1000"),
            "num_songs": (self.num_songs is None or self.num_songs >= 1, "one or more, or none for all"),
            "shares": (are_shares and abs(sum(self.shares) - 1) < 1e-9, "three shares with a sum of 1"),
            "seed": (self.seed >= 0, "zero or more"),
        }
        for name, (is_right, expected) in checks.items():
            if not is_right:
                raise ConfigurationError(
                    "a parameter of the chorales is out of range",
                    parameter=name,
                    expected=expected,
                    found=getattr(self, name),
                )


@dataclass(frozen=True, kw_only=True)
class ChoraleNote:
    """One note of a part; start and length are in quarters, the pitch is a MIDI number."""

    start_quarters: float
    length_quarters: float
    pitch: int


@dataclass(frozen=True, kw_only=True)
class _Job:
    """A score file, and where and how it is written as MIDI."""

    score: Path
    folder: Path
    config: ChoraleConfig


@dataclass(frozen=True, kw_only=True)
class _Written:
    """A chorale on disk: its name, its soprano line free of key and rhythm, and the hash of its notes."""

    name: str
    melody: tuple[int, ...] = field(repr=False)
    notes_hash: str

    @property
    def file(self) -> str:
        return f"{self.name}.mid"


def write_chorales(
    folder: Path, config: ChoraleConfig, *, num_processes: int | None = None
) -> tuple[Song, ...]:
    """Write chorales as MIDI files with one track per part, and their list `songs.csv`.

    The files of the corpus are gone through in a seeded order until enough chorales are found. Chorales with
    the same soprano line, in whatever key and rhythm, share a split. The list is written last; chorales of an
    earlier run that are not in it are removed.

    Args:
        folder: Where they are written; made if it is missing.
        config: Which chorales, and how they are played.
        num_processes: Worker processes for many files; None takes one per core.

    Returns:
        The songs in the order of the list.

    Raises:
        ConfigurationError: The package music21 is not installed.
        NoInputError: Its corpus holds no chorale that can be used.
        StorageError: The folder is not writable or the disk is full.
    """
    scores = chorale_scores()
    with storage_errors(folder):
        (folder / SONG_LIST_NAME).unlink(missing_ok=True)
    order = np.random.default_rng(config.seed).permutation(len(scores))
    jobs = [_Job(score=scores[at], folder=folder, config=config) for at in order]
    written = _write_enough(jobs, config.num_songs, num_processes)
    if not written:
        raise NoInputError("music21's corpus holds no chorale in four parts", file=scores[0].parent)
    songs = _songs(written, config)
    _remove_unwanted(folder, scores, {song.file for song in songs})
    _write_list(folder / SONG_LIST_NAME, songs)
    return songs


def chorale_scores() -> tuple[Path, ...]:
    """Score files by Bach in music21's corpus, by name.

    Raises:
        ConfigurationError: The package music21 is not installed.
        NoInputError: It came without its corpus.
    """
    try:
        from music21.corpus.corpora import CoreCorpus
    except ImportError as error:
        raise ConfigurationError(
            "chorales are read from the package music21, which is not installed",
            parameter="chorales",
            expected="pip install music21",
        ) from error
    files = {Path(path) for path in CoreCorpus().getComposer("bach")}
    scores = sorted((file for file in files if file.suffix in SCORE_SUFFIXES), key=lambda file: file.name)
    if not scores:
        raise NoInputError("this copy of music21 has no scores by Bach", expected="music21 with its corpus")
    return tuple(scores)


def _write_enough(jobs: Sequence[_Job], num_songs: int | None, num_processes: int | None) -> list[_Written]:
    """Do jobs in their order, no more than needed, until `num_songs` chorales are written."""
    written: list[_Written] = []
    num_others = num_done = 0
    wanted = len(jobs) if num_songs is None else num_songs
    while len(written) < wanted and num_done < len(jobs):
        batch = jobs[num_done : num_done + wanted - len(written)]
        num_done += len(batch)
        results = map_tracks(
            _write_one,
            {job.score.name: job for job in batch},
            description="write chorales",
            num_processes=num_processes if len(batch) >= MIN_FILES_FOR_PROCESSES else 1,
        )
        for name, result in results.items():
            if isinstance(result, _Written):
                written.append(result)
            elif result == NOT_FOUR_PARTS:
                num_others += 1
            else:
                logger.warning("left out: %s (%s)", name, result)
    logger.info("Chorales written: %d; passed over, %s: %d", len(written), NOT_FOUR_PARTS, num_others)
    if num_songs is not None and len(written) < num_songs:
        logger.warning("there are only %d chorales, not %d", len(written), num_songs)
    return written


def _write_one(job: _Job) -> _Written | str:
    """Write one chorale; for a score that cannot be used, the reason."""
    try:
        parts = chorale_parts(_parsed(job.score))
    except Exception as error:
        # The parsers of scores raise whatever they meet.
        return f"it does not parse: {str(error) or type(error).__name__}"
    if parts is None:
        return NOT_FOUR_PARTS
    if min(sum(note.length_quarters for note in notes) for notes in parts.values()) < MIN_QUARTERS:
        return f"a part is shorter than {MIN_QUARTERS} quarters"
    name = job.score.stem
    path = job.folder / f"{name}.mid"
    with written_aside(path) as aside:
        chorale_midi(parts, job.config, random=_velocity_generator(name, job.config)).write(str(aside))
    soprano = parts["soprano"]
    return _Written(
        name=name,
        melody=tuple(note.pitch - soprano[0].pitch for note in soprano),
        notes_hash=notes_hash(read_midi(path)),
    )


def _parsed(score: Path) -> Any:
    """The score as a music21 stream; this way of parsing writes no cache of its own to the disk."""
    from music21.converter import Converter

    converter = Converter()
    converter.parseFileNoPickle(score)
    return converter.stream


def _velocity_generator(name: str, config: ChoraleConfig) -> np.random.Generator:
    """A chorale's own generator, so that its velocities do not depend on which others are written."""
    number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")
    return np.random.default_rng([config.seed, number])


def chorale_parts(score: Any) -> dict[str, tuple[ChoraleNote, ...]] | None:
    """The notes of a four-part score: ties merged, grace notes dropped, repeats ignored.

    Args:
        score: A music21 stream.

    Returns:
        "soprano", "alto", "tenor" and "bass" to their notes by start; None unless the score has exactly four
        parts of these names in this order.
    """
    parts = list(getattr(score, "parts", ()))
    if tuple((part.partName or "").lower() for part in parts) != PARTS:
        return None
    return {name: _notes(part) for name, part in zip(PARTS, parts, strict=True)}


def _notes(part: Any) -> tuple[ChoraleNote, ...]:
    return tuple(
        ChoraleNote(
            start_quarters=float(element.offset),
            length_quarters=float(element.quarterLength),
            pitch=int(pitch.midi),
        )
        for element in part.flatten().stripTies().notes
        if not element.duration.isGrace
        for pitch in element.pitches
    )


def chorale_midi(
    parts: Mapping[str, Sequence[ChoraleNote]], config: ChoraleConfig, *, random: np.random.Generator
) -> pretty_midi.PrettyMIDI:
    """Four parts as a MIDI song with one track each, named after the part.

    Args:
        parts: "soprano", "alto", "tenor" and "bass" to their notes.
        config: Ensemble and tempo.
        random: Draws the velocity of every note, 64 to 100.
    """
    import pretty_midi

    song = pretty_midi.PrettyMIDI(resolution=TICKS_PER_QUARTER, initial_tempo=config.quarters_per_minute)
    seconds_per_quarter = 60 / config.quarters_per_minute
    for part, (name, program) in zip(PARTS, PLAYERS[config.ensemble].items(), strict=True):
        instrument = pretty_midi.Instrument(program, name=name)
        velocities = random.integers(VELOCITIES.start, VELOCITIES.stop, len(parts[part]))
        for note, velocity in zip(parts[part], velocities, strict=True):
            start = note.start_quarters * seconds_per_quarter
            end = (note.start_quarters + note.length_quarters) * seconds_per_quarter
            instrument.notes.append(pretty_midi.Note(int(velocity), note.pitch, start, end))
        song.instruments.append(instrument)
    return song


def _songs(written: Sequence[_Written], config: ChoraleConfig) -> tuple[Song, ...]:
    families: dict[tuple[int, ...], list[str]] = {}
    for chorale in written:
        families.setdefault(chorale.melody, []).append(chorale.name)
    split_of = _splits(list(families.values()), config.shares)
    return tuple(
        Song(
            file=chorale.file,
            part=split_of[chorale.name],
            notes_hash=chorale.notes_hash,
            instruments=class_names(tuple(PLAYERS[config.ensemble].values())),
            licence=LICENCE,
        )
        for chorale in written
    )


def _splits(families: Sequence[Sequence[str]], shares: tuple[float, float, float]) -> dict[str, str]:
    """Name of each chorale to its split, from the names that must share one.

    The smaller splits are filled first, each with at least one chorale where there are three or more; the
    split with the largest share takes what is left.
    """
    num_songs = sum(len(family) for family in families)
    share_of = dict(zip(SPLITS, shares, strict=True))
    largest = max(SPLITS, key=share_of.__getitem__)
    least = 1 if num_songs >= len(SPLITS) else 0
    room = {
        split: max(round(num_songs * share), least)
        for split, share in share_of.items()
        if split != largest and share > 0
    }
    split_of: dict[str, str] = {}
    for family in families:
        split = next((split for split, left in room.items() if left >= len(family)), largest)
        if split in room:
            room[split] -= len(family)
        split_of.update(dict.fromkeys(family, split))
    return split_of


def _remove_unwanted(folder: Path, scores: Sequence[Path], wanted: set[str]) -> None:
    for score in scores:
        if f"{score.stem}.mid" not in wanted:
            (folder / f"{score.stem}.mid").unlink(missing_ok=True)
    for partial in folder.glob(".*.partial.mid"):
        partial.unlink(missing_ok=True)


def _write_list(path: Path, songs: Sequence[Song]) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for song in songs:
        writer.writerow(
            {
                "file": song.file,
                "part": song.part,
                "demo": "yes" if song.is_demo else "no",
                "start_seconds": song.start_seconds,
                "seconds": "" if song.seconds is None else song.seconds,
                "notes_hash": song.notes_hash,
                "instruments": song.instruments,
                "licence": song.licence,
            }
        )
    write_text(path, text.getvalue())
