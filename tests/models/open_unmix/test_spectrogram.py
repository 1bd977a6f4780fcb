"""The transforms of Open-Unmix against the package's and torch's."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from sep_pipeline.errors import ConfigurationError, TooShortError
from sep_pipeline.models.open_unmix import SpectrogramConfig, centred, magnitude, spectrum
from sep_pipeline.models.open_unmix.spectrogram import frame_blocks

SIZES = SpectrogramConfig(n_fft=128, hop_length=32)


def golden_spectrum(golden: dict[str, Tensor], name: str) -> Tensor:
    return torch.view_as_complex(golden[name]).transpose(-1, -2)


def noise(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


def test_whole_frames_only_as_in_training(golden: dict[str, Tensor]) -> None:
    found = spectrum(golden["stft.audio"], SIZES)
    torch.testing.assert_close(found, golden_spectrum(golden, "stft.center_false.spec"), rtol=1e-6, atol=1e-6)


def test_centred_as_in_separation(golden: dict[str, Tensor]) -> None:
    found = spectrum(centred(golden["stft.audio"], SIZES), SIZES)
    torch.testing.assert_close(found, golden_spectrum(golden, "stft.center_true.spec"), rtol=1e-6, atol=1e-6)


def test_mono_averages_magnitudes_and_not_waveforms(golden: dict[str, Tensor]) -> None:
    found = magnitude(centred(golden["stft.audio"], SIZES), SIZES, is_mono=True)
    expected = golden["stft.center_true.mag_mono"].transpose(-1, -2)
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-6)


def test_centred_is_torch_stft() -> None:
    audio = noise(2, 5000)
    found = spectrum(centred(audio, SIZES), SIZES)
    expected = torch.stft(audio, 128, 32, window=torch.hann_window(128), return_complex=True)
    torch.testing.assert_close(found, expected.transpose(-1, -2), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("num_samples", [1, 2, 40, 64, 65])
def test_short_signals_are_mirrored_as_far_as_they_go(num_samples: int) -> None:
    audio = noise(2, num_samples)
    padded = centred(audio, SIZES)
    assert padded.shape == (2, num_samples + 128)
    assert torch.equal(padded[:, 64 : 64 + num_samples], audio)
    mirrored = min(64, num_samples - 1)
    assert torch.equal(padded[:, 64 - mirrored : 64], audio[:, 1 : mirrored + 1].flip(-1))
    assert not padded[:, : 64 - mirrored].any()


@pytest.mark.parametrize("shape", [(2, 3000), (3, 2, 3000), (2, 3, 1, 3000)])
def test_magnitude_is_the_modulus(shape: tuple[int, ...]) -> None:
    audio = noise(*shape)
    found = magnitude(audio, SIZES)
    assert found.shape == (*shape[:-1], (3000 - 128) // 32 + 1, 65)
    torch.testing.assert_close(found, spectrum(audio, SIZES).abs(), rtol=1e-6, atol=1e-6)


def test_magnitude_in_double_precision() -> None:
    audio = noise(2, 3000).double()
    torch.testing.assert_close(magnitude(audio, SIZES), spectrum(audio, SIZES).abs(), rtol=1e-13, atol=1e-13)


def test_magnitude_has_frames_outermost_in_memory() -> None:
    assert magnitude(noise(3, 2, 3000), SIZES).permute(2, 0, 1, 3).is_contiguous()


def test_six_seconds_have_255_frames() -> None:
    assert magnitude(torch.zeros(1, 264_600), SpectrogramConfig()).shape == (1, 255, 2049)


@pytest.mark.parametrize("num_frames", [1, 7, 1000])
def test_blocks_have_the_frames_of_the_whole(num_frames: int) -> None:
    audio = noise(2, 3001)
    blocks = [spectrum(block, SIZES) for block in frame_blocks(audio, SIZES, num_frames)]
    assert max(block.shape[-2] for block in blocks) <= num_frames
    torch.testing.assert_close(torch.cat(blocks, dim=-2), spectrum(audio, SIZES), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("transform", [spectrum, magnitude, lambda *args: list(frame_blocks(*args))])
def test_audio_shorter_than_a_frame_is_refused(transform: Any) -> None:
    with pytest.raises(TooShortError, match="128 samples; found: 127"):
        transform(torch.zeros(2, 127), SIZES)


def test_bandwidth_in_bins(golden_numbers: dict[str, Any]) -> None:
    for case in golden_numbers["bandwidth_to_bins"]:
        sizes = SpectrogramConfig(n_fft=case["n_fft"], hop_length=case["n_fft"] // 4)
        assert sizes.bins_below(case["bandwidth"], case["rate"]) == case["bins"]


@pytest.mark.parametrize(
    ("bandwidth_hz", "expected"),
    [(16_000, 1487), (8_000, 744), (12_000, 1115), (15_000, 1394), (22_050, 2049)],
)
def test_bandwidths_at_the_usual_sizes(bandwidth_hz: int, expected: int) -> None:
    assert SpectrogramConfig().bins_below(bandwidth_hz, 44_100) == expected


@pytest.mark.parametrize(("n_fft", "hop_length"), [(128, 0), (128, 128), (128, 48), (0, 1)])
def test_impossible_sizes_are_refused(n_fft: int, hop_length: int) -> None:
    with pytest.raises(ConfigurationError, match="n_fft, hop_length"):
        SpectrogramConfig(n_fft=n_fft, hop_length=hop_length)
