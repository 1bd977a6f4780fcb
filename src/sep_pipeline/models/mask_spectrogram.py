"""Spectrograms of networks that mask magnitudes: transform, exact inverse, levels. Studies 2 and 3 share them."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional

from sep_pipeline.errors import TooShortError

# A magnitude of 1e-4, -80 dB.
_POWER_FLOOR = 1e-8


class TransformSizes(Protocol):
    """What fixes a transform; every configuration of a network that masks has it."""

    @property
    def window_length(self) -> int:
        """Samples of the periodic square-root Hann window and of the transform, even."""
        ...

    @property
    def hop_length(self) -> int:
        """Samples between frames; divides the window at least twice."""
        ...


def decibels(magnitude: Tensor) -> Tensor:
    """Level of magnitudes in dB, at least -80; 0 for a magnitude of 1."""
    return 10.0 * torch.log10(magnitude.square().clamp_min(_POWER_FLOOR))


def num_frames_of(num_samples: int, hop_length: int) -> int:
    """Frames of the spectrum of a signal: 1251 of 10 s at 16 kHz with a hop of 128."""
    return -(-num_samples // hop_length) + 1


def spectrum(audio: Tensor, sizes: TransformSizes) -> Tensor:
    """Transform a signal of any length.

    It is extended by zeros to whole hops and by half a window on each side. Values are divided by the sum of
    the window, so that a full-scale sine peaks at a magnitude of 0.5.

    Args:
        audio: float, (..., time), at least one sample; computed in float64.
        sizes: Window and hop.

    Returns:
        complex128, (..., frame, bin).

    Raises:
        TooShortError: There are no samples.
    """
    num_samples = audio.shape[-1]
    if not num_samples:
        raise TooShortError("nothing to transform", expected="at least 1 sample", found=0)
    half = sizes.window_length // 2
    padded = functional.pad(audio.double(), (half, half + -num_samples % sizes.hop_length))
    frames = padded.unfold(-1, sizes.window_length, sizes.hop_length)
    window = _window(sizes, audio.device)
    transformed: Tensor = torch.fft.rfft(frames * (window / window.sum()))
    return transformed


def magnitudes(sources: Tensor, sizes: TransformSizes) -> tuple[Tensor, Tensor]:
    """Moduli of the spectra of sources and of their sum, one item at a time.

    Args:
        sources: float, (batch, stem, channel, time).
        sizes: Window and hop.

    Returns:
        float32, (batch, channel, frame, bin) of the mixtures and (batch, stem, channel, frame, bin).

    Raises:
        TooShortError: There are no samples.
    """
    shape = (
        *sources.shape[:3],
        num_frames_of(sources.shape[3], sizes.hop_length),
        sizes.window_length // 2 + 1,
    )
    separate = torch.empty(shape, device=sources.device)
    joined = torch.empty((shape[0], *shape[2:]), device=sources.device)
    for index, item in enumerate(sources):
        spectra = spectrum(item, sizes)
        separate[index], joined[index] = spectra.abs(), spectra.sum(dim=0).abs()
    return joined, separate


def stem_magnitudes(sources: Tensor, sizes: TransformSizes) -> Tensor:
    """The second result of `magnitudes` alone, for stems that make no mixture."""
    return torch.stack([spectrum(item, sizes).abs().float() for item in sources])


def waveform(spectrum: Tensor, sizes: TransformSizes, num_samples: int) -> Tensor:
    """Invert `spectrum`; of a changed spectrum, the signal whose own spectrum is nearest.

    Args:
        spectrum: complex, (..., frame, bin).
        sizes: Window and hop.
        num_samples: Length of the signal, at most that of all frames.

    Returns:
        float64, (..., time).
    """
    window = _window(sizes, spectrum.device)
    frames = torch.fft.irfft(spectrum * window.sum(), sizes.window_length)
    summed = _overlap_added(frames * window, sizes.hop_length)
    weights = _overlap_added(window.square().expand(spectrum.shape[-2], -1), sizes.hop_length)
    inner = slice(sizes.window_length // 2, sizes.window_length // 2 + num_samples)
    return summed[..., inner] / weights[inner]


def _overlap_added(frames: Tensor, hop_length: int) -> Tensor:
    """Sum (..., frame, time) frames, each one hop after the last, to (..., time)."""
    *leading, num_frames, length = frames.shape
    num_hops = length // hop_length
    total = frames.new_zeros(*leading, num_frames + num_hops - 1, hop_length)
    for index in range(num_hops):
        piece = frames[..., index * hop_length : (index + 1) * hop_length]
        total[..., index : index + num_frames, :] += piece
    return total.flatten(-2)


def _window(sizes: TransformSizes, device: torch.device) -> Tensor:
    return torch.hann_window(sizes.window_length, dtype=torch.float64, device=device).sqrt()
