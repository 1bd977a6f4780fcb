"""Other instruments for the same notes, so that pre-training hears other sounds than a study's own songs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from sep_pipeline.data.midi import instrument_class, normalised_class
from sep_pipeline.data.rendering.schedule import Part

# Sound effects (96-103, 119-127) and the unpitched percussion of 112-118 make no usable tone.
REPLACEMENT_PROGRAMS = (*range(96), *range(104, 112))


def reorchestrated(
    parts: Sequence[Part], *, kits: Sequence[int], seed: int, song_hash: str
) -> tuple[Part, ...]:
    """Give every part another sound.

    Each program of the song becomes one random program of another General MIDI class, the same one wherever
    it occurs, and the drum kit becomes one other than kit 0. Basses may get any program, whether or not it
    has a low register. The role of a part, by which stems are grouped, stays.

    Args:
        parts: Parts of one song.
        kits: Drum kits that the synthesizer has; with kit 0 alone the drums stay as they are.
        seed: Seed of the choice.
        song_hash: Hexadecimal hash of the song's notes, so that songs differ from each other.

    Returns:
        The parts with new programs; the same for the same seed and song.
    """
    generator = np.random.default_rng([seed, int(song_hash[:16], 16)])
    chosen = {
        program: _other_program(program, generator)
        for program in sorted({part.program for part in parts if not part.is_drum})
    }
    other_kits = [kit for kit in kits if kit != 0]
    kit = int(generator.choice(other_kits)) if other_kits else 0
    return tuple(
        replace(part, kit=kit) if part.is_drum else replace(part, program=chosen[part.program])
        for part in parts
    )


def _other_program(program: int, generator: np.random.Generator) -> int:
    own_class = normalised_class(instrument_class(program))
    others = [
        other for other in REPLACEMENT_PROGRAMS if normalised_class(instrument_class(other)) != own_class
    ]
    return int(generator.choice(others))
