"""The inverse transform against golden numbers, torch's own inverse, and itself in blocks."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from sep_pipeline.errors import StemMismatchError
from sep_pipeline.models.open_unmix import SpectrogramConfig, centred, spectrum
from sep_pipeline.separation.inverse_spectrum import InverseSpectrum

GOLDEN = Path(__file__).parents[1] / "golden" / "open_unmix_separator.safetensors"
CONFIG = SpectrogramConfig(n_fft=128, hop_length=32)


def noise(*shape: int) -> Tensor:
    return 2 * torch.rand(shape, generator=torch.Generator().manual_seed(0)) - 1


def close(found: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-6)


def in_blocks(spectra: Tensor, num_samples: int, sizes: list[int]) -> Tensor:
    inverse = InverseSpectrum(CONFIG, num_samples)
    return torch.cat([inverse.push(block) for block in spectra.split(sizes, dim=-2)], dim=-1)


def test_it_gives_the_package_inverse_of_spectra_that_no_signal_has() -> None:
    golden = {name: tensor.clone() for name, tensor in load_file(GOLDEN).items() if name.startswith("stft.")}
    spectra = torch.view_as_complex(golden["stft.modified_spec"]).transpose(-1, -2)
    expected = golden["stft.inverse"]
    close(InverseSpectrum(CONFIG, expected.shape[-1]).push(spectra), expected)


@pytest.mark.parametrize("num_samples", [1, 2, 31, 32, 33, 64, 96, 127, 128, 129, 500, 512])
def test_it_is_the_inverse_for_every_length(num_samples: int) -> None:
    signal = noise(2, num_samples)
    close(InverseSpectrum(CONFIG, num_samples).push(spectrum(centred(signal, CONFIG), CONFIG)), signal)


@pytest.mark.parametrize("num_samples", [1, 100, 500, 512])
@pytest.mark.parametrize("hop_length", [16, 32])
def test_it_is_that_of_torch(num_samples: int, hop_length: int) -> None:
    config = SpectrogramConfig(n_fft=128, hop_length=hop_length)
    spectra = spectrum(centred(noise(2, num_samples), config), config) * noise(1, 65)
    expected = torch.istft(
        spectra.transpose(-1, -2), 128, hop_length, window=torch.hann_window(128), length=num_samples
    )
    close(InverseSpectrum(config, num_samples).push(spectra), expected)


@pytest.mark.parametrize("sizes", [[16], [1] * 16, [1, 2, 3, 10], [13, 1, 1, 1], [8, 8]])
def test_blocks_give_what_all_frames_at_once_give(sizes: list[int]) -> None:
    spectra = spectrum(centred(noise(3, 2, 500), CONFIG), CONFIG) * noise(1, 65)
    found = in_blocks(spectra, 500, sizes)
    assert found.shape == (3, 2, 500)
    close(found, in_blocks(spectra, 500, [16]))


def test_every_block_gives_what_no_later_frame_touches() -> None:
    spectra = spectrum(centred(noise(2, 500), CONFIG), CONFIG)
    inverse = InverseSpectrum(CONFIG, 500)
    assert [inverse.push(block).shape[-1] for block in spectra.split(4, dim=-2)] == [64, 128, 128, 180]


def test_double_precision_stays() -> None:
    signal = noise(2, 500).double()
    found = InverseSpectrum(CONFIG, 500).push(spectrum(centred(signal, CONFIG), CONFIG))
    torch.testing.assert_close(found, signal, rtol=0, atol=1e-14)


def test_more_frames_than_the_signal_has_are_refused() -> None:
    spectra = spectrum(centred(noise(2, 500), CONFIG), CONFIG)
    inverse = InverseSpectrum(CONFIG, 500)
    inverse.push(spectra)
    with pytest.raises(StemMismatchError, match="more frames"):
        inverse.push(spectra[:, :1])
