"""Songs that can be played from any moment, with the samples that playing them from the start would give.

A synthesizer adds up its voices, each of which depends on its own note and the controllers only. To get a short
window of a song it is enough to play the notes that still sound in it, each from its own beginning.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sep_pipeline.data.midi import read_midi
from sep_pipeline.data.rendering.config import RenderConfig
from sep_pipeline.data.rendering.engines import Synthesizer
from sep_pipeline.data.rendering.schedule import GRID_SAMPLES, Control, Note, Part, schedule_song

# How long a note counts as heard after its end. Nearly all have faded by then; tails of the others are left out.
RELEASE_SECONDS = 2.0
PEDAL_CONTROLLER, PEDAL_DOWN = 64, 64
# Registered and data-entry controllers mean something in sequence only; of the others the last value counts.
_SEQUENCED = frozenset({6, 38, *range(96, 102)})


@dataclass(frozen=True, kw_only=True)
class PlayablePart:
    """One part of a song.

    Attributes:
        part: What is played. Notes end where the synthesizer would release them, so that each can be played
            without the others.
        starts: First grid step of every note, ascending.
        heard_until: Grid step after which the note is not heard any more, likewise.
    """

    part: Part = field(repr=False)
    starts: npt.NDArray[np.int64] = field(repr=False)
    heard_until: npt.NDArray[np.int64] = field(repr=False)

    def window(self, first: int, end: int) -> tuple[Part, int] | None:
        """What has to be played for some grid steps, from `first` up to `end`.

        Returns:
            Part that begins with the earliest note heard in the window, and the grid step of that beginning;
            None if no note is heard.
        """
        (heard,) = np.nonzero((self.starts < end) & (self.heard_until > first))
        if not len(heard):
            return None
        begin = int(self.starts[heard[0]])
        notes = tuple(_moved(self.part.notes[index], begin, end) for index in heard)
        return replace(self.part, notes=notes, controls=_controls(self.part.controls, begin, end)), begin


@dataclass(frozen=True, kw_only=True)
class PlayableSong:
    """The wanted instruments of a song.

    Attributes:
        parts: Parts by number of the instrument; instruments that do not sound are left out.
        num_samples: Length of the song.
    """

    parts: Mapping[int, tuple[PlayablePart, ...]]
    num_samples: int

    def rendered(
        self, synthesizer: Synthesizer, start: int = 0, num_samples: int | None = None
    ) -> npt.NDArray[np.float32]:
        """Render a window of the song, the whole of it by default.

        Args:
            synthesizer: What plays; its sample rate is that of the song.
            start: First sample.
            num_samples: Length; what lies behind the end of the song is silence.

        Returns:
            float32, (present instrument, time), in the order of `parts`, at the synthesizer's own level.
        """
        length = self.num_samples if num_samples is None else num_samples
        stems = np.zeros((len(self.parts), length), dtype=np.float32)
        first, end = start // GRID_SAMPLES, -(-min(start + length, self.num_samples) // GRID_SAMPLES)
        for stem, parts in zip(stems, self.parts.values(), strict=True):
            for part in parts:
                window = part.window(first, end)
                if window is not None:
                    _add(
                        stem, synthesizer.render(window[0], end - window[1]), window[1] * GRID_SAMPLES - start
                    )
        stems[:, max(0, self.num_samples - start) :] = 0
        return stems

    def is_heard(self, start: int, num_samples: int) -> bool:
        """Whether any note may be heard in a window."""
        first, end = start // GRID_SAMPLES, -(-(start + num_samples) // GRID_SAMPLES)
        return any(
            ((part.starts < end) & (part.heard_until > first)).any()
            for parts in self.parts.values()
            for part in parts
        )


def read_playable(path: Path, programs: Sequence[frozenset[int]], config: RenderConfig) -> PlayableSong:
    """Read the wanted instruments of a MIDI file; all parts of an instrument are played together.

    Args:
        path: The file.
        programs: Zero-based programs of every wanted instrument, 128 for drums.
        config: Sample rate and engine.

    Raises:
        UnreadableFileError: The file is missing or is no MIDI file.
    """
    schedule = schedule_song(read_midi(path), config)
    release = round(RELEASE_SECONDS * config.sample_rate / GRID_SAMPLES)
    parts = {
        number: tuple(_playable(part, release) for part in schedule.parts if part.program in wanted)
        for number, wanted in enumerate(programs)
    }
    return PlayableSong(
        parts={number: found for number, found in parts.items() if found}, num_samples=schedule.num_frames
    )


def _playable(part: Part, release: int) -> PlayablePart:
    notes = _released(part.notes)
    lifts = _pedal_lifts(part.controls)
    heard_until = [_lifted(note.end, lifts) + release for note in notes]
    return PlayablePart(
        part=replace(part, notes=notes),
        starts=np.array([note.start for note in notes], dtype=np.int64),
        heard_until=np.array(heard_until, dtype=np.int64),
    )


def _released(notes: Sequence[Note]) -> tuple[Note, ...]:
    """End every note where its key is struck again, or where another note of the key ends."""
    by_key: dict[int, list[int]] = defaultdict(list)
    for index, note in enumerate(notes):
        by_key[note.pitch].append(index)
    released = list(notes)
    for indices in by_key.values():
        moments = sorted({time for index in indices for time in (notes[index].start, notes[index].end)})
        for index in indices:
            note = notes[index]
            # The key's next moment after the beginning is an end or a new stroke, and releases it either way.
            released[index] = replace(note, end=moments[bisect_left(moments, note.start) + 1])
    return tuple(released)


def _pedal_lifts(controls: Sequence[Control]) -> list[tuple[int, int]]:
    """Grid steps between which the pedal is held."""
    held, down = [], None
    for control in controls:
        if control.number != PEDAL_CONTROLLER:
            continue
        if control.value >= PEDAL_DOWN and down is None:
            down = control.at
        elif control.value < PEDAL_DOWN and down is not None:
            held.append((down, control.at))
            down = None
    return held if down is None else [*held, (down, np.iinfo(np.int32).max)]


def _lifted(end: int, held: Sequence[tuple[int, int]]) -> int:
    """When a note stops being held: at its end, or when the pedal that is down then is lifted."""
    place = bisect_left(held, (end + 1, 0)) - 1
    return max(end, held[place][1]) if place >= 0 else end


def _moved(note: Note, begin: int, end: int) -> Note:
    return replace(
        note, start=note.start - begin, end=max(min(note.end, end) - begin, note.start - begin + 1)
    )


def _controls(controls: Sequence[Control], begin: int, end: int) -> tuple[Control, ...]:
    """Controllers of a window; of those before it only what still counts, at its start."""
    earlier = [control for control in controls if control.at <= begin]
    last = {control.number: index for index, control in enumerate(earlier)}
    counting = [
        replace(control, at=0)
        for index, control in enumerate(earlier)
        if control.number in _SEQUENCED or last[control.number] == index
    ]
    within = [replace(control, at=control.at - begin) for control in controls if begin < control.at < end]
    return (*counting, *within)


def _add(stem: npt.NDArray[np.float32], audio: npt.NDArray[np.float32], offset: int) -> None:
    """Add the mean of both channels, (2, time), whose first sample belongs to sample `offset` of the stem."""
    first = max(0, offset)
    wanted = audio[:, first - offset : first - offset + len(stem) - first]
    stem[first : first + wanted.shape[1]] += wanted.mean(axis=0)
