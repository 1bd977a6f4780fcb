"""What a random change of an example is, how changes follow each other, and how their parameters are checked."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from sep_pipeline.errors import ConfigurationError

Audio = npt.NDArray[np.float32]


class Transform(Protocol):
    """Changes one example; all its randomness comes from `random`."""

    def __call__(self, audio: Audio, random: np.random.Generator) -> Audio:
        """Map float32 (stem, channel, time) to a new array of the same stems; the input is not changed."""
        ...


def applied(transforms: Sequence[Transform], audio: Audio, random: np.random.Generator) -> Audio:
    """Apply transforms in order."""
    for transform in transforms:
        audio = transform(audio, random)
    return audio


def check_range(parameter: str, values: tuple[float, float], *, above: float = -math.inf) -> None:
    """Refuse a range that is not ordered, not finite or not above a bound.

    Raises:
        ConfigurationError: Not above < low <= high < infinity.
    """
    low, high = values
    if not above < low <= high < math.inf:
        bound = "" if above == -math.inf else f"{above:g} < "
        raise ConfigurationError(
            "range is not ordered", parameter=parameter, expected=f"{bound}low <= high", found=values
        )


def check_probability(value: float) -> None:
    """Refuse what is no probability.

    Raises:
        ConfigurationError: Not 0 <= value <= 1.
    """
    if not 0 <= value <= 1:
        raise ConfigurationError("not a probability", parameter="probability", expected="0 to 1", found=value)


def check_positive(parameter: str, value: float) -> None:
    """Refuse what is not above zero.

    Raises:
        ConfigurationError: Not 0 < value < infinity.
    """
    if not 0 < value < math.inf:
        raise ConfigurationError("must be positive", parameter=parameter, expected="> 0", found=value)
