"""What the waveform study minimises: errors of samples and of spectrograms, and likeness to the other sources."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor

from sep_pipeline.errors import ConfigurationError, StemMismatchError
from sep_pipeline.losses.spectral import Resolution, powers, spectral_distance
from sep_pipeline.losses.waveform import mean_absolute, mean_square

WaveformTerm = Literal["mae", "mse"]
SpectrogramKind = Literal["db", "linear"]

MEASURES = ("mae", "mse", "spectrogram", "difference")
"""What `source_measures` gives, in the order of the study's table."""

_SMALLEST_PEAK, _SMALLEST_SHARE, _RANGE_DB = 1e-12, 1e-10, 80.0


@dataclass(frozen=True, kw_only=True)
class SourceLossConfig:
    """The sum that a training minimises.

    Args:
        waveform: Error of the samples: mean absolute or mean squared.
        spectrogram_weight: Weight of the error of spectrograms beside it.
        spectrogram_kind: "db" as the study's program has it, or "linear" as its report says.
        difference_weight: Weight of the distance from the other sources, which is rewarded.

    Raises:
        ConfigurationError: A name is unknown or a weight is negative.
    """

    waveform: WaveformTerm = "mae"
    spectrogram_weight: float = 0.0
    spectrogram_kind: SpectrogramKind = "db"
    difference_weight: float = 0.0

    def __post_init__(self) -> None:
        for name, is_valid, expected in (
            ("waveform", self.waveform in get_args(WaveformTerm), get_args(WaveformTerm)),
            ("spectrogram_weight", self.spectrogram_weight >= 0, ">= 0"),
            (
                "spectrogram_kind",
                self.spectrogram_kind in get_args(SpectrogramKind),
                get_args(SpectrogramKind),
            ),
            ("difference_weight", self.difference_weight >= 0, ">= 0"),
        ):
            if not is_valid:
                raise ConfigurationError(
                    "the loss of sources is impossible",
                    parameter=f"loss.{name}",
                    expected=expected,
                    found=getattr(self, name),
                )


def study_resolution(sample_rate: int) -> Resolution:
    """The study's transform: windows of 50 ms every 12.5 ms; 2205 and 551 samples at 44.1 kHz."""
    return Resolution(sample_rate // 20, sample_rate // 80, sample_rate // 20)


def source_losses(
    estimates: Tensor, targets: Tensor, config: SourceLossConfig, resolution: Resolution
) -> dict[str, Tensor]:
    """The sum that is minimised, and its terms before their weights.

    Args:
        estimates: float32, (batch, stem, channel, time).
        targets: Same shape, in the same order.
        config: The terms.
        resolution: Transform of the spectrograms.

    Returns:
        Scalars: "loss", and of `MEASURES` those with a weight.

    Raises:
        StemMismatchError: The shapes differ.
        ConfigurationError: A single source should differ from others.
        TooShortError: There are too few samples for a spectrogram.
    """
    _check_shapes(estimates, targets)
    error = mean_absolute if config.waveform == "mae" else mean_square
    loss = error(estimates, targets)
    terms: dict[str, Tensor] = {config.waveform: loss}
    if config.spectrogram_weight:
        terms["spectrogram"] = spectrogram_error(estimates, targets, resolution, config.spectrogram_kind)
        loss = loss + config.spectrogram_weight * terms["spectrogram"]
    if config.difference_weight:
        terms["difference"] = difference_term(estimates, targets)
        loss = loss + config.difference_weight * terms["difference"]
    return {"loss": loss} | {name: term.detach() for name, term in terms.items()}


def source_measures(estimates: Tensor, targets: Tensor, resolution: Resolution) -> dict[str, Tensor]:
    """All of `MEASURES`, the spectrograms in dB; arguments and errors as of `source_losses`."""
    _check_shapes(estimates, targets)
    return {
        "mae": mean_absolute(estimates, targets),
        "mse": mean_square(estimates, targets),
        "spectrogram": spectrogram_error(estimates, targets, resolution, "db"),
        "difference": difference_term(estimates, targets),
    }


def spectrogram_error(
    estimates: Tensor, targets: Tensor, resolution: Resolution, kind: SpectrogramKind
) -> Tensor:
    """Mean squared difference of spectrograms over all rows, frames and bins.

    "linear" compares magnitudes. "db" compares levels, each side's relative to its own largest value in the
    batch, so that it does not hear a gain.

    Args:
        estimates: float32, (batch, stem, channel, time).
        targets: Same shape.
        resolution: Sizes of the transform.
        kind: See above.

    Raises:
        TooShortError: There are too few samples to reflect at the ends.
    """
    rows, wanted = estimates.flatten(0, 2), targets.flatten(0, 2)
    if kind == "db":
        return mean_square(levels_db(powers(rows, resolution)), levels_db(powers(wanted, resolution)))
    num_frames = 1 + (rows.shape[-1] - resolution.n_fft % 2) // resolution.hop_length
    num_bins = 1 + resolution.n_fft // 2
    distances = spectral_distance(rows.unsqueeze(1), wanted.unsqueeze(1), resolution)
    return distances.square().mean() / (num_frames * num_bins)


def levels_db(power: Tensor) -> Tensor:
    """Levels relative to the largest, in dB, at most 80 dB under the largest level; a silent batch is flat.

    Args:
        power: float32, not negative, of any shape.
    """
    share = power / power.max().clamp_min(_SMALLEST_PEAK)
    levels = 10 * share.clamp_min(_SMALLEST_SHARE).log10()
    return torch.maximum(levels, levels.max() - _RANGE_DB)


def difference_term(estimates: Tensor, targets: Tensor) -> Tensor:
    """Minus the mean absolute difference between estimates and the targets of other sources, never positive.

    Args:
        estimates: float32, (batch, stem, channel, time).
        targets: Same shape.

    Raises:
        ConfigurationError: There is a single source.
    """
    num_stems = estimates.shape[1]
    if num_stems < 2:
        raise ConfigurationError(
            "a single source has no others to differ from",
            parameter="loss.difference_weight",
            expected="0, or two stems",
            found=num_stems,
        )
    shifted = [mean_absolute(estimates, targets.roll(distance, dims=1)) for distance in range(1, num_stems)]
    return -torch.stack(shifted).mean()


def _check_shapes(estimates: Tensor, targets: Tensor) -> None:
    if estimates.ndim != 4 or estimates.shape != targets.shape:
        raise StemMismatchError(
            "estimates and targets differ", expected=tuple(targets.shape), found=tuple(estimates.shape)
        )
