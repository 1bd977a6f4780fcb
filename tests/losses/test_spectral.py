"""Spectral distances against the original, the framework's transform and hard cases."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from sep_pipeline.errors import ConfigurationError, TooShortError
from sep_pipeline.losses import (
    MULTISPECTRAL_RESOLUTIONS,
    SPECTRAL_RESOLUTION,
    Resolution,
    magnitudes,
    multispectral_distance,
    spectral_convergence,
    spectral_distance,
)

ODD_SIZES = (
    Resolution(64, 7, 33),
    Resolution(64, 64, 64),
    Resolution(32, 40, 20),
    Resolution(33, 8, 33),
    Resolution(45, 9, 20),
)


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)).double()


def by_framework(prediction: Tensor, target: Tensor, sizes: Resolution) -> Tensor:
    """The distance as automatic differentiation would see it."""

    def size(audio: Tensor) -> Tensor:
        window = torch.hann_window(sizes.window_length, dtype=audio.dtype)
        return torch.stft(
            audio[:, 0], sizes.n_fft, sizes.hop_length, sizes.window_length, window, return_complex=True
        ).abs()

    return (size(prediction) - size(target)).square().sum((1, 2)).sqrt()


def test_distances_match_the_original(prediction, target, golden):
    per_resolution = [spectral_distance(prediction, target, sizes) for sizes in MULTISPECTRAL_RESOLUTIONS]
    assert_close(
        torch.stack(per_resolution), golden["loss/multispectral_per_resolution_raw"], rtol=2e-4, atol=0
    )
    raw = multispectral_distance(prediction, target)
    assert_close(raw, golden["loss/multispectral_loss_raw"], rtol=2e-4, atol=0)
    raw = spectral_distance(prediction, target, SPECTRAL_RESOLUTION)
    assert_close(raw, golden["loss/spectral_loss_raw"], rtol=2e-4, atol=0)
    assert_close(
        spectral_convergence(prediction, target), golden["loss/spectral_convergence"], rtol=2e-4, atol=0
    )


def test_shapes_match_the_original(target, golden_scalars):
    shapes = [magnitudes(target, sizes).shape for sizes in MULTISPECTRAL_RESOLUTIONS]
    assert [[batch, bins, frames] for batch, _, frames, bins in shapes] == golden_scalars["loss/stft_shapes"]


def test_multispectral_gradient_matches_the_original(prediction, target, golden, golden_scalars):
    bandwidth = golden_scalars["config"]["bandwidth"]["spec"]
    (multispectral_distance(prediction, target).mean() / bandwidth).backward()
    expected = golden["loss/grad_multispectral"].transpose(1, 2)
    assert_close(prediction.grad, expected, rtol=2e-3, atol=1e-6 * expected.abs().max().item())


@pytest.mark.parametrize("sizes", [*MULTISPECTRAL_RESOLUTIONS, SPECTRAL_RESOLUTION, *ODD_SIZES], ids=str)
@pytest.mark.parametrize("num_samples", [1100, 2047])
def test_value_and_gradient_equal_automatic_differentiation(sizes, num_samples):
    target, weights = noise(3, 1, num_samples, seed=1), torch.tensor([1.0, 2.0, -0.5]).double()
    values, gradients = [], []
    for distance in (spectral_distance, by_framework):
        prediction = noise(3, 1, num_samples, seed=2).requires_grad_()
        values.append(distance(prediction, target, sizes))
        (values[-1] * weights).sum().backward()
        gradients.append(prediction.grad)
    assert_close(values[0], values[1])
    assert_close(gradients[0], gradients[1], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    ("scale", "target_scale"), [(1.0, 1.0), (0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1e-30, 1.0)]
)
def test_gradient_is_finite_for_equal_and_silent_signals(scale, target_scale):
    prediction = (noise(2, 1, 4096).float() * scale).requires_grad_()
    multispectral_distance(prediction, noise(2, 1, 4096).float() * target_scale).sum().backward()
    assert bool(prediction.grad.isfinite().all())
    if scale == target_scale:
        assert prediction.grad.abs().max() == 0


def test_one_silent_item_leaves_the_others_their_gradient():
    prediction, target = noise(2, 1, 2048), noise(2, 1, 2048, seed=1)
    prediction[0] = target[0]
    prediction.requires_grad_()
    spectral_distance(prediction, target, SPECTRAL_RESOLUTION).sum().backward()
    assert prediction.grad[0].abs().max() == 0
    assert prediction.grad[1].abs().max() > 0


def test_convergence_is_zero_for_a_silent_target():
    assert spectral_convergence(noise(1, 1, 2048), torch.zeros(1, 1, 2048).double()).tolist() == [0.0]


def test_too_short_audio_is_refused():
    with pytest.raises(TooShortError, match="> 1024"):
        multispectral_distance(noise(1, 1, 1024), noise(1, 1, 1024))


def test_impossible_sizes_are_refused():
    with pytest.raises(ConfigurationError, match="window_length=512"):
        Resolution(256, 64, 512)


def test_windows_made_during_inference_serve_training():
    sizes = Resolution(96, 12, 48)
    with torch.inference_mode():
        magnitudes(noise(1, 1, 500), sizes)
    prediction = noise(1, 1, 500).requires_grad_()
    magnitudes(prediction, sizes).sum().backward()
    assert bool(prediction.grad.isfinite().all())
