"""Estimates that any separator must beat: silence, and the scaled mixture."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from sep_pipeline.errors import NoInputError, StemMismatchError

Audio = npt.NDArray[np.float32]
Signal = npt.NDArray[np.floating[Any]]


def zero_estimates(mixture: Audio, num_stems: int) -> Audio:
    """All-zero estimates.

    Args:
        mixture: float32, (channel, time).
        num_stems: Number of stems.

    Returns:
        float32 zeros, (stem, channel, time).
    """
    return np.zeros((num_stems, *mixture.shape), dtype=np.float32)


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


def _check_stems(mixture: Signal, stems: Mapping[str, Signal], known: Mapping[str, float]) -> None:
    if known and set(known) != set(stems):
        raise StemMismatchError("tracks have different stems", expected=sorted(known), found=sorted(stems))
    for name, stem in stems.items():
        if stem.shape != mixture.shape:
            raise StemMismatchError(
                f"stem {name} and its mixture differ in shape", expected=mixture.shape, found=stem.shape
            )
