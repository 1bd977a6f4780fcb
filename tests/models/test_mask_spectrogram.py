"""Transforms of both studies that use them against golden ones, their inverse, and their scale."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from sep_pipeline.errors import TooShortError
from sep_pipeline.models.mask_spectrogram import (
    magnitudes,
    num_frames_of,
    spectrum,
    stem_magnitudes,
    waveform,
)

GOLDEN = Path(__file__).parents[1] / "golden"


@dataclass(frozen=True)
class Sizes:
    """Window and hop, in samples."""

    window_length: int = 512
    hop_length: int = 128


USUAL, SMALL = Sizes(), Sizes(64, 16)


@pytest.fixture(scope="module")
def chimera():
    return load_file(GOLDEN / "chimera_small.safetensors")


@pytest.fixture(scope="module")
def demix():
    return load_file(GOLDEN / "contrastive_demix_small.safetensors")


def _noise(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


def test_spectra_equal_the_golden_ones(chimera, demix):
    expected = torch.complex(chimera["stft/real"], chimera["stft/imag"]).T
    torch.testing.assert_close(spectrum(chimera["stft/signal"], USUAL), expected, rtol=0, atol=1e-12)
    expected = torch.view_as_complex(demix["stft.out"].clone()).permute(2, 1, 0)
    torch.testing.assert_close(spectrum(demix["stft.audio"], SMALL), expected, rtol=0, atol=1e-12)


def test_inverses_equal_the_golden_ones(chimera, demix):
    transformed = torch.complex(chimera["stft/real"], chimera["stft/imag"]).T
    found = waveform(transformed, USUAL, 2500)
    torch.testing.assert_close(found, chimera["stft/inverse"], rtol=0, atol=1e-12)
    transformed = torch.view_as_complex(demix["stft.out"].clone()).permute(2, 1, 0)
    found = waveform(transformed, SMALL, 1900)
    torch.testing.assert_close(found, demix["stft.inverse"], rtol=0, atol=1e-12)


def test_magnitudes_equal_the_golden_ones_of_study_2(chimera):
    joined, separate = magnitudes(chimera["audio/sources"].unsqueeze(2), SMALL)
    expected = chimera["data/mix_magnitude"].permute(0, 3, 1, 2)
    torch.testing.assert_close(joined, expected, rtol=0, atol=1e-7)
    expected = chimera["data/source_magnitudes"].permute(0, 4, 3, 1, 2)
    torch.testing.assert_close(separate, expected, rtol=0, atol=1e-7)


def test_magnitudes_equal_the_golden_ones_of_study_3(demix):
    names = ("bass", "drums", "other", "vocals")
    sources = torch.stack([demix[f"transform.audio.{name}"] for name in names])[None]
    joined, separate = magnitudes(sources, SMALL)
    expected = demix["transform.mix_magnitude"].permute(2, 0, 1)[None].float()
    torch.testing.assert_close(joined, expected, rtol=0, atol=1e-7)
    expected = demix["transform.source_magnitudes"].permute(3, 2, 0, 1)[None].float()
    torch.testing.assert_close(separate, expected, rtol=0, atol=1e-7)
    assert torch.equal(stem_magnitudes(sources, SMALL), separate)


@pytest.mark.parametrize("num_samples", [1, 2, 127, 128, 129, 511, 512, 4000])
def test_every_length_comes_back_exactly(num_samples):
    signal = _noise(2, 3, num_samples).double()
    back = waveform(spectrum(signal, USUAL), USUAL, num_samples)
    torch.testing.assert_close(back, signal, rtol=0, atol=1e-10)


@pytest.mark.parametrize(
    ("num_samples", "num_frames"), [(1, 2), (127, 2), (128, 2), (129, 3), (2500, 21), (160_000, 1251)]
)
def test_a_begun_hop_counts_as_a_frame(num_samples, num_frames):
    assert num_frames_of(num_samples, USUAL.hop_length) == num_frames
    assert spectrum(torch.zeros(1, num_samples), USUAL).shape == (1, num_frames, 257)


def test_a_full_scale_sine_peaks_at_one_half():
    sine = torch.sin(2 * math.pi * 1000 / 16_000 * torch.arange(16_000, dtype=torch.float64))
    levels = spectrum(sine, USUAL).abs()
    assert levels.argmax().item() % 257 == 32
    assert levels[50, 32].item() == pytest.approx(0.5, abs=1e-4)


def test_silence_has_no_magnitude():
    joined, separate = magnitudes(torch.zeros(1, 2, 1, 500), USUAL)
    assert not joined.any()
    assert not separate.any()


def test_no_samples_are_refused():
    with pytest.raises(TooShortError):
        spectrum(torch.zeros(1, 0), USUAL)
