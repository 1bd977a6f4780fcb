"""What is played when: the parts of a song as events on one grid of 64 samples.

Times are rounded once for the whole song, so that parts stay together and a stem does not depend on the
others.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from sep_pipeline.data.midi import DRUM_CLASS, DRUM_PROGRAM, instrument_class
from sep_pipeline.data.rendering.config import RenderConfig

if TYPE_CHECKING:
    import pretty_midi

GRID_SAMPLES = 64
# Bank selects (0, 32) would leave General MIDI; 91 and 93 drive effects that are switched off.
DROPPED_CONTROLLERS = frozenset({0, 32, 91, 93})
LOW_DRUMS = range(28, 36)
KICK_DRUM = 36
BASS_RANGE = range(35, 80)
OCTAVE = 12


@dataclass(frozen=True, kw_only=True, slots=True)
class Note:
    """One note; `start` and `end` are grid steps, `end` at least one after `start`."""

    start: int
    end: int
    pitch: int
    velocity: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Control:
    """A controller (0 to 127) or, with `number` None, a pitch bend (-8192 to 8191), at a grid step."""

    at: int
    number: int | None
    value: int


@dataclass(frozen=True, kw_only=True)
class Part:
    """The events of one stem.

    Attributes:
        key: Stem name by position in the file ("S03"); positions of skipped parts stay unused.
        name: Track name in the file.
        program: Zero-based program that sounds, 128 for drums.
        kit: Drum kit, program of bank 128; 0 for pitched parts.
        role: Instrument class of the part in the composition.
        notes: Notes by start.
        controls: Controllers and bends in playing order.
    """

    key: str
    name: str
    program: int
    kit: int = 0
    role: str
    notes: tuple[Note, ...] = field(repr=False)
    controls: tuple[Control, ...] = field(repr=False)

    @property
    def is_drum(self) -> bool:
        """Whether the part plays a drum kit."""
        return self.program == DRUM_PROGRAM


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """The parts of a song and its length.

    Attributes:
        parts: Parts with at least one note.
        num_frames: Length with tail, in samples.
    """

    parts: tuple[Part, ...]
    num_frames: int

    @property
    def num_steps(self) -> int:
        """Grid steps that cover the length."""
        return -(-self.num_frames // GRID_SAMPLES)


@dataclass(frozen=True, kw_only=True)
class Window:
    """The part of a song that is rendered, in grid steps from the start of the song."""

    first: int
    length: int
    steps_per_second: float

    def step(self, seconds: float) -> int:
        """Grid step of a time, from the start of the window; negative before it."""
        return round(seconds * self.steps_per_second) - self.first


def schedule_song(
    song: pretty_midi.PrettyMIDI,
    config: RenderConfig,
    *,
    start_seconds: float = 0.0,
    seconds: float | None = None,
) -> Schedule:
    """Put the events of a song, or of a window of it, on the grid.

    Pitched notes that sound already when the window opens begin with it; earlier drum hits are left out.
    Controllers and bends from before the window take effect at its start.

    Args:
        song: The parsed song.
        config: Sample rate, tail, longest part, drum merging and pitch edits.
        start_seconds: Where the window opens.
        seconds: Length of the window without the tail; None goes to the end of the song or
            `config.max_seconds`.

    Returns:
        The parts that sound in the window, in file order.
    """
    window = _window(song, config, start_seconds, seconds)
    parts = [_part(part, position, window, config) for position, part in enumerate(song.instruments)]
    if config.merge_drums:
        parts = _with_one_drum_part(parts)
    tail_steps = config.tail_seconds * window.steps_per_second
    return Schedule(
        parts=tuple(part for part in parts if part.notes),
        num_frames=round((window.length + tail_steps) * GRID_SAMPLES),
    )


def _window(
    song: pretty_midi.PrettyMIDI, config: RenderConfig, start_seconds: float, seconds: float | None
) -> Window:
    steps_per_second = config.sample_rate / GRID_SAMPLES
    lengths = [song.get_end_time() - start_seconds, seconds, config.max_seconds]
    length_seconds = max(0.0, min(length for length in lengths if length is not None))
    return Window(
        first=round(start_seconds * steps_per_second),
        length=math.ceil(length_seconds * steps_per_second - 1e-6),
        steps_per_second=steps_per_second,
    )


def _part(part: pretty_midi.Instrument, position: int, window: Window, config: RenderConfig) -> Part:
    program = DRUM_PROGRAM if part.is_drum else int(part.program)
    role = instrument_class(program)
    notes = [
        note for source in part.notes if (note := _note(source, window, is_drum=part.is_drum)) is not None
    ]
    if config.pitch_edits:
        notes = [replace(note, pitch=edited_pitch(note.pitch, role)) for note in notes]
    return Part(
        key=f"S{position:02d}",
        name=str(part.name),
        program=program,
        kit=int(part.program) if part.is_drum else 0,
        role=role,
        notes=tuple(sorted(notes, key=lambda note: (note.start, note.pitch))),
        controls=_controls(part, window),
    )


def _note(source: pretty_midi.Note, window: Window, *, is_drum: bool) -> Note | None:
    start, end = window.step(source.start), window.step(source.end)
    if start >= window.length or end < 0 or (start < 0 and (is_drum or end == 0)):
        return None
    start = max(start, 0)
    end = max(min(end, window.length), start + 1)
    return Note(start=start, end=end, pitch=int(source.pitch), velocity=int(source.velocity))


def _controls(part: pretty_midi.Instrument, window: Window) -> tuple[Control, ...]:
    timed: list[tuple[float, int | None, int]] = []
    timed += [(change.time, int(change.number), int(change.value)) for change in part.control_changes]
    timed += [(bend.time, None, int(bend.pitch)) for bend in part.pitch_bends]
    return tuple(
        Control(at=max(window.step(time), 0), number=number, value=value)
        for time, number, value in sorted(timed, key=lambda change: change[0])
        if number not in DROPPED_CONTROLLERS and window.step(time) < window.length
    )


def edited_pitch(pitch: int, role: str) -> int:
    """Slakh2100's edits: low drums become the kick; basses go to 35 to 79, then an octave up."""
    if role == DRUM_CLASS:
        return KICK_DRUM if pitch in LOW_DRUMS else pitch
    if role != "Bass":
        return pitch
    while pitch < BASS_RANGE.start:
        pitch += OCTAVE
    while pitch >= BASS_RANGE.stop:
        pitch -= OCTAVE
    return pitch + OCTAVE


def _with_one_drum_part(parts: Sequence[Part]) -> list[Part]:
    """Join all drum parts in the place, and with the kit, of the first that sounds."""
    drums = [part for part in parts if part.is_drum and part.notes]
    if len(drums) < 2:
        return list(parts)
    joined = replace(
        drums[0],
        notes=tuple(sorted((n for part in drums for n in part.notes), key=lambda n: (n.start, n.pitch))),
        controls=drums[0].controls,
    )
    return [joined if part is drums[0] else part for part in parts if not part.is_drum or part is drums[0]]
