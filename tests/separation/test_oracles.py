"""Oracles: what they sum to, what they leave silent, who beats whom, and blocks against one pass."""

import numpy as np
import pytest

from sep_pipeline.errors import ConfigurationError, StemMismatchError, TooShortError
from sep_pipeline.metrics.whole_track import usdr
from sep_pipeline.separation import oracles
from sep_pipeline.separation.floors import FLOORS
from sep_pipeline.separation.oracles import (
    ORACLES,
    ideal_binary_mask,
    ideal_ratio_mask,
    multichannel_wiener_oracle,
    oracle_sizes,
)
from sep_pipeline.separation.wiener import WienerConfig

RATE = 8000
SIZES = WienerConfig(n_fft=64, hop_length=16)
FUNCTIONS = [ideal_ratio_mask, ideal_binary_mask, multichannel_wiener_oracle]


def _noise(num_samples=1000, num_channels=2, num_stems=3):
    """Mixture and references of independent noise."""
    references = np.random.default_rng(0).standard_normal((num_stems, num_channels, num_samples))
    references = references.astype(np.float32)
    return references.sum(axis=0), references


def _panned():
    """Two noises, each from one direction."""
    mono = np.random.default_rng(1).standard_normal((2, 1, RATE))
    references = (mono * np.array([[1.0, 0.3], [0.2, 1.0]])[..., None]).astype(np.float32)
    return references.sum(axis=0), references


def _tuned():
    """Three decaying tones of different pitch over noise, one second."""
    time = np.arange(RATE) / RATE
    generator = np.random.default_rng(2)
    stems = [
        np.stack([np.sin(2 * np.pi * pitch * time) * np.exp(-2 * time)] * 2)
        + 0.05 * generator.standard_normal((2, RATE))
        for pitch in (220.0, 660.0, 1500.0)
    ]
    references = np.stack(stems).astype(np.float32)
    return references.sum(axis=0), references


def _mean_usdr(references, estimates):
    return np.mean([usdr(*pair) for pair in zip(references, estimates, strict=True)])


@pytest.mark.parametrize("name", ORACLES)
@pytest.mark.parametrize("num_samples", [1, 15, 64, 1000])
@pytest.mark.parametrize("num_channels", [1, 2])
def test_estimates_sum_to_the_mixture_at_any_length(name, num_samples, num_channels):
    mixture, references = _noise(num_samples, num_channels)
    estimates = ORACLES[name].estimate(mixture, references, sample_rate=RATE)
    assert (estimates.shape, estimates.dtype) == (references.shape, np.float32)
    np.testing.assert_allclose(estimates.sum(axis=0), mixture, atol=1e-5)


@pytest.mark.parametrize("name", ORACLES)
@pytest.mark.parametrize("floor", FLOORS)
def test_every_oracle_is_above_every_floor(name, floor):
    mixture, references = _tuned()
    estimates = ORACLES[name].estimate(mixture, references, sample_rate=RATE)
    margin = _mean_usdr(references, estimates) - _mean_usdr(
        references, FLOORS[floor].estimate(mixture, references)
    )
    assert margin > 5.0


def test_directions_separate_what_masks_cannot():
    mixture, references = _panned()
    by_direction = _mean_usdr(references, multichannel_wiener_oracle(mixture, references, SIZES))
    by_mask = _mean_usdr(references, ideal_ratio_mask(mixture, references, SIZES))
    assert by_direction > by_mask + 20.0


def test_in_mono_the_wiener_oracle_is_the_ratio_mask_of_powers():
    mixture, references = _noise(num_channels=1)
    np.testing.assert_allclose(
        multichannel_wiener_oracle(mixture, references, SIZES),
        ideal_ratio_mask(mixture, references, SIZES, exponent=2),
        atol=1e-5,
    )


@pytest.mark.parametrize("oracle", FUNCTIONS)
def test_a_silent_stem_gives_silence(oracle):
    mixture, references = _noise()
    references[1] = 0.0
    assert not oracle(mixture, references, SIZES)[1].any()


