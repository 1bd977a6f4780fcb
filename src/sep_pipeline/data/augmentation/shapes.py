"""Changes of the course of stems in time."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass

import numpy as np

from sep_pipeline.data.augmentation.transform import Audio, check_positive


@dataclass(frozen=True)
class Fade:
    """Fades every stem in and out along a quarter of a sine.

    Args:
        sample_rate: Hz.
        seconds: Length of each fade; examples shorter than two fades are faded by both where they meet.

    Raises:
        ConfigurationError: The sample rate or the length is not positive.
    """

    sample_rate: int
    _: KW_ONLY
    seconds: float = 0.010

    def __post_init__(self) -> None:
        check_positive("sample_rate", self.sample_rate)
        check_positive("seconds", self.seconds)

    def __call__(self, audio: Audio, random: np.random.Generator) -> Audio:  # noqa: ARG002
        """Shape (stem, channel, time), which begins and ends with a zero then; nothing is drawn."""
        fade_samples = max(1, round(self.seconds * self.sample_rate))
        from_start = np.arange(audio.shape[-1])
        ramp = np.sin(np.pi / 2 * np.minimum(from_start / fade_samples, 1)).astype(np.float32)
        return audio * (ramp * ramp[::-1])
