"""Songs with drums for the tests of loops."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pretty_midi
import pytest

KICK, SNARE, HAT, TOM = 36, 38, 42, 45
BEATS = {
    KICK: [0.5, 1.0, 1.5, 2.0],
    SNARE: [0.75, 1.25, 1.75],
    HAT: [0.0, 0.25, 0.5, 0.75, 1.0],
    TOM: [0.1, 0.2],
}


@pytest.fixture
def make_drums() -> Callable[..., Path]:
    """Write a MIDI file with a bass and drum parts; `kits` gives each part its kit, `hits` keys their times."""

    def make(
        path: Path,
        hits: Mapping[int, Sequence[float]] = BEATS,
        *,
        kits: Sequence[int] = (0,),
        has_bass: bool = True,
    ) -> Path:
        song = pretty_midi.PrettyMIDI()
        if has_bass:
            bass = pretty_midi.Instrument(33)
            bass.notes = [pretty_midi.Note(100, 40, 0.0, 2.5)]
            song.instruments.append(bass)
        for position, kit in enumerate(kits):
            drums = pretty_midi.Instrument(kit, is_drum=True)
            drums.notes = [
                pretty_midi.Note(100, key, time, time + 0.1)
                for key, times in list(hits.items())[position :: len(kits)]
                for time in times
            ]
            song.instruments.append(drums)
        path.parent.mkdir(parents=True, exist_ok=True)
        song.write(str(path))
        return path

    return make
