"""Random changes of channels and of the number of stems."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from sep_pipeline.data.augmentation.transform import Audio, check_probability
from sep_pipeline.errors import ConfigurationError, StemMismatchError

BlendMode = Literal["shared", "independent", "off"]


@dataclass(frozen=True)
class Blend:
    """Mixes left and right to mono with a random share: m · left + (1 - m) · right, m uniform in [0, 1).

    The Jukebox data set's only augmentation (arXiv:2005.00341, code).

    Args:
        mode: "shared" draws one m per example for all stems, so that mixture and stem keep the same panning;
            "independent" draws one per stem; "off" takes m = 0.5.

    Raises:
        ConfigurationError: The mode is unknown.
    """

    mode: BlendMode

    def __post_init__(self) -> None:
        if self.mode not in get_args(BlendMode):
            raise ConfigurationError(
                "unknown way to blend", parameter="blend", expected=get_args(BlendMode), found=self.mode
            )

    def __call__(self, audio: Audio, random: np.random.Generator) -> Audio:
        """Map (stem, 2, time) to (stem, 1, time); mono examples are given back."""
        num_stems, num_channels, _ = audio.shape
        if num_channels == 1:
            return audio
        if num_channels != 2:
            raise StemMismatchError("only stereo can be blended to mono", expected=2, found=num_channels)
        if self.mode == "off":
            shares = np.full(num_stems, 0.5)
        else:
            shares = random.random(num_stems if self.mode == "independent" else 1)
        return blended(audio, np.broadcast_to(shares, num_stems))


@dataclass(frozen=True, kw_only=True)
class ChannelSwap:
    """Reverses the channel order of each stem with a probability.

    Args:
        probability: In [0, 1].

    Raises:
        ConfigurationError: The probability is out of range.
    """

    probability: float = 0.5

    def __post_init__(self) -> None:
        check_probability(self.probability)

    def __call__(self, audio: Audio, random: np.random.Generator) -> Audio:
        """Swap the channels of some stems of (stem, channel, time)."""
        is_swapped = random.random(len(audio)) < self.probability
        return np.where(is_swapped[:, None, None], audio[:, ::-1], audio)


@dataclass(frozen=True)
class PickOneStem:
    """Keeps one random stem of each example, so that one model hears all kinds of signals."""

    def __call__(self, audio: Audio, random: np.random.Generator) -> Audio:
        """Map (stem, channel, time) to (1, channel, time)."""
        chosen = int(random.integers(len(audio)))
        return audio[chosen : chosen + 1]


@dataclass(frozen=True)
class TakeSignals:
    """Keeps some signals of an example, the mixture among them as the sum of all stems.

    Attributes:
        positions: Numbers of stems; None for the mixture.
    """

    positions: tuple[int | None, ...]

    def __call__(self, audio: Audio, random: np.random.Generator) -> Audio:  # noqa: ARG002
        """Map (stem, channel, time) to (signal, channel, time)."""
        taken = [audio.sum(axis=0) if at is None else audio[at] for at in self.positions]
        return np.stack(taken)


def blended(audio: Audio, left_shares: npt.ArrayLike) -> Audio:
    """Mix stereo to mono with given shares.

    Args:
        audio: float32, (stem, 2, time).
        left_shares: Share of the left channel per stem, (stem,).

    Returns:
        float32, (stem, 1, time).
    """
    left = np.asarray(left_shares, dtype=np.float32)[:, None, None]
    return left * audio[:, :1] + (1 - left) * audio[:, 1:]
