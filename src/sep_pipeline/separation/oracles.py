"""Upper bounds: what masks and filters that know the true stems make of the mixture.

The window is that of the SiSEC oracles in seconds: 4096 samples with a hop of a quarter at 44.1 kHz, at other
rates the nearest power of two. Songs are worked on in blocks of frames; what grows with their length is the
result alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from sep_pipeline.errors import ConfigurationError, StemMismatchError, TooShortError
from sep_pipeline.separation.wiener import WienerConfig, stft

Audio = npt.NDArray[np.float32]
MaskFunction = Callable[[Tensor], Tensor]

REFERENCE_RATE_HZ = 44_100
RELATIVE_REGULARISATION = 1e-10
"""Share of its trace that is added to the covariance of a bin, which two stems of one direction make singular."""

_BLOCK_HOPS = 64


@dataclass(frozen=True, kw_only=True)
class Oracle:
    """A method that needs the true stems.

    Attributes:
        description: What it is, in one line, for reports.
        function: Mixture (channel, time), references (stem, channel, time) and sizes to estimates.
    """

    description: str
    function: Callable[[Audio, Audio, WienerConfig], Audio]

    def estimate(self, mixture: Audio, references: Audio, *, sample_rate: int = REFERENCE_RATE_HZ) -> Audio:
        """Estimate the stems.

        Args:
            mixture: float32, (channel, time), at least one sample.
            references: True stems, float32, (stem, channel, time).
            sample_rate: In Hz; decides the length of the window.

        Returns:
            float32, (stem, channel, time); a silent stem's estimate is silent.

        Raises:
            StemMismatchError: The shapes do not fit, or the oracle is not made for so many channels.
            TooShortError: There is no sample.
        """
        return self.function(mixture, references, oracle_sizes(sample_rate))


@dataclass(frozen=True)
class _Block:
    """STFTs of a stretch with frames of context on both sides.

    Attributes:
        spectra: (1 + stem, channel, bin, frame), the mixture first.
        own_frames: The frames of the stretch itself; every frame of the song is one block's own.
        start: First sample of the stretch.
        num_samples: Length of the stretch.
        context_samples: Samples of context before it.
    """

    spectra: Tensor
    own_frames: slice
    start: int
    num_samples: int
    context_samples: int


def oracle_sizes(sample_rate: int) -> WienerConfig:
    """Window and hop for a sample rate in Hz: 93 ms, a power of two, and a quarter of it.

    Raises:
        ConfigurationError: The rate is not positive.
    """
    if sample_rate < 1:
        raise ConfigurationError("must be positive", parameter="sample_rate", found=sample_rate)
    n_fft = 2 ** max(2, round(math.log2(4096 * sample_rate / REFERENCE_RATE_HZ)))
    return WienerConfig(n_fft=n_fft, hop_length=n_fft // 4)


def ideal_ratio_mask(
    mixture: Audio, references: Audio, config: WienerConfig | None = None, *, exponent: int = 1
) -> Audio:
    """Share every bin of every channel in proportion to the true magnitudes, raised to a power.

    The estimates sum to the mixture. Bins in which all stems are exactly 0 are shared equally by the stems
    that sound anywhere.

    Args:
        mixture: float32, (channel, time), at least one sample.
        references: True stems, float32, (stem, channel, time).
        config: Sizes of the transform; those for 44.1 kHz by default.
        exponent: 1 for magnitudes, 2 for powers.

    Returns:
        float32, (stem, channel, time).

    Raises:
        ConfigurationError: The exponent is neither 1 nor 2.
        StemMismatchError: The shapes do not fit.
        TooShortError: There is no sample.
    """
    if exponent not in (1, 2):
        raise ConfigurationError("unknown exponent", parameter="exponent", expected=(1, 2), found=exponent)
    default_shares = _equal_shares(references)
    return _filtered(mixture, references, config, lambda spectra: _ratios(spectra, exponent, default_shares))


def ideal_binary_mask(mixture: Audio, references: Audio, config: WienerConfig | None = None) -> Audio:
    """Give every bin of every channel to the stem that is loudest in it, the first of several.

    Arguments, result and errors as in `ideal_ratio_mask`.
    """
    default_shares = _equal_shares(references)
    return _filtered(mixture, references, config, lambda spectra: _winners(spectra, default_shares))


def multichannel_wiener_oracle(
    mixture: Audio, references: Audio, config: WienerConfig | None = None
) -> Audio:
    """Filter the mixture by the Wiener filter of the true powers and directions.

    With v_j the power of stem j in a bin, mean over channels, and R_j = sum over frames of s_j s_j^H over the
    sum of v_j, one per frequency: y_j = v_j R_j (sum_k v_k R_k)^-1 x, in float64. On mono this is the ratio
    mask of powers.

    Args:
        mixture: float32, (channel, time), mono or stereo, at least one sample.
        references: True stems, float32, (stem, channel, time).
        config: Sizes of the transform; those for 44.1 kHz by default.

    Returns:
        float32, (stem, channel, time).

    Raises:
        StemMismatchError: The shapes do not fit, or there are more than two channels.
        TooShortError: There is no sample.
    """
    if len(mixture) not in (1, 2):
        raise StemMismatchError(
            "the multichannel Wiener oracle is for mono and stereo",
            expected="1 or 2 channels",
            found=len(mixture),
        )
    directions = _directions(mixture, references, config or WienerConfig())
    return _filtered(
        mixture, references, config, lambda spectra: _wiener(spectra, directions), dtype=torch.float64
    )


ORACLES: Mapping[str, Oracle] = MappingProxyType(
    {
        "multichannel_wiener_oracle": Oracle(
            description="oracle: Wiener filter of the true powers and spatial covariances",
            function=multichannel_wiener_oracle,
        ),
        "ideal_ratio_mask": Oracle(
            description="oracle: ratio mask of the true magnitudes",
            function=partial(ideal_ratio_mask, exponent=1),
        ),
        "ideal_power_ratio_mask": Oracle(
            description="oracle: ratio mask of the true powers",
            function=partial(ideal_ratio_mask, exponent=2),
        ),
        "ideal_binary_mask": Oracle(
            description="oracle: every bin goes to the stem that is loudest in it",
            function=ideal_binary_mask,
        ),
    }
)
"""Name of an oracle to what it is and does."""


def _ratios(spectra: Tensor, exponent: int, default_shares: Tensor) -> Tensor:
    weights = spectra[1:].abs()
    weights = weights.square() if exponent == 2 else weights
    total = weights.sum(0)
    masks = torch.where(total > 0, weights / total, default_shares)
    return masks * spectra[0]


def _winners(spectra: Tensor, default_shares: Tensor) -> Tensor:
    loudest, winner = spectra[1:].abs().max(dim=0)
    stems = torch.arange(len(spectra) - 1).reshape(-1, 1, 1, 1)
    masks = torch.where(loudest > 0, (winner == stems).to(default_shares), default_shares)
    return masks * spectra[0]


def _wiener(spectra: Tensor, directions: Tensor) -> Tensor:
    """`directions`: R, (stem, bin, channel, channel)."""
    power = _power(spectra[1:])
    whitened = _whitened(spectra[0], power, directions)
    turned = torch.einsum("sfij,jft->sift", directions, whitened)
    return turned.mul_(power[:, None])


def _power(spectra: Tensor) -> Tensor:
    """(stem, channel, bin, frame) to the mean over channels, (stem, bin, frame)."""
    return (spectra.real.square() + spectra.imag.square()).mean(1)


def _whitened(mixture: Tensor, power: Tensor, directions: Tensor) -> Tensor:
    """Solve (sum_j v_j R_j) w = x for one or two channels; 0 where nothing sounds.

    Args:
        mixture: x, (channel, bin, frame).
        power: v, (stem, bin, frame).
        directions: R, Hermitian, (stem, bin, channel, channel).

    Returns:
        w, (channel, bin, frame).
    """
    diagonal = _weighted(power, torch.diagonal(directions, dim1=-2, dim2=-1).real)
    trace = diagonal.sum(0)
    is_sounding = trace > 0
    if len(mixture) == 1:
        return mixture * torch.where(is_sounding, 1.0 / trace, 0.0)
    first, second = diagonal + RELATIVE_REGULARISATION * trace
    across = torch.complex(*_weighted(power, torch.view_as_real(directions[..., 0, 1])))
    determinant = first * second - across.real.square() - across.imag.square()
    scale = torch.where(is_sounding, 1.0 / determinant, 0.0)
    return torch.stack(
        [
            (second * mixture[0] - across * mixture[1]) * scale,
            (first * mixture[1] - across.conj() * mixture[0]) * scale,
        ]
    )


def _weighted(power: Tensor, entries: Tensor) -> Tensor:
    """Sum over stems of powers (stem, bin, frame) times entries (stem, bin, entry): (entry, bin, frame)."""
    return torch.einsum("sft,sfe->eft", power, entries)


def _directions(mixture: Audio, references: Audio, sizes: WienerConfig) -> Tensor:
    """Spatial covariances over the whole song, complex128, (stem, bin, channel, channel); 0 for silence."""
    products: Tensor | None = None
    for block in _blocks(mixture, references, sizes, torch.float64):
        stems = block.spectra[1:, ..., block.own_frames]
        product = torch.einsum("sift,sjft->sfij", stems, stems.conj())
        products = product if products is None else products + product
    assert products is not None
    power = torch.diagonal(products, dim1=-2, dim2=-1).real.mean(-1)[..., None, None]
    return torch.where(power > 0, products / power, 0.0)


def _filtered(
    mixture: Audio,
    references: Audio,
    config: WienerConfig | None,
    function: MaskFunction,
    *,
    dtype: torch.dtype = torch.float32,
) -> Audio:
    """Apply a function from (1 + stem, channel, bin, frame) to (stem, channel, bin, frame) to the song."""
    sizes = config or WienerConfig()
    window = torch.hann_window(sizes.n_fft, dtype=dtype)
    estimates = np.empty_like(references, dtype=np.float32)
    for block in _blocks(mixture, references, sizes, dtype):
        result = function(block.spectra)
        signals = torch.istft(result.flatten(0, 1), sizes.n_fft, sizes.hop_length, window=window)
        first = block.context_samples
        own = signals.reshape(*result.shape[:2], -1)[..., first : first + block.num_samples]
        estimates[..., block.start : block.start + block.num_samples] = own.numpy()
    return estimates


def _blocks(mixture: Audio, references: Audio, sizes: WienerConfig, dtype: torch.dtype) -> Iterator[_Block]:
    """Cut the song so that what is made of the blocks equals one pass, with zeros beyond its ends."""
    _check(mixture, references)
    num_samples, hop = mixture.shape[-1], sizes.hop_length
    stretch, context = _BLOCK_HOPS * hop, sizes.n_fft
    window = torch.hann_window(sizes.n_fft, dtype=dtype)
    for start in range(0, num_samples, stretch):
        stop = min(start + stretch, num_samples)
        first, last = max(0, start - context), min(num_samples, stop + context)
        signals = np.concatenate([mixture[None, :, first:last], references[..., first:last]])
        padded = functional.pad(torch.from_numpy(signals).to(dtype), (0, -(last - first) % hop))
        spectra = stft(padded.flatten(0, 1), window, sizes)
        spectra = spectra.reshape(*signals.shape[:2], *spectra.shape[1:])
        end = None if stop == num_samples else (stop - first) // hop
        yield _Block(spectra, slice((start - first) // hop, end), start, stop - start, start - first)


def _equal_shares(references: Audio) -> Tensor:
    """Equal parts for the stems that sound anywhere, none for the others, (stem, 1, 1, 1)."""
    is_sounding = torch.tensor([bool(np.any(stem)) for stem in references])
    shares = is_sounding.float() / max(1, int(is_sounding.sum()))
    return shares.reshape(-1, 1, 1, 1)


def _check(mixture: npt.NDArray[Any], references: npt.NDArray[Any]) -> None:
    if references.ndim != 3 or len(references) < 1 or references.shape[1:] != mixture.shape:
        raise StemMismatchError(
            "references do not fit the mixture",
            expected=("stem", *mixture.shape),
            found=references.shape,
        )
    if mixture.shape[-1] == 0:
        raise TooShortError("nothing to separate", expected="at least one sample", found=0)
