"""Random and fixed changes of the levels of stems."""

from __future__ import annotations

import math
from dataclasses import KW_ONLY, dataclass

import numpy as np

from sep_pipeline.audio.loudness import integrated_loudness
from sep_pipeline.data.augmentation.transform import Audio, check_positive, check_range
from sep_pipeline.errors import ConfigurationError


@dataclass(frozen=True, kw_only=True)
class Gain:
    """Multiplies every stem by its own random factor, uniform in [low, high].

    Args:
        low: Smallest factor.
        high: Largest factor.

    Raises:
        ConfigurationError: Not 0 <= low <= high.
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        if not 0 <= self.low <= self.high:
            raise ConfigurationError(
                "gain range is not ordered",
                parameter="gain",
                expected="0 <= low <= high",
                found=(self.low, self.high),
            )

    def __call__(self, audio: Audio, random: np.random.Generator) -> Audio:
        """Scale each stem of (stem, channel, time)."""
        factors = random.uniform(self.low, self.high, size=(len(audio), 1, 1))
        return audio * factors.astype(np.float32)


@dataclass(frozen=True)
class LoudnessLevels:
    """Brings every stem to a random loudness around a random reference of its example.

    Each stem is measured by ITU-R BS.1770-4, mono or stereo as it is, and scaled so that its loudness is the
    reference plus its own level. A stem under the gate is left as it is, where a plain rule would raise the
    noise of a silent stem by tens of decibels; so is one shorter than a block of 0.4 s.

    Args:
        sample_rate: Hz.
        reference_lufs: Range of the reference, one uniform draw per example.
        level_db: Range of the level relative to the reference, one uniform draw per stem.
        gate_lufs: Stems of a loudness under this are not changed.

    Raises:
        ConfigurationError: A range is not ordered, or the sample rate is not positive.
    """

    sample_rate: int
    _: KW_ONLY
    reference_lufs: tuple[float, float] = (-30.0, -10.0)
    level_db: tuple[float, float] = (-5.0, 5.0)
    gate_lufs: float = -60.0

    def __post_init__(self) -> None:
        check_positive("sample_rate", self.sample_rate)
        check_range("reference_lufs", self.reference_lufs)
        check_range("level_db", self.level_db)

    def __call__(self, audio: Audio, random: np.random.Generator) -> Audio:
        """Scale each stem of (stem, channel, time)."""
        reference = random.uniform(*self.reference_lufs)
        wanted = reference + random.uniform(*self.level_db, size=len(audio))
        found = np.array([integrated_loudness(stem, self.sample_rate) for stem in audio])
        gains_db = np.where(found < self.gate_lufs, 0.0, wanted - np.maximum(found, self.gate_lufs))
        return audio * (10 ** (gains_db / 20)).astype(np.float32)[:, None, None]


@dataclass(frozen=True, kw_only=True)
class SilenceGate:
    """Makes stems that are practically silent exactly silent, so that targets and mixture agree on it.

    Args:
        threshold_dbfs: Stems whose RMS over example and channels lies under this become zeros; full scale is an
            RMS of 1.

    Raises:
        ConfigurationError: The threshold is no number.
    """

    threshold_dbfs: float = -60.0

    def __post_init__(self) -> None:
        if math.isnan(self.threshold_dbfs):
            raise ConfigurationError(
                "no level", parameter="threshold_dbfs", expected="a number", found=self.threshold_dbfs
            )

    def __call__(self, audio: Audio, random: np.random.Generator) -> Audio:  # noqa: ARG002
        """Silence some stems of (stem, channel, time); nothing is drawn."""
        power = np.square(audio, dtype=np.float64).mean(axis=(1, 2))
        is_silent = power < 10 ** (self.threshold_dbfs / 10)
        return np.where(is_silent[:, None, None], np.float32(0), audio)


@dataclass(frozen=True, kw_only=True)
class PeakRule:
    """Divides all stems by one factor where the peak of their sum exceeds a limit.

    Nothing is compressed or clipped: the stems keep their relations, and their sum peaks at the limit.

    Args:
        limit: Largest absolute sample of the sum.

    Raises:
        ConfigurationError: The limit is not positive.
    """

    limit: float = 1.0

    def __post_init__(self) -> None:
        check_positive("limit", self.limit)

    def __call__(self, audio: Audio, random: np.random.Generator) -> Audio:  # noqa: ARG002
        """Scale (stem, channel, time) as a whole; nothing is drawn."""
        peak = float(np.abs(audio.sum(axis=0)).max(initial=0.0))
        return audio / np.float32(peak / self.limit) if peak > self.limit else audio
