"""Loudness, fades, silence and peaks of changed examples."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from sep_pipeline.audio.loudness import integrated_loudness
from sep_pipeline.data.augmentation import Fade, LoudnessLevels, PeakRule, SilenceGate, Transform
from sep_pipeline.errors import ConfigurationError

RATE = 8000
NOISE = np.random.default_rng(0).standard_normal((3, 2, RATE)).astype(np.float32)


def random(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def loudness(audio: np.ndarray) -> np.ndarray:
    return np.array([integrated_loudness(stem, RATE) for stem in audio])


def test_stems_of_any_level_come_to_the_reference_plus_their_level() -> None:
    stems = NOISE * np.array([1.0, 0.1, 0.02], dtype=np.float32)[:, None, None]
    fixed = LoudnessLevels(RATE, reference_lufs=(-20.0, -20.0), level_db=(3.0, 3.0))
    np.testing.assert_allclose(loudness(fixed(stems, random())), -17.0, atol=1e-3)


def test_mono_stems_come_to_the_reference_too() -> None:
    fixed = LoudnessLevels(RATE, reference_lufs=(-20.0, -20.0), level_db=(0.0, 0.0))
    np.testing.assert_allclose(loudness(fixed(NOISE[:, :1] * 0.1, random())), -20.0, atol=1e-3)


def test_one_reference_is_drawn_per_example_and_one_level_per_stem() -> None:
    levels = LoudnessLevels(RATE, reference_lufs=(-30.0, -10.0), level_db=(-5.0, 5.0))
    generator = random(1)
    drawn = np.array([loudness(levels(NOISE, generator)) for _ in range(60)])
    spread = np.ptp(drawn, axis=1)
    assert drawn.min() >= -35.001
    assert drawn.max() <= -4.999
    assert np.ptp(drawn) > 22
    assert spread.max() <= 10.001
    assert spread.min() > 0


@pytest.mark.parametrize("level", [0.0, 1e-4])
def test_a_stem_under_the_gate_is_left_as_it_is(level: float) -> None:
    stems = NOISE * np.array([1.0, level, 1.0], dtype=np.float32)[:, None, None]
    result = LoudnessLevels(RATE)(stems, random())
    np.testing.assert_array_equal(result[1], stems[1])
    assert not np.array_equal(result[0], stems[0])


def test_a_silent_stem_does_not_change_what_the_others_draw() -> None:
    silenced = NOISE.copy()
    silenced[0] = 0
    levels = LoudnessLevels(RATE)
    np.testing.assert_array_equal(levels(NOISE, random())[1:], levels(silenced, random())[1:])


def test_a_fade_is_a_quarter_sine_at_both_ends() -> None:
    ones = np.ones((2, 1, 400), dtype=np.float32)
    faded = Fade(RATE)(ones, random())
    quarter = np.sin(np.pi / 2 * np.arange(80) / 80)
    for stem in faded[:, 0]:
        np.testing.assert_allclose(stem[:80], quarter, atol=1e-6)
        np.testing.assert_allclose(stem[-80:], quarter[::-1], atol=1e-6)
        np.testing.assert_array_equal(stem[80:-80], 1.0)


@pytest.mark.parametrize("num_samples", [1, 80, 120])
def test_examples_shorter_than_two_fades_begin_and_end_with_zero(num_samples: int) -> None:
    faded = Fade(RATE)(np.ones((1, 1, num_samples), dtype=np.float32), random())
    assert faded.shape == (1, 1, num_samples)
    assert faded[0, 0, 0] == faded[0, 0, -1] == 0


def test_stems_under_the_threshold_become_exact_zeros_and_others_stay() -> None:
    levels = np.array([0.00099, 0.00101, 1.0], dtype=np.float32)
    stems = np.broadcast_to(levels[:, None, None], (3, 2, 100))
    gated = SilenceGate(threshold_dbfs=-60)(stems, random())
    assert not gated[0].any()
    np.testing.assert_array_equal(gated[1:], stems[1:])


def test_a_short_sound_counts_by_its_share_of_the_example() -> None:
    stem = np.zeros((1, 1, 1000), dtype=np.float32)
    stem[..., :10] = 0.1
    assert SilenceGate(threshold_dbfs=-45)(stem, random()).any()
    assert not SilenceGate(threshold_dbfs=-35)(stem, random()).any()


def test_a_sum_above_the_limit_is_brought_to_it_with_all_relations_kept() -> None:
    stems = np.array([[[0.8, 0.1]], [[0.8, -0.3]]], dtype=np.float32)
    result = PeakRule(limit=1.0)(stems, random())
    np.testing.assert_allclose(result, stems / 1.6, rtol=1e-6)
    assert np.abs(result.sum(axis=0)).max() == pytest.approx(1.0, abs=1e-6)


def test_loud_stems_that_cancel_in_the_sum_are_left() -> None:
    stems = np.array([[[1.5]], [[-1.2]]], dtype=np.float32)
    np.testing.assert_array_equal(PeakRule(limit=1.0)(stems, random()), stems)


@pytest.mark.parametrize("transform", [LoudnessLevels(RATE), Fade(RATE), SilenceGate(), PeakRule(limit=0.1)])
def test_stems_stay_float32_and_the_input_unchanged(transform: Transform) -> None:
    before = NOISE.copy()
    result = transform(NOISE, random())
    assert result.dtype == np.float32
    assert result.shape == NOISE.shape
    np.testing.assert_array_equal(NOISE, before)


@pytest.mark.parametrize(
    ("make", "parameter"),
    [
        (lambda: LoudnessLevels(0), "sample_rate"),
        (lambda: LoudnessLevels(RATE, reference_lufs=(-10, -30)), "reference_lufs"),
        (lambda: LoudnessLevels(RATE, level_db=(5, -5)), "level_db"),
        (lambda: Fade(0), "sample_rate"),
        (lambda: Fade(RATE, seconds=0), "seconds"),
        (lambda: SilenceGate(threshold_dbfs=float("nan")), "threshold_dbfs"),
        (lambda: PeakRule(limit=0), "limit"),
    ],
)
def test_impossible_parameters_are_refused_by_name(make: Callable[[], object], parameter: str) -> None:
    with pytest.raises(ConfigurationError, match=parameter):
        make()
