"""A quick synthesizer of decaying partials and noise bursts that needs no library and no sound font."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sep_pipeline.data.midi import DRUM_PROGRAM
from sep_pipeline.data.rendering.schedule import GRID_SAMPLES, Part

AMPLITUDE = 0.1
RELEASE_SECONDS = 0.05
DRUM_SECONDS = 0.15
CLASS_SIZE = 8
VOLUME_CONTROLLER = 7
DEFAULT_VOLUME = 100


class SineSynthesizer:
    """Plays every pitched note as a few decaying partials and every drum as a burst of noise.

    Args:
        sample_rate: Hz.
    """

    name = "sine"
    version = "1"
    sound_font_name = "none"
    sound_font_hash = ""

    def __init__(self, *, sample_rate: int) -> None:
        self._sample_rate = sample_rate

    def programs(self) -> frozenset[int]:
        """All of General MIDI."""
        return frozenset(range(DRUM_PROGRAM))

    def drum_kits(self) -> tuple[int, ...]:
        """Kits that differ in the length of their bursts."""
        return (0, 8, 16, 24)

    def render(self, part: Part, num_steps: int) -> npt.NDArray[np.float32]:
        """Render a part; see `Synthesizer.render`. Its last volume (controller 7) counts throughout."""
        audio = np.zeros(num_steps * GRID_SAMPLES, dtype=np.float64)
        for note in part.notes:
            start = note.start * GRID_SAMPLES
            held = (note.end - note.start) * GRID_SAMPLES
            tone = (
                self._drum(note.pitch, part.kit)
                if part.is_drum
                else self._tone(note.pitch, part.program, held)
            )
            tone = tone[: max(0, len(audio) - start)]
            audio[start : start + len(tone)] += tone * (note.velocity / 127)
        volumes = [control.value for control in part.controls if control.number == VOLUME_CONTROLLER]
        audio *= AMPLITUDE * (volumes[-1] if volumes else DEFAULT_VOLUME) / 127
        return np.repeat(audio[np.newaxis], 2, axis=0).astype(np.float32)

    def _tone(self, pitch: int, program: int, held: int) -> npt.NDArray[np.float64]:
        release = int(RELEASE_SECONDS * self._sample_rate)
        seconds = np.arange(held + release) / self._sample_rate
        frequency_hz = 440.0 * 2.0 ** ((pitch - 69) / 12)
        richness = program // CLASS_SIZE % 4 + 1
        tone = np.zeros(len(seconds))
        for partial in range(1, richness + 1):
            if partial * frequency_hz < self._sample_rate / 2:
                tone += np.sin(2 * np.pi * partial * frequency_hz * seconds) / partial
        fade = np.minimum(1.0, (len(seconds) - np.arange(len(seconds))) / max(1, release))
        return np.asarray(tone * np.exp(-1.5 * seconds) * fade)

    def _drum(self, pitch: int, kit: int) -> npt.NDArray[np.float64]:
        num_samples = int(DRUM_SECONDS * self._sample_rate)
        noise = np.random.default_rng([pitch, kit]).uniform(-1.0, 1.0, num_samples)
        decay_hz = 20.0 + pitch % 12 * 4.0 + kit
        return np.asarray(noise * np.exp(-decay_hz * np.arange(num_samples) / self._sample_rate))
