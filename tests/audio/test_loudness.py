"""Loudness and level of known signals."""

from __future__ import annotations

import math

import numpy as np
import pyloudnorm
import pytest

from sep_pipeline.audio.loudness import frame_rms_db, integrated_loudness, silent_spans, to_decibels


def sine(amplitude: float, *, seconds: float = 5.0, rate: int = 48000, num_channels: int = 2) -> np.ndarray:
    tone = amplitude * np.sin(2 * np.pi * 997 * np.arange(int(seconds * rate)) / rate)
    return np.repeat(tone[np.newaxis], num_channels, axis=0).astype(np.float32)


def test_full_scale_997_hz_in_one_channel_is_minus_3_01_lufs() -> None:
    """The value that ITU-R BS.1770-4 states; the filters' coefficients are rounded to 0.1 dB."""
    assert integrated_loudness(sine(1.0, num_channels=1), 48000) == pytest.approx(-3.01, abs=0.1)


@pytest.mark.parametrize("rate", [8000, 22050, 44100])
def test_it_equals_the_reference_program_with_gating(rate: int) -> None:
    generator = np.random.default_rng(rate)
    envelope = np.repeat(generator.uniform(0, 1, 50) ** 3, rate // 10)
    audio = (0.1 * envelope * generator.standard_normal((2, envelope.size))).astype(np.float32)
    expected = pyloudnorm.Meter(rate).integrated_loudness(audio.T.astype(np.float64))
    assert integrated_loudness(audio, rate) == pytest.approx(expected, abs=1e-9)


def test_two_channels_add_3_db_and_gain_adds_its_decibels() -> None:
    one = integrated_loudness(sine(0.1, num_channels=1), 48000)
    assert integrated_loudness(sine(0.1), 48000) - one == pytest.approx(3.01, abs=0.01)
    assert integrated_loudness(sine(0.2), 48000) - integrated_loudness(sine(0.1), 48000) == pytest.approx(
        6.02, abs=0.01
    )


def test_silence_and_signals_under_one_block_have_no_loudness() -> None:
    assert integrated_loudness(np.zeros((2, 48000), dtype=np.float32), 48000) == -math.inf
    assert integrated_loudness(sine(1.0, seconds=0.3), 48000) == -math.inf


def test_decibels() -> None:
    assert to_decibels(0.1) == pytest.approx(-20)
    assert to_decibels(0.0) == -math.inf


def test_frame_levels_include_the_short_last_frame() -> None:
    audio = np.concatenate([np.full((2, 100), 0.1), np.zeros((2, 100)), np.full((2, 50), 1.0)], axis=1)
    levels = frame_rms_db(audio, 100)
    assert levels == pytest.approx([-20.0, -math.inf, 0.0])
    assert frame_rms_db(np.zeros((2, 0)), 100).size == 0


def test_silent_spans_join_neighbouring_frames() -> None:
    levels = np.array([-80.0, -70.0, -10.0, -61.0, -59.0, -90.0])
    assert silent_spans(levels) == [(0.0, 2.0), (3.0, 4.0), (5.0, 6.0)]
