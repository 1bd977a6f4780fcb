"""Sample rate and channel conversion."""

from __future__ import annotations

import numpy as np
import pytest

from sep_pipeline.audio.channels import to_channels
from sep_pipeline.audio.resampling import resample
from sep_pipeline.errors import StemMismatchError


def test_a_tone_keeps_frequency_and_level() -> None:
    tone = np.sin(2 * np.pi * 440 * np.arange(44100) / 44100)[np.newaxis].astype(np.float32)
    converted = resample(tone, 44100, 16000)
    expected = np.sin(2 * np.pi * 440 * np.arange(16000) / 16000)
    assert converted.shape == (1, 16000)
    assert converted.dtype == np.float32
    assert np.abs(converted[0, 1000:-1000] - expected[1000:-1000]).max() < 1e-3


def test_the_same_rate_returns_the_same_samples() -> None:
    audio = np.ones((2, 10), dtype=np.float32)
    assert resample(audio, 44100, 44100) is audio


def test_mono_is_the_mean_and_stereo_repeats_mono() -> None:
    audio = np.array([[0.5, -0.25], [0.25, 0.75]], dtype=np.float32)
    assert to_channels(audio, 1).tolist() == [[0.375, 0.25]]
    assert to_channels(audio[:1], 2).tolist() == [[0.5, -0.25], [0.5, -0.25]]
    assert to_channels(audio, 2) is audio


def test_other_changes_of_channels_are_refused() -> None:
    with pytest.raises(StemMismatchError, match="found: 3"):
        to_channels(np.zeros((3, 4), dtype=np.float32), 2)
