"""All whole-track scores of one track in one call, each under the name that heads its column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from sep_pipeline.errors import DataError, StemMismatchError, TooShortError
from sep_pipeline.metrics.whole_track import channel_scores, median_of_channels, study_sdr, usdr

Signal = npt.NDArray[np.floating[Any]]
Values = npt.NDArray[np.float64]

SDR_WHOLE_SONG = "SDR whole song"
USDR = "uSDR"
SI_SDR = "SI-SDR"
SD_SDR = "SD-SDR"
SNR = "SNR"
IMPROVEMENT_SUFFIX = "i"


@dataclass(frozen=True, kw_only=True)
class WholeTrackMetric:
    """What a metric is.

    Attributes:
        name: Name as it heads a column.
        description: The definition in one line, for reports.
        base: Name of the metric that this one is an improvement of over the mixture; None if it is none.
    """

    name: str
    description: str
    base: str | None = None


_PER_CHANNEL = "means over time removed, median over channels, undefined where either is constant"

_BASES = (
    WholeTrackMetric(
        name=SDR_WHOLE_SONG,
        description="SDR of the Jukebox study: channels averaged, energy of the reference over energy of the "
        "error on the whole song, 1e-7 added to both",
    ),
    WholeTrackMetric(
        name=USDR,
        description="SDR of the 2021 Music Demixing Challenge: energy of the reference over energy of the error, "
        "all channels of the whole song together, 1e-7 added to both",
    ),
    WholeTrackMetric(
        name=SI_SDR,
        description=f"scale-invariant SDR of the whole song: reference scaled to fit; {_PER_CHANNEL}",
    ),
    WholeTrackMetric(
        name=SD_SDR,
        description=f"scale-dependent SDR of the whole song: SNR lowered by a wrong level; {_PER_CHANNEL}",
    ),
    WholeTrackMetric(
        name=SNR,
        description=f"energy of the reference over energy of the error, whole song; {_PER_CHANNEL}",
    ),
)


def _improvement(base: str) -> WholeTrackMetric:
    return WholeTrackMetric(
        name=f"{base}{IMPROVEMENT_SUFFIX}",
        description=f"{base} of the estimate minus {base} of the mixture taken as the estimate",
        base=base,
    )


WHOLE_TRACK_METRICS: Mapping[str, WholeTrackMetric] = MappingProxyType(
    {
        metric.name: metric
        for metric in (*_BASES, *(_improvement(base) for base in (USDR, SI_SDR, SD_SDR, SNR)))
    }
)
"""Name of a metric, as it heads a column, to what it is."""


@dataclass(frozen=True, kw_only=True)
class WholeTrackScore:
    """One score of one stem.

    Attributes:
        stem: Name of the stem.
        metric: A name in `WHOLE_TRACK_METRICS`.
        value: In dB; NaN where the metric is not defined, +inf for a perfect estimate.
    """

    stem: str
    metric: str
    value: float


def score_whole_track(
    references: Signal, estimates: Signal, mixture: Signal | None, stems: Sequence[str]
) -> list[WholeTrackScore]:
    """Score all stems of one track by every metric of `WHOLE_TRACK_METRICS`.

    What the NaN of a silent stem leaves out is counted by `sep_pipeline.metrics.aggregate.count_silence`.

    Args:
        references: True stems, (stem, channel, time).
        estimates: Estimates of the same shape.
        mixture: (channel, time); None leaves out the improvements over the mixture.
        stems: Names of the stems.

    Returns:
        Stem by stem, in the order of `stems` and of `WHOLE_TRACK_METRICS`.

    Raises:
        StemMismatchError: Shapes differ, or names do not fit the stems.
        TooShortError: There is no sample.
        DataError: A sample is NaN or infinite.
    """
    _check(references, estimates, mixture, stems)
    return [
        WholeTrackScore(stem=stem, metric=metric, value=median_of_channels(values))
        for stem, reference, estimate in zip(stems, references, estimates, strict=True)
        for metric, values in _scores_of_stem(reference, estimate, mixture).items()
    ]


def _scores_of_stem(reference: Signal, estimate: Signal, mixture: Signal | None) -> dict[str, Values]:
    """Name of a metric to its values, (channel,), or (1,) where it takes all channels together."""
    scores = _base_scores(reference, estimate)
    if mixture is None:
        return scores
    unprocessed = _base_scores(reference, mixture)
    with np.errstate(invalid="ignore"):
        improvements = {
            name: scores[metric.base] - unprocessed[metric.base]
            for name, metric in WHOLE_TRACK_METRICS.items()
            if metric.base is not None
        }
    return scores | improvements


def _base_scores(reference: Signal, estimate: Signal) -> dict[str, Values]:
    per_channel = channel_scores(reference, estimate)
    return {
        SDR_WHOLE_SONG: np.array([study_sdr(reference, estimate)]),
        USDR: np.array([usdr(reference, estimate)]),
        SI_SDR: per_channel.si_sdr,
        SD_SDR: per_channel.sd_sdr,
        SNR: per_channel.snr,
    }


def _check(references: Signal, estimates: Signal, mixture: Signal | None, stems: Sequence[str]) -> None:
    if references.ndim != 3 or references.shape != estimates.shape:
        raise StemMismatchError(
            "references and estimates differ in shape", expected=references.shape, found=estimates.shape
        )
    if len(references) != len(stems):
        raise StemMismatchError(
            "names do not fit the stems", expected=f"{len(references)} names", found=list(stems)
        )
    if mixture is not None and mixture.shape != references.shape[1:]:
        raise StemMismatchError(
            "the mixture does not fit the stems", expected=references.shape[1:], found=mixture.shape
        )
    if references.shape[-1] == 0:
        raise TooShortError("nothing to score", expected="at least one sample", found=0)
    for side, signals in (("reference", references), ("estimate", estimates)):
        for stem, signal in zip(stems, signals, strict=True):
            _require_finite(signal, f"{side} of {stem}")
    if mixture is not None:
        _require_finite(mixture, "mixture")


def _require_finite(signal: Signal, name: str) -> None:
    if not all(np.isfinite(channel).all() for channel in signal):
        raise DataError(f"the {name} has samples that are not finite")
