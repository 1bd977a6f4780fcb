"""Multichannel Wiener filter: estimates refined by expectation maximisation on the mixture's spectrum.

The filter of Nugraha et al. (2016) in the form Open-Unmix uses. Every source is a local Gaussian: a power per
frame and bin times a spatial covariance per bin that holds for a whole stretch of frames.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from sep_pipeline.errors import ConfigurationError, StemMismatchError
from sep_pipeline.separation.em_wiener_planes import (
    Estimates,
    FilteredEstimates,
    FirstEstimates,
    Plane,
    filter_into,
    planes,
)

EPSILON = 1e-10
"""Added to energies that are divided by; its root is added to the diagonal of the mixture's covariance."""

LOUDEST = 10.0
"""Largest magnitude of the scaled mixture for which `EPSILON` is meant."""

PLANE_VALUES = 32_768
"""Values worked on at once: a dozen planes of them stay in the caches, and they are too few for torch to hand
them to several threads, whose waiting for each other costs more than it saves and stalls a busy machine."""


@dataclass(frozen=True, kw_only=True)
class EMWienerConfig:
    """Settings of the filter.

    Args:
        num_iterations: Rounds of expectation maximisation; 0 gives the first estimates.
        softmask: Whether the first estimates divide the mixture in proportion to the magnitudes, instead of
            giving the magnitudes the mixture's phase.
        residual: Whether what the estimates leave of the mixture is one more source, the last.
        block_frames: Frames that share their spatial covariances; None for all.
        compatible_silent_bins: Whether bins of the mixture that are exactly zero count as 1, as in the program
            `openunmix`, which shows in the residual only. For comparisons.

    Raises:
        ConfigurationError: A value is out of range.
    """

    num_iterations: int = 1
    softmask: bool = False
    residual: bool = False
    block_frames: int | None = 300
    compatible_silent_bins: bool = False

    def __post_init__(self) -> None:
        if self.num_iterations < 0:
            raise ConfigurationError(
                "must not be negative", parameter="num_iterations", found=self.num_iterations
            )
        if self.block_frames is not None and self.block_frames < 1:
            raise ConfigurationError(
                "must be positive or null", parameter="block_frames", found=self.block_frames
            )

    def num_sources(self, num_targets: int) -> int:
        """Number of estimates for that many targets.

        Raises:
            ConfigurationError: There is nothing to weigh a single target against.
        """
        if num_targets == 1 and self.num_iterations > 0 and not self.residual:
            raise ConfigurationError(
                "a single target needs the residual as its counterpart",
                parameter="residual",
                expected="true, or num_iterations 0",
                found=False,
            )
        return num_targets + int(self.residual)


def em_wiener(magnitudes: Tensor, mixture: Tensor, config: EMWienerConfig | None = None) -> Tensor:
    """Estimate the spectra of all sources from their magnitudes and the mixture, without a gradient.

    Iterations compute in float64 whatever the precision of the arguments: where the channels of a mixture are
    nearly alike the covariances are nearly singular, and float32 leaves errors of 1e-6 to 3e-5 of full scale.

    Args:
        magnitudes: float, not negative, (source, channel, frame, bin); one channel serves all.
        mixture: complex, (channel, frame, bin), one or two channels, of the same precision.
        config: Settings.

    Returns:
        complex, (source, channel, frame, bin); with `residual` one source more.

    Raises:
        ConfigurationError: One target without a counterpart.
        StemMismatchError: The shapes or number formats do not fit.
    """
    settings = config or EMWienerConfig()
    _check(magnitudes, mixture)
    num_frames = mixture.shape[1]
    size = max(1, settings.block_frames or num_frames)
    output = mixture.new_empty(settings.num_sources(len(magnitudes)), *mixture.shape)
    for start in range(0, num_frames, size):
        frames = slice(start, min(start + size, num_frames))
        with torch.no_grad():
            refine_stretch(magnitudes[:, :, frames], mixture[:, frames], settings, output[:, :, frames])
    return output


def refine_stretch(magnitudes: Tensor, mixture: Tensor, config: EMWienerConfig, output: Tensor) -> None:
    """Filter frames that share their covariances; arguments as for `em_wiener`, the result goes to `output`."""
    stretch = EMStretch(config, loudest=float(largest_magnitude(mixture)))
    for _ in range(config.num_iterations):
        stretch.add(magnitudes, mixture)
        stretch.finish_iteration()
    stretch.apply(magnitudes, mixture, output)


def largest_magnitude(mixture: Tensor) -> Tensor:
    """Largest modulus of a complex tensor, a scalar."""
    parts = torch.view_as_real(mixture)
    largest = mixture.real.new_zeros(())
    for frames in _frame_blocks(mixture):
        block = parts[:, frames]
        squares = block[..., 0].square().addcmul_(block[..., 1], block[..., 1])
        largest = torch.maximum(largest, squares.amax())
    return largest.sqrt()


