"""Refinement on the mixture: what it sums to, what it leaves alone, and blocks against one pass."""

import numpy as np
import pytest

from sep_pipeline.errors import ConfigurationError, StemMismatchError
from sep_pipeline.separation import wiener
from sep_pipeline.separation.wiener import WienerConfig, mixture_consistency, wiener_refine

SIZES = WienerConfig(n_fft=64, hop_length=16)


def _signals(num_samples=1000, num_channels=2, num_stems=3):
    generator = np.random.default_rng(0)
    estimates = generator.standard_normal((num_stems, num_channels, num_samples)).astype(np.float32)
    mixture = estimates.sum(axis=0) + generator.standard_normal((num_channels, num_samples)).astype(
        np.float32
    )
    return mixture, estimates


@pytest.mark.parametrize("num_samples", [1, 15, 64, 1000])
def test_refined_estimates_sum_to_the_mixture(num_samples):
    mixture, estimates = _signals(num_samples)
    refined = wiener_refine(mixture, estimates, SIZES)
    assert refined.shape == estimates.shape
    assert refined.dtype == np.float32
    np.testing.assert_allclose(refined.sum(axis=0), mixture, atol=1e-5)


def test_a_silent_estimate_stays_silent():
    mixture, estimates = _signals()
    estimates[1] = 0.0
    assert np.abs(wiener_refine(mixture, estimates, SIZES)[1]).max() < 1e-6


def test_silent_estimates_share_the_mixture_equally():
    mixture, estimates = _signals()
    refined = wiener_refine(mixture, np.zeros_like(estimates), SIZES)
    np.testing.assert_allclose(refined, np.broadcast_to(mixture / 3, refined.shape), atol=1e-5)


def test_stems_that_do_not_overlap_come_back_exactly():
    time = np.arange(4096) / 64
    stems = np.stack([np.sin(2 * np.pi * 5 * time), np.sin(2 * np.pi * 20 * time)])[:, None].astype(
        np.float32
    )
    refined = wiener_refine(stems.sum(axis=0), 0.5 * stems, SIZES)
    np.testing.assert_allclose(refined[..., 64:-64], stems[..., 64:-64], atol=2e-3)


def test_blocks_give_what_one_pass_gives(monkeypatch):
    mixture, estimates = _signals(3000)
    whole = wiener_refine(mixture, estimates, SIZES)
    monkeypatch.setattr(wiener, "_BLOCK_HOPS", 20)
    np.testing.assert_allclose(wiener_refine(mixture, estimates, SIZES), whole, atol=2e-6)


def test_consistency_shares_the_residual_equally():
    mixture, estimates = _signals()
    consistent = mixture_consistency(mixture, estimates)
    np.testing.assert_allclose(consistent.sum(axis=0), mixture, atol=1e-5)
    np.testing.assert_allclose(consistent[0] - estimates[0], consistent[2] - estimates[2], atol=1e-6)


@pytest.mark.parametrize("refine", [wiener_refine, mixture_consistency])
def test_estimates_of_another_length_are_refused(refine):
    mixture, estimates = _signals()
    with pytest.raises(StemMismatchError, match="do not fit"):
        refine(mixture, estimates[..., 1:])


def test_a_hop_that_does_not_divide_the_window_is_refused():
    with pytest.raises(ConfigurationError, match="hop_length"):
        WienerConfig(n_fft=100, hop_length=30)
