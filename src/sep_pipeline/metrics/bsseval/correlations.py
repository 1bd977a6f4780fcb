"""Correlations of all references with all references and estimates: per frame and over the whole track."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from sep_pipeline.metrics.bsseval.tiling import Tile, Tiling

MIN_BLOCK_SAMPLES = 64


@dataclass(frozen=True, kw_only=True)
class TrackCorrelations:
    """What the scores of a track depend on; float64 on the CPU.

    With references numbered stem by stem and channel by channel, and the estimates after them in the same
    order, `lags[..., a, x, l]` is the sum over n of signal x at n times reference a at n - l.

    Attributes:
        total: Over the whole track, (reference, signal, lag).
        frames: The same within every frame, as if all around it were zero, (frame, reference, signal, lag).
        estimate_energy: (frame, stem).
        error_energy: Energy of estimate minus reference, (frame, stem).
        is_silent: Frames in which a stem of the references or the estimates is silent, (frame,).
    """

    total: Tensor
    frames: Tensor
    estimate_energy: Tensor
    error_energy: Tensor
    is_silent: Tensor


def correlate(
    references: npt.NDArray[np.floating[Any]],
    estimates: npt.NDArray[np.floating[Any]],
    tiling: Tiling,
    num_taps: int,
    device: torch.device,
) -> TrackCorrelations:
    """Pass over the track once, tile by tile.

    Args:
        references: (stem, channel, time).
        estimates: The same shape.
        tiling: Of this length.
        num_taps: Number of lags, from 0.
        device: Where transforms and products are computed.

    Returns:
        The correlations.
    """
    correlator = _Correlator(references, estimates, tiling, num_taps, device)
    for index in range(len(tiling.tiles)):
        correlator.add(index)
    return correlator.result()


class _Correlator:
    """Adds up tile after tile; its large buffers are used again for every tile.

    A tile is cut into blocks of B >= num_taps samples. The spectrum C_k of block k, padded to 2 B samples,
    serves in two places: shifted by B it is the later signal, and joined with C_{k-1} it is the reference with
    its history. A shift by B multiplies bin f by (-1)^f, so that the sum over k of
    C_k conj(C_k + (-1)^f C_{k-1}) has the wanted lags 0 to B - 1 free of wrapping.
    """

    def __init__(
        self,
        references: npt.NDArray[np.floating[Any]],
        estimates: npt.NDArray[np.floating[Any]],
        tiling: Tiling,
        num_taps: int,
        device: torch.device,
    ) -> None:
        num_stems, self._num_channels, _ = references.shape
        self._references, self._estimates = references, estimates
        self._num_references = num_stems * self._num_channels
        self._tiling, self._num_taps, self._device = tiling, num_taps, device
        self._block = max(MIN_BLOCK_SAMPLES, 1 << (num_taps - 1).bit_length())
        num_blocks = -(-max(len(tile) for tile in tiling.tiles) // self._block)
        bins, signals = self._block + 1, 2 * self._num_references
        self._padded = self._zeros(num_blocks, 2 * self._block)
        self._spectra = self._zeros(bins, signals, num_blocks, dtype=torch.complex128)
        self._histories = self._zeros(bins, self._num_references, num_blocks, dtype=torch.complex128)
        self._total = self._zeros(bins, self._num_references, signals, dtype=torch.complex128)
        self._sign = self._zeros(bins, 1) + 1.0
        self._sign[1::2] = -1.0
        count = len(tiling.frames)
        self._frames = torch.zeros(count, self._num_references, signals, num_taps, dtype=torch.float64)
        self._estimate_energy, self._error_energy = torch.zeros(2, count, num_stems, dtype=torch.float64)
        self._is_heard = torch.zeros(count, num_stems, 2, dtype=torch.bool)

    def add(self, index: int) -> None:
        """Add one tile: within itself, and with the samples before it."""
        tile = self._tiling.tiles[index]
        num_blocks = -(-len(tile) // self._block)
        for stem in range(len(self._references)):
            self._load_stem(stem, tile)
        self._add_spectrum(self._within(num_blocks), tile.frames)
        for earlier in self._tiling.before(index, self._num_taps - 1):
            shared = range(
                max(tile.frames.start, earlier.frames.start), min(tile.frames.stop, earlier.frames.stop)
            )
            self._add_spectrum(self._across(tile, earlier), shared)

    def result(self) -> TrackCorrelations:
        """The sums so far."""
        return TrackCorrelations(
            total=self._lags(self._total),
            frames=self._frames,
            estimate_energy=self._estimate_energy,
            error_energy=self._error_energy,
            is_silent=~self._is_heard.flatten(1).all(dim=1),
        )

    def _zeros(self, *shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
        return torch.zeros(shape, dtype=dtype, device=self._device)

    def _exact(self, samples: npt.NDArray[np.floating[Any]]) -> Tensor:
        """A float64 copy: any type, order and write protection of the caller's array will do."""
        return torch.from_numpy(np.array(samples, np.float64)).to(self._device)

    def _load_stem(self, stem: int, tile: Tile) -> None:
        """Spectra and energies of one stem's reference and estimate."""
        span = np.s_[:, tile.start : tile.stop]
        reference, estimate = (
            self._exact(self._references[stem][span]),
            self._exact(self._estimates[stem][span]),
        )
        frames = slice(tile.frames.start, tile.frames.stop)
        self._error_energy[frames, stem] += _energy(estimate - reference)
        self._estimate_energy[frames, stem] += _energy(estimate)
        for kind, signal in enumerate((reference, estimate)):
            self._is_heard[frames, stem, kind] |= bool(signal.sum(dim=0).any())
            first = kind * self._num_references + stem * self._num_channels
            for channel, samples in enumerate(signal):
                self._load_channel(first + channel, samples)

    def _load_channel(self, row: int, samples: Tensor) -> None:
        """Spectra of all blocks of one channel; one at a time, because that stays in the cache."""
        whole, rest = divmod(len(samples), self._block)
        blocks = self._padded[: whole + bool(rest)]
        blocks[:whole, : self._block] = samples[: whole * self._block].view(whole, self._block)
        if rest:
            blocks[whole, :rest] = samples[whole * self._block :]
            blocks[whole, rest : self._block] = 0.0
        self._spectra[:, row, : len(blocks)].copy_(torch.fft.rfft(blocks).T)

    def _within(self, num_blocks: int) -> Tensor:
        """Cross-spectra, (bin, reference, signal), of the loaded tile with silence before it."""
        spectra = self._spectra[..., :num_blocks]
        references = spectra[:, : self._num_references]
        histories = self._histories[..., :num_blocks]
        histories[..., 0] = references[..., 0]
        now, before, joined = references[..., 1:], references[..., :-1], histories[..., 1:]
        torch.add(now[0::2], before[0::2], out=joined[0::2])
        torch.sub(now[1::2], before[1::2], out=joined[1::2])
        products: Tensor = torch.bmm(torch.conj_physical(histories), spectra.mT)
        return products

    def _across(self, tile: Tile, earlier: Tile) -> Tensor:
        """Cross-spectra of the loaded tile's first block with the samples of an earlier tile before it."""
        origin = tile.start - self._block
        start = max(origin, earlier.start)
        history = self._padded.new_zeros(self._num_references, 2 * self._block)
        samples = self._exact(self._references[..., start : earlier.stop])
        history[:, start - origin : earlier.stop - origin] = samples.flatten(0, 1)
        spectrum = torch.fft.rfft(history).T * self._sign
        products: Tensor = spectrum.conj()[:, :, None] * self._spectra[:, None, :, 0]
        return products

    def _add_spectrum(self, spectrum: Tensor, frames: range) -> None:
        self._total += spectrum
        if frames:
            self._frames[frames.start : frames.stop] += self._lags(spectrum)

    def _lags(self, spectrum: Tensor) -> Tensor:
        """(bin, reference, signal) to (reference, signal, lag) on the CPU."""
        lags: Tensor = torch.fft.irfft(spectrum.permute(1, 2, 0), n=2 * self._block)
        return lags[..., : self._num_taps].cpu()


def _energy(signal: Tensor) -> Tensor:
    energy: Tensor = torch.linalg.vector_norm(signal).square()
    return energy.cpu()
