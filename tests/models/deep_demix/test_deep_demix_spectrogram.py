"""Transforms of the study against golden ones."""

from __future__ import annotations

import pytest
import torch

from sep_pipeline.errors import TooShortError
from sep_pipeline.models.deep_demix import (
    EncoderConfig,
    encoder_preset,
    magnitudes,
    spectrum,
    stem_magnitudes,
    waveform,
)

SMALL = EncoderConfig(segment_samples=624, window_length=64, hop_length=16, pools=((4, 2), (3, 2)))


def test_spectrum_equals_the_golden_one(golden):
    expected = torch.view_as_complex(golden["stft.out"].clone()).permute(2, 1, 0)
    torch.testing.assert_close(spectrum(golden["stft.audio"], SMALL), expected, rtol=0, atol=1e-12)


def test_the_inverse_equals_the_golden_one(golden):
    transformed = torch.view_as_complex(golden["stft.out"].clone()).permute(2, 1, 0)
    found = waveform(transformed, SMALL, 1900)
    torch.testing.assert_close(found, golden["stft.inverse"], rtol=0, atol=1e-12)


def test_magnitudes_equal_the_golden_ones(golden):
    names = ("bass", "drums", "other", "vocals")
    sources = torch.stack([golden[f"transform.audio.{name}"] for name in names])[None]
    joined, separate = magnitudes(sources, SMALL)
    expected = golden["transform.mix_magnitude"].permute(2, 0, 1)[None].float()
    torch.testing.assert_close(joined, expected, rtol=0, atol=1e-7)
    expected = golden["transform.source_magnitudes"].permute(3, 2, 0, 1)[None].float()
    torch.testing.assert_close(separate, expected, rtol=0, atol=1e-7)
    assert torch.equal(stem_magnitudes(sources, SMALL), separate)


@pytest.mark.parametrize("name", ["paper", "compact"])
def test_a_segment_of_audio_has_the_frames_of_the_encoder(name):
    config = encoder_preset(name)
    found = spectrum(torch.zeros(1, config.segment_samples), config)
    assert found.shape == (1, config.num_frames, config.num_bins)


def test_no_samples_are_refused():
    with pytest.raises(TooShortError):
        spectrum(torch.zeros(1, 0), SMALL)
