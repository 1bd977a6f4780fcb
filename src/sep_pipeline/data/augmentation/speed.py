"""Random changes of pitch and tempo, drawn before an example is read."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sep_pipeline.audio import pitch_tempo
from sep_pipeline.data.augmentation.transform import Audio, check_positive, check_probability, check_range


@dataclass(frozen=True, kw_only=True)
class PitchTempoChange:
    """One drawn change of pitch and tempo.

    Attributes:
        semitones: Pitch change.
        tempo: Speed; above 1 is faster and shorter.

    Raises:
        ConfigurationError: The tempo is not positive.
    """

    semitones: float = 0.0
    tempo: float = 1.0

    def __post_init__(self) -> None:
        check_positive("tempo", self.tempo)

    @property
    def is_identity(self) -> bool:
        """Whether nothing changes."""
        return self.semitones == 0 and self.tempo == 1

    def num_source_frames(self, num_frames: int) -> int:
        """Samples to read so that the result lasts `num_frames` samples."""
        return round(num_frames * self.tempo)

    def apply(self, audio: Audio, sample_rate: int, num_frames: int) -> Audio:
        """Change pitch and tempo of all leading axes alike.

        Args:
            audio: float32, (..., time); the last leading axis holds the channels of one sound.
            sample_rate: Hz.
            num_frames: Length of the result in samples; it is cut or filled with zeros at the end.

        Returns:
            float32, (..., num_frames); the samples themselves when the change is none.
        """
        return pitch_tempo.changed(
            audio, semitones=self.semitones, tempo=self.tempo, sample_rate=sample_rate, num_frames=num_frames
        )


@dataclass(frozen=True, kw_only=True)
class PitchTempo:
    """Draws changes of pitch and tempo.

    Every draw takes three numbers from the generator, whatever comes out.

    Args:
        semitones: Range of the pitch change, uniform and real-valued; (0, 0) leaves the pitch.
        tempo: Range of the speed, uniform; (1, 1) leaves it.
        probability: Chance that pitch and tempo are changed at all.

    Raises:
        ConfigurationError: A range is not ordered, a tempo is not positive, or the probability is none.
    """

    semitones: tuple[float, float] = (-3.0, 3.0)
    tempo: tuple[float, float] = (0.8, 1.2)
    probability: float = 1.0

    def __post_init__(self) -> None:
        check_range("semitones", self.semitones)
        check_range("tempo", self.tempo, above=0.0)
        check_probability(self.probability)

    def draw(self, random: np.random.Generator) -> PitchTempoChange:
        """Draw the change of one example."""
        is_changed = random.random() < self.probability
        semitones, tempo = random.uniform(*self.semitones), random.uniform(*self.tempo)
        return PitchTempoChange(semitones=semitones, tempo=tempo) if is_changed else PitchTempoChange()
