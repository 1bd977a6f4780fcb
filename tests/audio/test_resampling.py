"""Sample rate and channel conversion."""

from __future__ import annotations

import numpy as np
import pytest

from sep_pipeline.audio.channels import to_channels
from sep_pipeline.audio.resampling import resample, resample_blocks
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


@pytest.mark.parametrize(
    ("from_hz", "to_hz"), [(44_100, 48_000), (192_000, 44_100), (8000, 44_100), (8000, 8000)]
)
@pytest.mark.parametrize("num_samples", [1, 17, 9001])
def test_blocks_give_what_the_whole_gives(from_hz: int, to_hz: int, num_samples: int) -> None:
    audio = np.random.default_rng(0).uniform(-1, 1, (2, num_samples)).astype(np.float32)
    blocks = [audio[:, start : start + 1000] for start in range(0, num_samples, 1000)]
    found = np.concatenate(list(resample_blocks(blocks, from_hz, to_hz)), axis=1)
    np.testing.assert_array_equal(found, resample(audio, from_hz, to_hz))


def test_no_blocks_give_none() -> None:
    assert list(resample_blocks([], 44_100, 8000)) == []
