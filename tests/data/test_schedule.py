"""The event grid: rounding, windows, dropped controllers, merged drums and pitch edits."""

from __future__ import annotations

import pretty_midi
import pytest

from sep_pipeline.data.rendering.config import RenderConfig
from sep_pipeline.data.rendering.schedule import edited_pitch, schedule_song

STEP = 64 / 44100


def song_of(*parts: pretty_midi.Instrument) -> pretty_midi.PrettyMIDI:
    song = pretty_midi.PrettyMIDI()
    song.instruments = list(parts)
    return song


def part_of(*notes: tuple[float, float], program: int = 0, is_drum: bool = False) -> pretty_midi.Instrument:
    part = pretty_midi.Instrument(program, is_drum=is_drum)
    part.notes = [pretty_midi.Note(100, 60, start, end) for start, end in notes]
    return part


def test_times_are_rounded_to_64_samples_and_no_note_vanishes() -> None:
    schedule = schedule_song(
        song_of(part_of((10.4 * STEP, 20.6 * STEP), (30.0 * STEP, 30.1 * STEP))), RenderConfig()
    )
    assert [(note.start, note.end) for note in schedule.parts[0].notes] == [(10, 21), (30, 31)]


def test_length_is_the_song_plus_the_tail() -> None:
    schedule = schedule_song(song_of(part_of((0.0, 441 * STEP))), RenderConfig(tail_seconds=2.0))
    assert schedule.num_frames == 441 * 64 + 88200
    assert schedule.num_steps * 64 >= schedule.num_frames > (schedule.num_steps - 1) * 64


def test_a_window_cuts_holds_and_shifts() -> None:
    melody = part_of(
        (0.0, 100 * STEP), (5 * STEP, 8 * STEP), (40 * STEP, 200 * STEP), (150 * STEP, 160 * STEP)
    )
    drums = part_of((5 * STEP, 60 * STEP), (70 * STEP, 71 * STEP), is_drum=True)
    config = RenderConfig(tail_seconds=0)
    schedule = schedule_song(song_of(melody, drums), config, start_seconds=50 * STEP, seconds=60 * STEP)
    assert [(n.start, n.end) for n in schedule.parts[0].notes] == [(0, 50), (0, 60)]
    assert [(n.start, n.end) for n in schedule.parts[1].notes] == [(20, 21)]
    assert schedule.num_frames == 60 * 64


def test_max_seconds_limits_a_longer_window() -> None:
    config = RenderConfig(tail_seconds=0, max_seconds=0.5)
    assert schedule_song(song_of(part_of((0.0, 3.0))), config, seconds=2.0).num_frames == 345 * 64


def test_effect_and_bank_controllers_are_dropped_and_earlier_ones_move_to_the_start() -> None:
    part = part_of((1.0, 2.0))
    part.control_changes = [
        pretty_midi.ControlChange(number, 90, 0.1) for number in (0, 7, 10, 11, 32, 64, 91, 93)
    ]
    part.pitch_bends = [pretty_midi.PitchBend(-100, 0.2), pretty_midi.PitchBend(50, 1.5)]
    controls = schedule_song(song_of(part), RenderConfig(), start_seconds=1.0).parts[0].controls
    assert [(c.at, c.number) for c in controls] == [(0, 7), (0, 10), (0, 11), (0, 64), (0, None), (345, None)]
    assert [c.value for c in controls if c.number is None] == [-100, 50]


def test_keys_follow_the_position_in_the_file() -> None:
    schedule = schedule_song(song_of(part_of((0, 1)), part_of(), part_of((0, 1), program=40)), RenderConfig())
    assert [part.key for part in schedule.parts] == ["S00", "S02"]


@pytest.mark.parametrize(("merge_drums", "expected"), [(True, {"S00": 2}), (False, {"S00": 1, "S01": 1})])
def test_drum_parts_are_merged(merge_drums: bool, expected: dict[str, int]) -> None:
    song = song_of(part_of((0, 1), is_drum=True), part_of((1, 2), program=8, is_drum=True))
    schedule = schedule_song(song, RenderConfig(merge_drums=merge_drums))
    assert {part.key: len(part.notes) for part in schedule.parts} == expected


@pytest.mark.parametrize(
    ("pitch", "role", "edited"),
    [
        (28, "Drums", 36),
        (35, "Drums", 36),
        (38, "Drums", 38),
        (40, "Bass", 52),
        (28, "Bass", 52),
        (80, "Bass", 80),
    ],
)
def test_pitch_edits_of_slakh(pitch: int, role: str, edited: int) -> None:
    assert edited_pitch(pitch, role) == edited


def test_other_parts_keep_their_pitch() -> None:
    assert edited_pitch(30, "Piano") == 30
    config = RenderConfig(pitch_edits=True)
    assert schedule_song(song_of(part_of((0, 1), program=33)), config).parts[0].notes[0].pitch == 72
