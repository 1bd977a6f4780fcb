"""Windows of a song sound as they do in the whole song."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pretty_midi
import pytest

from sep_pipeline.data.chunk_pool.config import ChunkPoolConfig
from sep_pipeline.data.chunk_pool.playable import PlayableSong, read_playable
from sep_pipeline.data.midi import read_midi
from sep_pipeline.data.midi_corpus import programs_of
from sep_pipeline.data.rendering.engines import Synthesizer, open_synthesizer
from sep_pipeline.data.rendering.schedule import schedule_song
from sep_pipeline.errors import UnreadableFileError

PROGRAMS = tuple(programs_of(("drums", "piano", "strings", "bass"), "family").values())
FLUID = ChunkPoolConfig(sample_rate=22050).rendering()
SINE = ChunkPoolConfig(sample_rate=22050, engine="sine").rendering()


@pytest.fixture(scope="module")
def synthesizer() -> Synthesizer:
    return open_synthesizer(FLUID)


@pytest.fixture
def difficult(tmp_path: Path) -> Path:
    """Keys struck again while held, a note inside another, a held pedal, bends, volumes, two pianos, drums."""
    song = pretty_midi.PrettyMIDI()
    piano = pretty_midi.Instrument(0)
    piano.notes = [
        pretty_midi.Note(100, 60, 0.1, 2.0),
        pretty_midi.Note(90, 60, 0.6, 0.8),
        pretty_midi.Note(90, 64, 0.3, 0.4),
        pretty_midi.Note(90, 64, 1.5, 1.6),
        pretty_midi.Note(80, 67, 2.2, 2.9),
    ]
    for number, value, time in ((64, 127, 0.2), (64, 0, 1.2), (7, 90, 0.5), (7, 120, 1.4), (11, 60, 2.0)):
        piano.control_changes.append(pretty_midi.ControlChange(number, value, time))
    other_piano = pretty_midi.Instrument(5)
    other_piano.notes = [pretty_midi.Note(100, 72, 0.5 * at, 0.5 * at + 0.4) for at in range(6)]
    bass = pretty_midi.Instrument(33)
    bass.notes = [pretty_midi.Note(100, 40, 0.0, 2.9)]
    bass.pitch_bends = [pretty_midi.PitchBend(value, 0.3 + value / 4000) for value in (0, 2000, 4000, 8000)]
    drums = pretty_midi.Instrument(0, is_drum=True)
    drums.notes = [
        pretty_midi.Note(100, key, 0.25 * at, 0.25 * at + 0.1) for at, key in enumerate((36, 38, 42) * 3)
    ]
    song.instruments.extend([piano, other_piano, bass, drums])
    song.write(str(tmp_path / "difficult.mid"))
    return tmp_path / "difficult.mid"


def windows_of(song: PlayableSong, synthesizer: Synthesizer, length: int) -> np.ndarray:
    starts = range(0, song.num_samples, length)
    windows = [song.rendered(synthesizer, start, length) for start in starts]
    return np.concatenate(windows, axis=1)[:, : song.num_samples]


def test_windows_joined_are_the_whole_song(difficult: Path, synthesizer: Synthesizer) -> None:
    song = read_playable(difficult, PROGRAMS, FLUID)
    whole = song.rendered(synthesizer)
    assert whole.shape == (3, song.num_samples)
    assert np.abs(whole).max(axis=1).min() > 0.01
    assert np.array_equal(windows_of(song, synthesizer, 2205), whole)


def test_windows_of_the_sine_engine_are_those_of_the_whole_song(tmp_path: Path, make_midi) -> None:
    make_midi(tmp_path / "song.mid")
    song, synthesizer = read_playable(tmp_path / "song.mid", PROGRAMS, SINE), open_synthesizer(SINE)
    assert windows_of(song, synthesizer, 1000) == pytest.approx(song.rendered(synthesizer), abs=1e-7)


def test_notes_ended_where_their_key_is_struck_again_sound_the_same(
    difficult: Path, synthesizer: Synthesizer
) -> None:
    song = read_playable(difficult, (frozenset({0}),), FLUID)
    schedule = schedule_song(read_midi(difficult), FLUID)
    piano = next(part for part in schedule.parts if part.program == 0)
    expected = synthesizer.render(piano, schedule.num_steps)[:, : schedule.num_frames].mean(axis=0)
    assert song.rendered(synthesizer)[0] == pytest.approx(expected, abs=1e-7)


def test_parts_of_one_instrument_are_added(difficult: Path, synthesizer: Synthesizer) -> None:
    together, first, second = (
        read_playable(difficult, (frozenset(programs),), FLUID).rendered(synthesizer)
        for programs in ({0, 5}, {0}, {5})
    )
    assert together == pytest.approx(first + second, abs=1e-7)


def test_a_tail_of_more_than_two_seconds_is_all_that_a_window_may_lack(
    tmp_path: Path, synthesizer: Synthesizer
) -> None:
    song = pretty_midi.PrettyMIDI()
    part = pretty_midi.Instrument(0)
    part.notes = [pretty_midi.Note(127, 24, 0.0, 0.1), pretty_midi.Note(100, 90, 5.0, 5.5)]
    song.instruments.append(part)
    song.write(str(tmp_path / "song.mid"))
    playable = read_playable(tmp_path / "song.mid", PROGRAMS, FLUID)
    assert playable.is_heard(0, 22050)
    assert not playable.is_heard(3 * 22050, 22050)
    assert not playable.rendered(synthesizer, 3 * 22050, 22050).any()
    assert np.abs(playable.rendered(synthesizer)[:, 3 * 22050 : 4 * 22050]).max() < 1e-3


def test_behind_the_end_is_silence(difficult: Path, synthesizer: Synthesizer) -> None:
    song = read_playable(difficult, PROGRAMS, FLUID)
    window = song.rendered(synthesizer, song.num_samples - 100, 1000)
    assert np.abs(window[:, :100]).max() > 0
    assert not window[:, 100:].any()


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match=r"none\.mid"):
        read_playable(tmp_path / "none.mid", PROGRAMS, SINE)
