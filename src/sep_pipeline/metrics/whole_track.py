"""Scores of one stem over a whole track: the study's SDR, uSDR and SI-SDR, all in dB.

They are different definitions. A value of one is never printed in a column of another.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from sep_pipeline.errors import StemMismatchError

Signal = npt.NDArray[np.floating[Any]]

ENERGY_FLOOR = 1e-7
"""Added to both energies by the study (section 4) and by the 2021 challenge."""


def study_sdr(reference: Signal, estimate: Signal) -> float:
    """SDR as the Jukebox study computes it: mono, whole signal, no scaling, no frames.

    10 log10((sum s^2 + 1e-7) / (sum (s - e)^2 + 1e-7)). It is defined for silent signals: an all-zero
    estimate scores 0 dB against any reference.

    Args:
        reference: The true stem, (time,) or (channel, time); channels are averaged first.
        estimate: The estimate, of the same length; channels are averaged first.

    Returns:
        SDR in dB.

    Raises:
        StemMismatchError: The lengths differ.
    """
    return _energy_ratio_db(_mono(reference), _mono(estimate))


def usdr(reference: Signal, estimate: Signal) -> float:
    """uSDR, the whole-track SDR of the 2021 Music Demixing Challenge, over all channels together.

    Args:
        reference: The true stem, (channel, time) or (time,).
        estimate: The estimate, of the same shape.

    Returns:
        uSDR in dB.

    Raises:
        StemMismatchError: The shapes differ.
    """
    return _energy_ratio_db(np.asarray(reference, np.float64), np.asarray(estimate, np.float64))


def si_sdr(reference: Signal, estimate: Signal) -> float:
    """Scale-invariant SDR (Le Roux et al. 2019, eq. 3): the reference is scaled to fit the estimate best.

    Args:
        reference: The true stem, (channel, time) or (time,); no mean is removed.
        estimate: The estimate, of the same shape.

    Returns:
        SI-SDR in dB; NaN if the reference or the estimate is silent, +inf for a scaled copy of the reference.

    Raises:
        StemMismatchError: The shapes differ.
    """
    true = np.asarray(reference, np.float64)
    guess = np.asarray(estimate, np.float64)
    _require_same_shape(true, guess)
    true_energy = float(np.sum(true * true))
    if true_energy == 0.0 or not np.any(guess):
        return math.nan
    target = float(np.sum(true * guess)) / true_energy * true
    return decibels(float(np.sum(target**2)), float(np.sum((target - guess) ** 2)))


def decibels(numerator: float, denominator: float) -> float:
    """10 log10 of an energy ratio; +inf when only the denominator is 0, -inf when only the numerator is."""
    if denominator == 0.0:
        return math.nan if numerator == 0.0 else math.inf
    return 10.0 * math.log10(numerator / denominator) if numerator > 0.0 else -math.inf


def _energy_ratio_db(reference: npt.NDArray[np.float64], estimate: npt.NDArray[np.float64]) -> float:
    _require_same_shape(reference, estimate)
    signal_energy = float(np.sum(reference * reference))
    error_energy = float(np.sum((reference - estimate) ** 2))
    return decibels(signal_energy + ENERGY_FLOOR, error_energy + ENERGY_FLOOR)


def _mono(signal: Signal) -> npt.NDArray[np.float64]:
    exact = np.asarray(signal, np.float64)
    return exact if exact.ndim == 1 else np.asarray(exact.mean(axis=0))


def _require_same_shape(reference: Signal, estimate: Signal) -> None:
    if reference.shape != estimate.shape:
        raise StemMismatchError(
            "reference and estimate differ in shape", expected=reference.shape, found=estimate.shape
        )
