"""MIDI files: classes, hashes and similarity of what is played."""

from __future__ import annotations

from pathlib import Path

import pretty_midi
import pytest

from sep_pipeline.data.midi import (
    instrument_class,
    midi_files,
    normalised_class,
    note_ngrams,
    notes_hash,
    read_midi,
    similarity,
)
from sep_pipeline.errors import NoInputError, UnreadableFileError


@pytest.mark.parametrize(
    ("program", "name"),
    [
        (0, "Piano"),
        (31, "Guitar"),
        (32, "Bass"),
        (47, "Strings"),
        (48, "Strings (continued)"),
        (128, "Drums"),
    ],
)
def test_classes_are_spelled_as_in_slakh(program: int, name: str) -> None:
    assert instrument_class(program) == name


def test_both_spellings_are_one_class() -> None:
    assert normalised_class("Strings (continued)") == normalised_class("Strings") == "Strings"
    assert normalised_class("Sound effects") == instrument_class(100)


def test_hash_ignores_key_and_programs_but_not_notes(tmp_path: Path, make_midi) -> None:
    first = read_midi(make_midi(tmp_path / "a.mid", key=60, programs=(0,)))
    moved = read_midi(make_midi(tmp_path / "b.mid", key=55, programs=(40,), has_drums=False))
    other = read_midi(make_midi(tmp_path / "c.mid", key=60, programs=(0,), seed=1))
    assert notes_hash(first) == notes_hash(moved) != notes_hash(other)


def test_drums_count_where_there_is_nothing_else(tmp_path: Path, make_midi) -> None:
    short = read_midi(make_midi(tmp_path / "a.mid", programs=(), num_notes=4))
    long = read_midi(make_midi(tmp_path / "b.mid", programs=(), num_notes=5))
    assert notes_hash(short) != notes_hash(long)


def test_figures_ignore_tempo_and_key(tmp_path: Path) -> None:
    songs = []
    for bpm, key in ((120, 60), (90, 64)):
        song = pretty_midi.PrettyMIDI(initial_tempo=bpm)
        part = pretty_midi.Instrument(0)
        for at, step in enumerate((0, 4, 7, 2, 9, 5, 1, 8)):
            part.notes.append(pretty_midi.Note(100, key + step, at * 60 / bpm, (at + 0.5) * 60 / bpm))
        song.instruments.append(part)
        path = tmp_path / f"{bpm}.mid"
        song.write(str(path))
        songs.append(note_ngrams(read_midi(path)))
    assert similarity(songs[0], songs[1]) == 1.0
    assert similarity(songs[0], frozenset()) == 0.0
    assert similarity(frozenset(), frozenset()) == 0.0


@pytest.mark.parametrize("content", [b"", b"no midi", b"MThd\x00\x00\x00\x06\x00\x01"])
def test_unreadable_midi_names_the_file(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bad.mid"
    path.write_bytes(content)
    with pytest.raises(UnreadableFileError) as caught:
        read_midi(path)
    assert caught.value.file == path


def test_folders_are_searched_through(tmp_path: Path, make_midi) -> None:
    make_midi(tmp_path / "b.mid")
    make_midi(tmp_path / "a" / "c.MIDI")
    assert [path.name for path in midi_files(tmp_path)] == ["c.MIDI", "b.mid"]
    with pytest.raises(NoInputError, match="no MIDI file"):
        midi_files(tmp_path / "none")
