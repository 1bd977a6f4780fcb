"""Estimates that any separator must beat: silence, the mixture, and the scaled mixture."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from sep_pipeline.errors import NoInputError, StemMismatchError

Audio = npt.NDArray[np.float32]
Signal = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True, kw_only=True)
class Floor:
    """A method that listens to nothing.

    Attributes:
        description: What it is, in one line, for reports.
        function: Mixture (channel, time) and number of stems to estimates (stem, channel, time).
    """

    description: str
    function: Callable[[Audio, int], Audio]

    def estimate(self, mixture: Audio, references: Audio) -> Audio:
        """Estimate the stems; called as an oracle is.

        Args:
            mixture: float32, (channel, time).
            references: (stem, channel, time); only their number counts.

        Returns:
            float32, (stem, channel, time).

        Raises:
            StemMismatchError: The number of stems is not the one the floor is made for.
        """
        return self.function(mixture, len(references))


def zero_estimates(mixture: Audio, num_stems: int) -> Audio:
    """All-zero estimates.

    Args:
        mixture: float32, (channel, time).
        num_stems: Number of stems.

    Returns:
        float32 zeros, (stem, channel, time).
    """
    return np.zeros((num_stems, *mixture.shape), dtype=np.float32)


def mixture_as_estimate(mixture: Audio, num_stems: int) -> Audio:
    """The mixture, once per stem.

    Args:
        mixture: float32, (channel, time).
        num_stems: Number of stems.

    Returns:
        float32, (stem, channel, time).
    """
    return np.repeat(mixture[None].astype(np.float32, copy=False), num_stems, axis=0)


def fit_mixture_scales(tracks: Iterable[tuple[Signal, Mapping[str, Signal]]]) -> dict[str, float]:
    """Fit for every stem the one factor by which the mixture comes nearest to it over all training tracks.

    Args:
        tracks: Mixture and stems, (channel, time), of every training track; read once, in order.

    Returns:
        Stem name to the least-squares factor: sum of mixture times stem over sum of squared mixture.

    Raises:
        NoInputError: There is no track, or all mixtures are silent.
        StemMismatchError: Stems differ between tracks, or in shape from their mixture.
    """
    products: dict[str, float] = {}
    mixture_energy = 0.0
    for mixture, stems in tracks:
        _check_stems(mixture, stems, products)
        exact = np.asarray(mixture, np.float64)
        mixture_energy += float(np.sum(exact**2))
        for name, stem in stems.items():
            products[name] = products.get(name, 0.0) + float(np.sum(exact * stem))
    if mixture_energy == 0.0:
        raise NoInputError(
            "the scaled mixture cannot be fitted", expected="training tracks that sound", found="none"
        )
    return {name: product / mixture_energy for name, product in products.items()}


def scaled_mixture(mixture: Audio, scales: Mapping[str, float]) -> Audio:
    """The mixture times one factor per stem.

    Args:
        mixture: float32, (channel, time).
        scales: Stem name to factor, see `fit_mixture_scales`.

    Returns:
        float32, (stem, channel, time), stems in the order of `scales`.
    """
    factors = np.array(list(scales.values()), dtype=np.float32)
    return cast(Audio, factors[:, None, None] * mixture[None])


def scaled_mixture_floor(scales: Mapping[str, float]) -> Floor:
    """The scaled mixture as a floor.

    Args:
        scales: Stem name to factor, in the order of the references, see `fit_mixture_scales`.
    """

    def estimate(mixture: Audio, num_stems: int) -> Audio:
        if num_stems != len(scales):
            raise StemMismatchError(
                "the factors of the scaled mixture do not fit the stems",
                expected=num_stems,
                found=list(scales),
            )
        return scaled_mixture(mixture, scales)

    return Floor(
        description="floor: the mixture times one factor per stem, fitted on the training songs",
        function=estimate,
    )


FLOORS: Mapping[str, Floor] = MappingProxyType(
    {
        "mixture": Floor(description="floor: the mixture as every stem", function=mixture_as_estimate),
        "zero": Floor(description="floor: silence", function=zero_estimates),
    }
)
"""Name of a floor to what it is; `scaled_mixture_floor` is the one that needs training songs."""


def _check_stems(mixture: Signal, stems: Mapping[str, Signal], known: Mapping[str, float]) -> None:
    if known and set(known) != set(stems):
        raise StemMismatchError("tracks have different stems", expected=sorted(known), found=sorted(stems))
    for name, stem in stems.items():
        if stem.shape != mixture.shape:
            raise StemMismatchError(
                f"stem {name} and its mixture differ in shape", expected=mixture.shape, found=stem.shape
            )
