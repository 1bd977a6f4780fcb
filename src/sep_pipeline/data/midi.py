"""MIDI files as note lists: reading, General MIDI classes, and hashes of what is played."""

from __future__ import annotations

import hashlib
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from sep_pipeline.errors import NoInputError, UnreadableFileError

if TYPE_CHECKING:
    import pretty_midi

MIDI_SUFFIXES = (".mid", ".midi")
DRUM_PROGRAM = 128
DRUM_CLASS = "Drums"

# Class names by first program, spelled as Slakh2100 spells them.
_CLASS_STARTS = (
    (0, "Piano"),
    (8, "Chromatic Percussion"),
    (16, "Organ"),
    (24, "Guitar"),
    (32, "Bass"),
    (40, "Strings"),
    (48, "Strings (continued)"),
    (56, "Brass"),
    (64, "Reed"),
    (72, "Pipe"),
    (80, "Synth Lead"),
    (88, "Synth Pad"),
    (96, "Sound Effects"),
    (104, "Ethnic"),
    (112, "Percussive"),
    (119, "Sound effects"),
    (DRUM_PROGRAM, DRUM_CLASS),
)
_SPELLINGS = {"Strings (continued)": "Strings", "Sound effects": "Sound Effects"}
CLASS_NAMES = tuple(dict.fromkeys(_SPELLINGS.get(name, name) for _, name in _CLASS_STARTS))

NGRAM_LENGTH = 4
STEPS_PER_BEAT = 12


def instrument_class(program: int) -> str:
    """Slakh's class name of a zero-based General MIDI program; 128 stands for drums."""
    return next(name for first, name in reversed(_CLASS_STARTS) if program >= first)


def normalised_class(name: str) -> str:
    """Give both spellings of a class the same name ("Strings (continued)" is "Strings")."""
    return _SPELLINGS.get(name, name)


def read_midi(path: Path) -> pretty_midi.PrettyMIDI:
    """Parse a MIDI file.

    Raises:
        UnreadableFileError: The file is missing or is no MIDI file.
    """
    import warnings

    import pretty_midi

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            return pretty_midi.PrettyMIDI(str(path))
    except Exception as error:
        # The parser raises whatever its byte handling meets: OSError, EOFError, ValueError, KeyError,
        # IndexError.
        found = str(error) or type(error).__name__
        raise UnreadableFileError("the file is not readable MIDI", file=path, found=found) from error


def midi_files(folder: Path) -> tuple[Path, ...]:
    """Every MIDI file in a folder and its subfolders, by name.

    Raises:
        NoInputError: There is none.
    """
    files = sorted(
        path for path in folder.rglob("*") if path.suffix.lower() in MIDI_SUFFIXES and path.is_file()
    )
    if not files:
        raise NoInputError("no MIDI file was found", file=folder, expected="*.mid or *.midi")
    return tuple(files)


def notes_hash(song: pretty_midi.PrettyMIDI) -> str:
    """Hash of the notes of a song that a change of key, programs, names or controllers leaves as it is.

    Pitched notes enter as (onset from the first note in 10 ms, pitch above the lowest), each once; drums
    only when there is nothing else.

    Returns:
        32 hexadecimal digits.
    """
    melodic = [note for part in song.instruments if not part.is_drum for note in part.notes]
    notes = melodic or [note for part in song.instruments for note in part.notes]
    first = min((note.start for note in notes), default=0.0)
    lowest = min((note.pitch for note in notes), default=0)
    listed = sorted({(round((note.start - first) * 100), int(note.pitch) - int(lowest)) for note in notes})
    return hashlib.sha256(repr(listed).encode()).hexdigest()[:32]


def note_ngrams(song: pretty_midi.PrettyMIDI) -> frozenset[tuple[tuple[int, int], ...]]:
    """Short melodic figures of a song, free of tempo and key.

    Each figure is four consecutive (onset step in twelfths of a beat, pitch step) pairs of one pitched part.
    """
    grams: set[tuple[tuple[int, int], ...]] = set()
    for part in song.instruments:
        if part.is_drum:
            continue
        notes = sorted((song.time_to_tick(note.start), int(note.pitch)) for note in part.notes)
        steps = [
            (round((later[0] - earlier[0]) * STEPS_PER_BEAT / song.resolution), later[1] - earlier[1])
            for earlier, later in pairwise(notes)
        ]
        grams.update(tuple(steps[at : at + NGRAM_LENGTH]) for at in range(len(steps) - NGRAM_LENGTH + 1))
    return frozenset(grams)


def similarity(
    first: frozenset[tuple[tuple[int, int], ...]], second: frozenset[tuple[tuple[int, int], ...]]
) -> float:
    """Jaccard index of two sets of figures: 0 for nothing in common, 1 for equal sets."""
    union = len(first | second)
    return len(first & second) / union if union else 0.0
