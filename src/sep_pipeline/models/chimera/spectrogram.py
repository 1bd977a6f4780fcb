"""Short-time Fourier transforms as ChimeraNet uses them, and their exact inverse."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from sep_pipeline.errors import TooShortError
from sep_pipeline.models.chimera.config import ChimeraConfig


def spectrum(audio: Tensor, config: ChimeraConfig) -> Tensor:
    """Transform a signal of any length.

    It is extended by zeros to whole hops and by half a window on each side. Values are divided by the sum of
    the window, so that a full-scale sine peaks at a magnitude of 0.5.

    Args:
        audio: float, (..., time), at least one sample; computed in float64.
        config: Sizes.

    Returns:
        complex128, (..., frame, bin).

    Raises:
        TooShortError: There are no samples.
    """
    num_samples = audio.shape[-1]
    if not num_samples:
        raise TooShortError("nothing to transform", expected="at least 1 sample", found=0)
    half = config.window_length // 2
    padded = functional.pad(audio.double(), (half, half + -num_samples % config.hop_length))
    frames = padded.unfold(-1, config.window_length, config.hop_length)
    window = _window(config, audio.device)
    transformed: Tensor = torch.fft.rfft(frames * (window / window.sum()))
    return transformed


def magnitudes(sources: Tensor, config: ChimeraConfig) -> tuple[Tensor, Tensor]:
    """Moduli of the spectra of sources and of their sum, one item at a time.

    Args:
        sources: float, (batch, stem, channel, time).
        config: Sizes.

    Returns:
        float32, (batch, channel, frame, bin) of the mixtures and (batch, stem, channel, frame, bin).

    Raises:
        TooShortError: There are no samples.
    """
    shape = (*sources.shape[:3], config.num_frames(sources.shape[3]), config.num_bins)
    separate = torch.empty(shape, device=sources.device)
    joined = torch.empty((shape[0], *shape[2:]), device=sources.device)
    for index, item in enumerate(sources):
        spectra = spectrum(item, config)
        separate[index], joined[index] = spectra.abs(), spectra.sum(dim=0).abs()
    return joined, separate


def waveform(spectrum: Tensor, config: ChimeraConfig, num_samples: int) -> Tensor:
    """Invert `spectrum`; of a changed spectrum, the signal whose own spectrum is nearest.

    Args:
        spectrum: complex, (..., frame, bin).
        config: Sizes.
        num_samples: Length of the signal, at most that of all frames.

    Returns:
        float64, (..., time).
    """
    window = _window(config, spectrum.device)
    frames = torch.fft.irfft(spectrum * window.sum(), config.window_length)
    summed = _overlap_added(frames * window, config.hop_length)
    weights = _overlap_added(window.square().expand(spectrum.shape[-2], -1), config.hop_length)
    inner = slice(config.window_length // 2, config.window_length // 2 + num_samples)
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


def _window(config: ChimeraConfig, device: torch.device) -> Tensor:
    return torch.hann_window(config.window_length, dtype=torch.float64, device=device).sqrt()