@pytest.mark.parametrize("oracle", FUNCTIONS)
def test_silent_stems_in_a_mixture_that_sounds_give_silence(oracle):
    mixture, references = _noise()
    assert not oracle(mixture, np.zeros_like(references), SIZES).any()


@pytest.mark.parametrize("oracle", FUNCTIONS)
def test_a_single_stem_gets_the_mixture(oracle):
    mixture, references = _noise(num_stems=1)
    np.testing.assert_allclose(oracle(2.0 * mixture, references, SIZES)[0], 2.0 * mixture, atol=1e-5)


@pytest.mark.parametrize("oracle", [ideal_ratio_mask, ideal_binary_mask])
def test_where_all_stems_pause_those_that_sound_share_the_mixture(oracle):
    mixture, references = _noise()
    references[2] = 0.0
    references[..., 400:] = 0.0
    estimates = oracle(mixture, references, SIZES)
    np.testing.assert_allclose(estimates[0, :, 500:], mixture[:, 500:] / 2, atol=1e-5)


def test_the_binary_mask_gives_all_to_the_louder_stem():
    mixture, references = _noise(num_stems=1)
    louder = np.concatenate([references, 0.5 * references])
    estimates = ideal_binary_mask(1.5 * mixture, louder, SIZES)
    np.testing.assert_allclose(estimates[0], 1.5 * mixture, atol=1e-5)


@pytest.mark.parametrize(("exponent", "share"), [(1, 2 / 3), (2, 4 / 5)])
def test_the_ratio_mask_shares_by_the_power_of_magnitudes(exponent, share):
    mixture, references = _noise(num_stems=1)
    louder = np.concatenate([references, 0.5 * references])
    estimates = ideal_ratio_mask(mixture, louder, SIZES, exponent=exponent)
    np.testing.assert_allclose(estimates[0], share * mixture, atol=1e-5)


def test_the_wiener_oracle_does_not_depend_on_the_level():
    mixture, references = _panned()
    whole = multichannel_wiener_oracle(mixture, references, SIZES)
    quiet = multichannel_wiener_oracle(
        np.float32(2.0**-20) * mixture, np.float32(2.0**-20) * references, SIZES
    )
    np.testing.assert_array_equal(quiet * np.float32(2.0**20), whole)


@pytest.mark.parametrize("oracle", FUNCTIONS)
def test_blocks_give_what_one_pass_gives(oracle, monkeypatch):
    mixture, references = _noise(3001)
    monkeypatch.setattr(oracles, "_BLOCK_HOPS", 1000)
    whole = oracle(mixture, references, SIZES)
    monkeypatch.setattr(oracles, "_BLOCK_HOPS", 7)
    np.testing.assert_allclose(oracle(mixture, references, SIZES), whole, atol=5e-6)


@pytest.mark.parametrize(("rate", "n_fft"), [(44_100, 4096), (48_000, 4096), (22_050, 2048), (8_000, 1024)])
def test_the_window_follows_the_sample_rate(rate, n_fft):
    assert oracle_sizes(rate) == WienerConfig(n_fft=n_fft, hop_length=n_fft // 4)


def test_every_oracle_has_a_description_of_its_own():
    assert len({oracle.description for oracle in ORACLES.values()}) == len(ORACLES)


@pytest.mark.parametrize("oracle", FUNCTIONS)
def test_references_of_another_length_are_refused(oracle):
    mixture, references = _noise()
    with pytest.raises(StemMismatchError, match="do not fit the mixture"):
        oracle(mixture, references[..., 1:], SIZES)


def test_more_than_two_channels_are_refused_by_the_wiener_oracle():
    with pytest.raises(StemMismatchError, match="mono and stereo"):
        multichannel_wiener_oracle(*_noise(num_channels=3), SIZES)


def test_nothing_to_separate_is_refused():
    with pytest.raises(TooShortError, match="nothing to separate"):
        ideal_ratio_mask(*_noise(0), SIZES)


def test_unknown_exponents_and_rates_are_refused():
    with pytest.raises(ConfigurationError, match="exponent"):
        ideal_ratio_mask(*_noise(), SIZES, exponent=3)
    with pytest.raises(ConfigurationError, match="sample_rate"):
        oracle_sizes(0)
