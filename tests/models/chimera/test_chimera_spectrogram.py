"""Transforms against golden ones, their inverse, and their scale."""

from __future__ import annotations

import math

import pytest
import torch

from sep_pipeline.errors import TooShortError
from sep_pipeline.models.chimera import ChimeraConfig, magnitudes, spectrum, waveform

CONFIG = ChimeraConfig(num_sources=2)


def _noise(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


def test_spectrum_equals_the_golden_one(golden):
    expected = torch.complex(golden["stft/real"], golden["stft/imag"]).T
    torch.testing.assert_close(spectrum(golden["stft/signal"], CONFIG), expected, rtol=0, atol=1e-12)


def test_the_inverse_equals_the_golden_one(golden):
    transformed = torch.complex(golden["stft/real"], golden["stft/imag"]).T
    torch.testing.assert_close(
        waveform(transformed, CONFIG, 2500), golden["stft/inverse"], rtol=0, atol=1e-12
    )


def test_magnitudes_of_small_windows_equal_the_golden_ones(golden, small_config):
    joined, separate = magnitudes(golden["audio/sources"].unsqueeze(2), small_config)
    torch.testing.assert_close(joined, golden["data/mix_magnitude"].permute(0, 3, 1, 2), rtol=0, atol=1e-7)
    expected = golden["data/source_magnitudes"].permute(0, 4, 3, 1, 2)
    torch.testing.assert_close(separate, expected, rtol=0, atol=1e-7)


@pytest.mark.parametrize("num_samples", [1, 2, 127, 128, 129, 511, 512, 4000])
def test_every_length_comes_back_exactly(num_samples):
    signal = _noise(2, 3, num_samples).double()
    back = waveform(spectrum(signal, CONFIG), CONFIG, num_samples)
    torch.testing.assert_close(back, signal, rtol=0, atol=1e-10)


def test_a_full_scale_sine_peaks_at_one_half():
    sine = torch.sin(2 * math.pi * 1000 / 16_000 * torch.arange(16_000, dtype=torch.float64))
    levels = spectrum(sine, CONFIG).abs()
    assert levels.argmax().item() % 257 == 32
    assert levels[50, 32].item() == pytest.approx(0.5, abs=1e-4)


def test_silence_has_no_magnitude():
    joined, separate = magnitudes(torch.zeros(1, 2, 1, 500), CONFIG)
    assert not joined.any()
    assert not separate.any()


def test_no_samples_are_refused():
    with pytest.raises(TooShortError):
        spectrum(torch.zeros(1, 0), CONFIG)
