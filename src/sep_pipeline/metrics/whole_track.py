"""Scores of one stem over a whole track: the study's SDR, uSDR, SI-SDR, SD-SDR and SNR, all in dB.

They are different definitions. A value of one is never printed in a column of another. Signals are walked
through in blocks of float64, so that a long song is never copied as a whole.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sep_pipeline.errors import StemMismatchError

Signal = npt.NDArray[np.floating[Any]]
Values = npt.NDArray[np.float64]

ENERGY_FLOOR = 1e-7
"""Added to both energies by the study (section 4) and by the 2021 challenge."""

_BLOCK_SAMPLES = 1 << 15


@dataclass(frozen=True, kw_only=True)
class ChannelScores:
    """Scores per channel, in dB, each float64, (channel,).

    The mean over time is taken off the reference s and the estimate e first; a = <s, e> / <s, s>. No epsilon
    is added. A channel whose reference or estimate is constant has no score: NaN. A perfect one has +inf.

    Attributes:
        si_sdr: Scale-invariant SDR, |a s|^2 / |e - a s|^2.
        sd_sdr: Scale-dependent SDR, |a s|^2 / |e - s|^2.
        snr: |s|^2 / |e - s|^2.
    """

    si_sdr: Values
    sd_sdr: Values
    snr: Values


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
    return _floored_ratio_db(reference, estimate, is_mono=True)


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
    return _floored_ratio_db(reference, estimate, is_mono=False)


def si_sdr(reference: Signal, estimate: Signal) -> float:
    """Scale-invariant SDR (Le Roux et al. 2019), the median over channels; see `ChannelScores`.

    Args:
        reference: The true stem, (channel, time) or (time,).
        estimate: The estimate, of the same shape.

    Returns:
        SI-SDR in dB; NaN if no channel has a score.

    Raises:
        StemMismatchError: The shapes differ.
    """
    return median_of_channels(channel_scores(reference, estimate).si_sdr)


def sd_sdr(reference: Signal, estimate: Signal) -> float:
    """Scale-dependent SDR (Le Roux et al. 2019), the median over channels; arguments as in `si_sdr`."""
    return median_of_channels(channel_scores(reference, estimate).sd_sdr)


def snr(reference: Signal, estimate: Signal) -> float:
    """Ratio of reference and error without their means, the median over channels; arguments as in `si_sdr`."""
    return median_of_channels(channel_scores(reference, estimate).snr)


def channel_scores(reference: Signal, estimate: Signal) -> ChannelScores:
    """SI-SDR, SD-SDR and SNR of every channel.

    Args:
        reference: The true stem, (channel, time) or (time,), at least one sample.
        estimate: The estimate, of the same shape.

    Returns:
        The three scores.

    Raises:
        StemMismatchError: The shapes differ.
    """
    _require_same_shape(reference, estimate)
    true, guess = np.atleast_2d(reference), np.atleast_2d(estimate)
    is_scored = ~(_is_constant(true) | _is_constant(guess))
    signal, product, error, distortion = np.zeros((4, len(true)))
    for true_block, guess_block in _centred_blocks(true, guess):
        signal += _energy(true_block)
        product += _inner(true_block, guess_block)
        error += _energy(guess_block - true_block)
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = product / signal
        for true_block, guess_block in _centred_blocks(true, guess):
            distortion += _energy(guess_block - scale[:, None] * true_block)
        return ChannelScores(
            si_sdr=np.where(is_scored, 10.0 * np.log10(scale**2 * signal / distortion), np.nan),
            sd_sdr=np.where(is_scored, 10.0 * np.log10(scale**2 * signal / error), np.nan),
            snr=np.where(is_scored, 10.0 * np.log10(signal / error), np.nan),
        )


def median_of_channels(values: Values) -> float:
    """Median over the channels that have a score; NaN if none has.

    Args:
        values: (channel,) in dB.
    """
    scored = values[~np.isnan(values)]
    with np.errstate(invalid="ignore"):
        return float(np.median(scored)) if scored.size else math.nan


def decibels(numerator: float, denominator: float) -> float:
    """10 log10 of an energy ratio; +inf when only the denominator is 0, -inf when only the numerator is."""
    if math.isnan(numerator) or math.isnan(denominator):
        return math.nan
    if denominator == 0.0:
        return math.nan if numerator == 0.0 else math.inf
    return 10.0 * math.log10(numerator / denominator) if numerator > 0.0 else -math.inf


def _floored_ratio_db(reference: Signal, estimate: Signal, *, is_mono: bool) -> float:
    true, guess = np.atleast_2d(reference), np.atleast_2d(estimate)
    if is_mono:
        _require_same_shape(true[0], guess[0])
    else:
        _require_same_shape(reference, estimate)
    signal_energy = error_energy = ENERGY_FLOOR
    for span in _spans(true.shape[-1]):
        true_block, guess_block = (_exact(signal[:, span], is_mono=is_mono) for signal in (true, guess))
        signal_energy += float(_energy(true_block).sum())
        error_energy += float(_energy(true_block - guess_block).sum())
    return decibels(signal_energy, error_energy)


def _exact(block: Signal, *, is_mono: bool) -> Values:
    exact = np.asarray(block, np.float64)
    return exact.mean(axis=0, keepdims=True) if is_mono else exact


def _centred_blocks(true: Signal, guess: Signal) -> Iterator[tuple[Values, Values]]:
    """Blocks of both signals, (channel, time), without the means over the whole signals."""
    means = [signal.mean(axis=-1, keepdims=True, dtype=np.float64) for signal in (true, guess)]
    for span in _spans(true.shape[-1]):
        yield true[:, span] - means[0], guess[:, span] - means[1]


def _spans(num_samples: int) -> Iterator[slice]:
    return (slice(start, start + _BLOCK_SAMPLES) for start in range(0, num_samples, _BLOCK_SAMPLES))


def _energy(block: Values) -> Values:
    return _inner(block, block)


def _inner(first: Values, second: Values) -> Values:
    """Inner product over time, (channel,); not by BLAS, whose last bits depend on the number of threads."""
    return np.asarray(np.einsum("ct,ct->c", first, second))


def _is_constant(signal: Signal) -> npt.NDArray[np.bool_]:
    return np.asarray(signal.max(axis=-1) == signal.min(axis=-1))


def _require_same_shape(reference: Signal, estimate: Signal) -> None:
    if reference.shape != estimate.shape:
        raise StemMismatchError(
            "reference and estimate differ in shape", expected=reference.shape, found=estimate.shape
        )
