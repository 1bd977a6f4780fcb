"""Arithmetic of the multichannel Wiener filter on planes of real numbers, for one or two channels.

A plane is a float tensor (frame, bin). Complex products of small Hermitian matrices are written out on real and
imaginary planes: that is several times faster than complex tensors with tiny inner axes.
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

Plane = tuple[Tensor, Tensor]
"""Real and imaginary part, each (frame, bin)."""


class Estimates(Protocol):
    """Spectra of all sources for some frames."""

    def powers(self) -> list[Tensor]:
        """Per source the mean of |y|² over the channels, (frame, bin)."""
        ...

    def moments(self) -> Tensor:
        """Sum of y yᴴ over the frames: (source, entry, bin).

        Entries of one channel: the energy; of two: both energies, real and imaginary part of y₀ y₁*.
        """
        ...


class FirstEstimates:
    """Estimates that are real multiples of the mixture's phase.

    Args:
        magnitudes: (source, channel, frame, bin); one channel serves all.
        mixture: Per channel its planes.
        softmask: Whether the mixture is divided in proportion to the magnitudes.
        residual: Whether the rest of the mixture is one more source.
        epsilon: Added to what the soft mask divides by.
    """

    def __init__(
        self, magnitudes: Tensor, mixture: list[Plane], *, softmask: bool, residual: bool, epsilon: float
    ) -> None:
        channels = [_polar(plane) for plane in mixture]
        self._phases = [phase for _, phase in channels]
        self._amplitudes: list[list[Tensor]] = [[] for _ in range(len(magnitudes) + int(residual))]
        for index, (modulus, _) in enumerate(channels):
            amplitudes = list(magnitudes[:, index if magnitudes.shape[1] > 1 else 0])
            if softmask:
                share = modulus / (sum(amplitudes[1:], amplitudes[0]) + epsilon)
                amplitudes = [amplitude * share for amplitude in amplitudes]
            if residual:
                amplitudes.append(modulus - sum(amplitudes[1:], amplitudes[0]))
            for source, amplitude in zip(self._amplitudes, amplitudes, strict=True):
                source.append(amplitude)

    def powers(self) -> list[Tensor]:
        """See `Estimates`."""
        return [_sum_of_squares(channels).div_(len(channels)) for channels in self._amplitudes]

    def moments(self) -> Tensor:
        """See `Estimates`."""
        if len(self._phases) == 1:
            return torch.stack([source[0].square().sum(0)[None] for source in self._amplitudes])
        cross = _times_conjugate(*self._phases)
        return torch.stack([_stereo_moments(left, right, cross) for left, right in self._amplitudes])

    def write(self, output: Tensor) -> None:
        """Write the estimates to (source, channel, frame, bin, real and imaginary part)."""
        for source, channels in zip(output, self._amplitudes, strict=True):
            for parts, amplitude, phase in zip(source, channels, self._phases, strict=True):
                torch.mul(amplitude, phase[0], out=parts[..., 0])
                torch.mul(amplitude, phase[1], out=parts[..., 1])


class FilteredEstimates:
    """Estimates of an earlier iteration.

    Args:
        spectra: (source, channel, frame, bin, real and imaginary part).
    """

    def __init__(self, spectra: Tensor) -> None:
        self._sources = [[(plane[..., 0], plane[..., 1]) for plane in source] for source in spectra]

    def powers(self) -> list[Tensor]:
        """See `Estimates`."""
        return [
            _sum_of_squares([part for plane in source for part in plane]).div_(len(source))
            for source in self._sources
        ]

    def moments(self) -> Tensor:
        """See `Estimates`."""
        return torch.stack([self._source_moments(source) for source in self._sources])

    @staticmethod
    def _source_moments(source: list[Plane]) -> Tensor:
        sums = [(re.square().addcmul_(im, im)).sum(0) for re, im in source]
        if len(source) == 2:
            sums += [part.sum(0) for part in _times_conjugate(*source)]
        return torch.stack(sums)


def planes(mixture: Tensor, precision: torch.dtype, *, zeros_become_one: bool) -> list[Plane]:
    """Real and imaginary planes of every channel of a complex (channel, frame, bin).

    Args:
        mixture: The spectrum.
        precision: Of the planes.
        zeros_become_one: Whether exact zeros are replaced by 1.
    """
    parts = torch.view_as_real(mixture)
    split = [tuple(part.to(precision).contiguous() for part in channel.unbind(-1)) for channel in parts]
    if zeros_become_one:
        split = [(real + ((real == 0) & (imaginary == 0)), imaginary) for real, imaginary in split]
    return split


def filter_into(
    output: Tensor, powers: list[Tensor], covariances: Tensor, mixture: list[Plane], floor: float
) -> None:
    """Write v R C⁻¹ x for every source, with C the sum of v R over the sources plus `floor` times identity.

    Args:
        output: (source, channel, frame, bin, real and imaginary part).
        powers: v, per source (frame, bin).
        covariances: R, (source, entry, bin), entries as in `Estimates.moments`.
        mixture: x, per channel its planes.
        floor: Positive.
    """
    total = [_weighted_sum(powers, entry) for entry in covariances.unbind(1)]
    for diagonal in total[: len(mixture)]:
        diagonal += floor
    white = _stereo_solution(total, mixture) if len(mixture) == 2 else _mono_solution(total, mixture)
    write = _write_stereo if len(mixture) == 2 else _write_mono
    for source, variance, covariance in zip(output, powers, covariances, strict=True):
        write(source, variance, covariance, white)


def _stereo_moments(left: Tensor, right: Tensor, cross: Plane) -> Tensor:
    product = left * right
    sums = [left.square().sum(0), right.square().sum(0)]
    sums.append((product * cross[0]).sum(0))
    sums.append(product.mul_(cross[1]).sum(0))
    return torch.stack(sums)


def _mono_solution(total: list[Tensor], mixture: list[Plane]) -> list[Plane]:
    real, imaginary = mixture[0]
    return [(real / total[0], imaginary / total[0])]


def _stereo_solution(total: list[Tensor], mixture: list[Plane]) -> list[Plane]:
    """C⁻¹ x of a Hermitian 2 × 2 matrix in closed form."""
    first, second, real, imaginary = total
    (left_re, left_im), (right_re, right_im) = mixture
    inverse = first * second
    inverse.addcmul_(real, real, value=-1).addcmul_(imaginary, imaginary, value=-1).reciprocal_()
    for entry in total:
        entry *= inverse
    return [
        (
            (second * left_re).addcmul_(real, right_re, value=-1).addcmul_(imaginary, right_im),
            (second * left_im).addcmul_(real, right_im, value=-1).addcmul_(imaginary, right_re, value=-1),
        ),
        (
            (first * right_re).addcmul_(real, left_re, value=-1).addcmul_(imaginary, left_im, value=-1),
            (first * right_im).addcmul_(real, left_im, value=-1).addcmul_(imaginary, left_re),
        ),
    ]


def _write_mono(source: Tensor, variance: Tensor, covariance: Tensor, white: list[Plane]) -> None:
    gain = variance * covariance[0]
    torch.mul(white[0][0], gain, out=source[0, ..., 0])
    torch.mul(white[0][1], gain, out=source[0, ..., 1])


def _write_stereo(source: Tensor, variance: Tensor, covariance: Tensor, white: list[Plane]) -> None:
    """V R z."""
    first, second, real, imaginary = covariance
    (left_re, left_im), (right_re, right_im) = white
    sums = (
        (
            source[0, ..., 0],
            (left_re * first).addcmul_(right_re, real).addcmul_(right_im, imaginary, value=-1),
        ),
        (source[0, ..., 1], (left_im * first).addcmul_(right_im, real).addcmul_(right_re, imaginary)),
        (source[1, ..., 0], (right_re * second).addcmul_(left_re, real).addcmul_(left_im, imaginary)),
        (
            source[1, ..., 1],
            (right_im * second).addcmul_(left_im, real).addcmul_(left_re, imaginary, value=-1),
        ),
    )
    for part, value in sums:
        torch.mul(value, variance, out=part)


def _polar(plane: Plane) -> tuple[Tensor, Plane]:
    """Modulus and unit phase; the phase of zero is 1."""
    real, imaginary = plane
    modulus = real.square().addcmul_(imaginary, imaginary).sqrt_()
    inverse = modulus.reciprocal()
    phase = (real * inverse, imaginary * inverse)
    is_zero = modulus == 0
    if is_zero.any():
        phase[0].masked_fill_(is_zero, 1.0)
        phase[1].masked_fill_(is_zero, 0.0)
    return modulus, phase


def _times_conjugate(left: Plane, right: Plane) -> Plane:
    real = (left[0] * right[0]).addcmul_(left[1], right[1])
    return real, (left[1] * right[0]).addcmul_(left[0], right[1], value=-1)


def _sum_of_squares(parts: list[Tensor]) -> Tensor:
    total = parts[0].square()
    for part in parts[1:]:
        total.addcmul_(part, part)
    return total


def _weighted_sum(weights: list[Tensor], rows: Tensor) -> Tensor:
    """Sum over sources of a plane times a row of bins."""
    total = weights[0] * rows[0]
    for weight, row in zip(weights[1:], rows[1:], strict=True):
        total.addcmul_(weight, row)
    return total
