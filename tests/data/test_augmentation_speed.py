"""Drawn changes of pitch and tempo."""

from __future__ import annotations

import numpy as np
import pytest

from sep_pipeline.data.augmentation import PitchTempo, PitchTempoChange
from sep_pipeline.errors import ConfigurationError

RATE = 8000
NOISE = np.random.default_rng(0).standard_normal((2, 1, RATE)).astype(np.float32)


def test_draws_fill_both_ranges() -> None:
    generator = np.random.default_rng(0)
    draws = [PitchTempo().draw(generator) for _ in range(500)]
    semitones, tempi = [draw.semitones for draw in draws], [draw.tempo for draw in draws]
    assert -3 <= min(semitones) < -2.9
    assert 2.9 < max(semitones) <= 3
    assert 0.8 <= min(tempi) < 0.81
    assert 1.19 < max(tempi) <= 1.2
    assert abs(np.corrcoef(semitones, tempi)[0, 1]) < 0.15


def test_the_probability_is_the_share_of_changed_examples() -> None:
    generator = np.random.default_rng(0)
    draws = [PitchTempo(probability=0.25).draw(generator) for _ in range(1000)]
    assert np.mean([draw.is_identity for draw in draws]) == pytest.approx(0.75, abs=0.04)


@pytest.mark.parametrize("probability", [0.0, 0.5, 1.0])
def test_the_coin_does_not_move_what_is_drawn_afterwards(probability: float) -> None:
    generator, plain = np.random.default_rng(4), np.random.default_rng(4)
    PitchTempo(probability=probability).draw(generator)
    plain.random(3)
    assert generator.random() == plain.random()


def test_ranges_without_width_never_change_anything() -> None:
    draw = PitchTempo(semitones=(0, 0), tempo=(1, 1)).draw(np.random.default_rng(0))
    assert draw.is_identity


def test_a_pitch_range_alone_leaves_the_tempo() -> None:
    draw = PitchTempo(semitones=(1, 2), tempo=(1, 1)).draw(np.random.default_rng(0))
    assert draw.tempo == 1
    assert 1 <= draw.semitones <= 2


@pytest.mark.parametrize(("tempo", "expected"), [(0.8, 800), (1.0, 1000), (1.2346, 1235)])
def test_a_faster_example_needs_more_source_samples(tempo: float, expected: int) -> None:
    assert PitchTempoChange(tempo=tempo).num_source_frames(1000) == expected


def test_no_change_gives_the_samples_bit_for_bit() -> None:
    np.testing.assert_array_equal(PitchTempoChange().apply(NOISE, RATE, RATE), NOISE)


@pytest.mark.parametrize("tempo", [0.8, 0.9371, 1.2])
def test_what_is_read_fills_the_result(tempo: float) -> None:
    change = PitchTempoChange(semitones=1.1, tempo=tempo)
    num_frames = 4001
    result = change.apply(NOISE[..., : change.num_source_frames(num_frames)], RATE, num_frames)
    assert result.shape == (2, 1, num_frames)
    assert result.dtype == np.float32
    assert np.abs(result[..., -3:]).max() > 0


def test_a_short_source_is_followed_by_zeros() -> None:
    result = PitchTempoChange(semitones=1.1, tempo=0.8).apply(NOISE[..., :2400], RATE, 4000)
    assert np.abs(result[..., 2900:2990]).max() > 0.1
    assert not result[..., 3001:].any()


@pytest.mark.parametrize(
    ("changes", "parameter"),
    [
        ({"semitones": (3.0, -3.0)}, "semitones"),
        ({"tempo": (0.0, 1.2)}, "tempo"),
        ({"tempo": (1.2, 0.8)}, "tempo"),
        ({"probability": -0.1}, "probability"),
    ],
)
def test_impossible_ranges_are_refused_by_name(changes: dict[str, object], parameter: str) -> None:
    with pytest.raises(ConfigurationError, match=parameter):
        PitchTempo(**changes)  # type: ignore[arg-type]


def test_a_change_to_no_tempo_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="tempo"):
        PitchTempoChange(tempo=0.0)