class EMStretch:
    """Filter of a stretch of frames that share covariances but need not be in memory at the same time.

    For each iteration give every frame to `add`, in blocks, and call `finish_iteration`; then `apply` it to the
    frames. The estimates after earlier iterations are not kept but follow from the covariances found so far.
    The scaling by the largest magnitude is folded into the two small constants.

    Args:
        config: Settings.
        loudest: Largest modulus of the mixture over all frames of the stretch.
    """

    def __init__(self, config: EMWienerConfig, *, loudest: float) -> None:
        scale = max(1.0, loudest / LOUDEST)
        self._config = config
        self._energy_floor = EPSILON * scale**2
        self._diagonal_floor = EPSILON**0.5 * scale**2
        self._covariances: list[Tensor] = []
        self._moments: Tensor | None = None

    def add(self, magnitudes: Tensor, mixture: Tensor) -> None:
        """Take frames into the covariances of the coming iteration; arguments as for `em_wiener`."""
        for frames in _frame_blocks(mixture):
            first, split = self._first(magnitudes[:, :, frames], mixture[:, frames])
            moments = self._iterated(first, split, self._covariances).moments()
            self._moments = moments if self._moments is None else self._moments.add_(moments)

    def finish_iteration(self) -> None:
        """Turn the sums so far into covariances."""
        assert self._moments is not None, "frames come first"
        num_channels = 1 if self._moments.shape[1] == 1 else 2
        energies = self._moments[:, :num_channels].mean(1, keepdim=True)
        self._covariances.append(self._moments / (energies + self._energy_floor))
        self._moments = None

    def apply(self, magnitudes: Tensor, mixture: Tensor, output: Tensor) -> None:
        """Write the estimates of some frames; arguments as for `refine_stretch`."""
        for frames in _frame_blocks(mixture):
            part = torch.view_as_real(output[:, :, frames])
            first, split = self._first(magnitudes[:, :, frames], mixture[:, frames])
            if self._covariances:
                before = self._iterated(first, split, self._covariances[:-1])
                filter_into(part, before.powers(), self._covariances[-1], split, self._diagonal_floor)
            else:
                first.write(part)

    def _first(self, magnitudes: Tensor, mixture: Tensor) -> tuple[FirstEstimates, list[Plane]]:
        config = self._config
        precision = torch.float64 if config.num_iterations else magnitudes.dtype
        zeros_become_one = config.compatible_silent_bins and not config.softmask
        split = planes(mixture, precision, zeros_become_one=zeros_become_one)
        first = FirstEstimates(
            magnitudes.to(precision),
            split,
            softmask=config.softmask,
            residual=config.residual,
            epsilon=EPSILON,
        )
        return first, split

    def _iterated(
        self, first: FirstEstimates, split: list[Plane], covariances: Sequence[Tensor]
    ) -> Estimates:
        """The estimates after as many iterations as there are covariances."""
        estimates: Estimates = first
        for covariance in covariances:
            shape = (2, len(covariance), len(split), *split[0][0].shape)
            spectra = split[0][0].new_empty(shape).movedim(0, -1)
            filter_into(spectra, estimates.powers(), covariance, split, self._diagonal_floor)
            estimates = FilteredEstimates(spectra)
        return estimates


def _frame_blocks(mixture: Tensor) -> Iterator[slice]:
    """Slices of frames that stay in the caches of a processor; everything at once elsewhere."""
    num_frames, num_bins = mixture.shape[1:]
    size = max(1, PLANE_VALUES // num_bins) if mixture.device.type == "cpu" else num_frames
    for start in range(0, num_frames, size):
        yield slice(start, start + size)


def _check(magnitudes: Tensor, mixture: Tensor) -> None:
    if mixture.ndim != 3 or mixture.shape[0] not in (1, 2) or not mixture.is_complex():
        raise StemMismatchError(
            "the filter takes the spectrum of one or two channels",
            expected="complex, (1 or 2, frame, bin)",
            found=f"{mixture.dtype}, {tuple(mixture.shape)}",
        )
    shapes = [(channels, *mixture.shape[1:]) for channels in (1, mixture.shape[0])]
    if magnitudes.ndim != 4 or len(magnitudes) < 1 or tuple(magnitudes.shape[1:]) not in shapes:
        raise StemMismatchError(
            "the magnitudes do not fit the mixture",
            expected=("source", *mixture.shape),
            found=tuple(magnitudes.shape),
        )
    if magnitudes.dtype != mixture.real.dtype:
        raise StemMismatchError(
            "magnitudes and mixture differ in precision", expected=mixture.real.dtype, found=magnitudes.dtype
        )
