"""What a stream must come to: whole signals through the models as they are, with the ends of a stream."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from sep_pipeline.errors import TooShortError
from sep_pipeline.models.open_unmix import OpenUnmix, SpectrogramConfig, spectrum
from sep_pipeline.models.open_unmix.spectrogram import window

Audio = npt.NDArray[np.float32]

RATIO_FLOOR = 1e-10
"""Added to the sum of the targets' magnitudes, by which ratio masks divide."""


def reference_separate(models: Mapping[str, OpenUnmix], mixture: Audio, *, ratio_mask: bool = False) -> Audio:
    """Separate a whole signal at once, as a stream of it must be separated.

    Half a frame of zeros goes before the signal. Behind it there are as many as the last frame needs that
    reads one of its samples. The rest is Open-Unmix without refinement: a mask per target, times the mixture's
    transform, and the inverse transform with the window's power divided out.

    Args:
        models: Target to model, all with one configuration; used in evaluation mode.
        mixture: float32, (channel, time), at least one sample.
        ratio_mask: Whether the estimated magnitudes only share out the mixture, bin by bin.

    Returns:
        float32, (target, channel, time), as long as the mixture.

    Raises:
        TooShortError: The mixture has no samples.
    """
    num_samples = mixture.shape[-1]
    if num_samples == 0:
        raise TooShortError("nothing to separate", expected="1 sample", found=mixture.shape)
    sizes = next(iter(models.values())).config.spectrogram
    padding = sizes.n_fft // 2
    num_frames = -(-(num_samples + padding) // sizes.hop_length)
    length = (num_frames - 1) * sizes.hop_length + sizes.n_fft
    padded = functional.pad(torch.from_numpy(mixture).float(), (padding, length - padding - num_samples))
    with torch.no_grad():
        transformed = spectrum(padded, sizes)
        magnitude = transformed.abs()
        estimates = torch.stack([_evaluated(model, magnitude) for model in models.values()])
        if ratio_mask:
            masked = transformed * (estimates / (RATIO_FLOOR + estimates.sum(dim=0)))
        else:
            masked = torch.polar(estimates, transformed.angle())
        signals = _inverse(masked, sizes)
    return cast(Audio, signals[..., padding : padding + num_samples].contiguous().numpy())


def _evaluated(model: OpenUnmix, magnitude: Tensor) -> Tensor:
    was_training = model.training
    model.eval()
    try:
        estimate: Tensor = model(magnitude[None])[0]
    finally:
        model.train(was_training)
    return estimate


def _inverse(spectra: Tensor, sizes: SpectrogramConfig) -> Tensor:
    """(..., frame, bin) to (..., time): least squares over the windowed frames (Griffin and Lim 1984)."""
    frames = torch.fft.irfft(spectra, n=sizes.n_fft)
    shape = window(sizes, frames)
    sums = _overlapped(frames * shape, sizes)
    powers = _overlapped(shape.square().expand(1, frames.shape[-2], -1), sizes)
    # Only the very first sample, which is padding, may be under no window at all.
    return sums / powers.clamp(min=torch.finfo(powers.dtype).tiny)


def _overlapped(frames: Tensor, sizes: SpectrogramConfig) -> Tensor:
    """Add frames up, each a hop later than the one before."""
    length = (frames.shape[-2] - 1) * sizes.hop_length + sizes.n_fft
    columns = frames.flatten(0, -3).transpose(1, 2)
    summed = functional.fold(columns, (1, length), (1, sizes.n_fft), stride=(1, sizes.hop_length))
    return summed.view(*frames.shape[:-2], length)
