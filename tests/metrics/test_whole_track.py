"""Whole-track scores against golden numbers and hand-computed ones."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from sep_pipeline.errors import StemMismatchError
from sep_pipeline.metrics import whole_track
from sep_pipeline.metrics.whole_track import (
    channel_scores,
    decibels,
    median_of_channels,
    sd_sdr,
    si_sdr,
    snr,
    study_sdr,
    usdr,
)

GOLDEN = Path(__file__).parents[1] / "golden"

CASES = {
    "noisy": lambda references, estimates: (references, estimates),
    "scaled_0.37": lambda references, estimates: (references, 0.37 * estimates),
    "negated": lambda references, estimates: (references, -estimates),
    "estimate_offset_0.25": lambda references, estimates: (references, estimates + 0.25),
    "reference_offset_0.5": lambda references, estimates: (references + 0.5, estimates),
    "permuted": lambda references, estimates: (references, estimates[::-1]),
    "mixture_as_estimate": lambda references, _: (references, np.stack([references.sum(axis=0)] * 2)),
    "stereo_source0=(r0,r1)_source1=(r1,0.5*r0)": lambda *sides: tuple(_stereo(*side) for side in sides),
}
"""Name of a golden case to what it makes of the references and estimates, (source, channel, time)."""


def _stereo(first, second):
    return np.stack([np.concatenate([first, second]), np.concatenate([second, 0.5 * first])])


@pytest.fixture(scope="module")
def golden_signals():
    tensors = load_file(GOLDEN / "jukebox_small.safetensors")
    return {name[4:]: value for name, value in tensors.items() if name.startswith("sdr/")}


@pytest.fixture(scope="module")
def golden_sdr():
    return json.loads((GOLDEN / "jukebox_small.json").read_text())["scalars"]["sdr"]


@pytest.fixture(scope="module")
def two_sources(score_tensors):
    """References and estimates of two mono sources, (source, channel, time)."""
    return tuple(score_tensors[f"two_sources/{side}"][:, None] for side in ("references", "estimates"))


@pytest.fixture
def noisy():
    """A stereo reference and a noisy estimate of it, (channel, time)."""
    reference, noise = np.random.default_rng(0).standard_normal((2, 2, 500))
    return reference, reference + 0.1 * noise


def test_study_sdr_equals_the_original_program(golden_signals, golden_sdr):
    reference, estimate = golden_signals["ref"], golden_signals["est"]
    silence = np.zeros_like(reference)
    found = {
        "ref_est": study_sdr(reference, estimate),
        "perfect": study_sdr(reference, reference),
        "zero_estimate": study_sdr(reference, silence),
        "silent_ref": study_sdr(silence, estimate),
        "silent_both": study_sdr(silence, silence),
    }
    assert found == pytest.approx(golden_sdr, abs=1e-6)


def test_study_sdr_averages_channels_first():
    reference = np.array([[1.0, 0.0], [0.0, 1.0]])
    assert study_sdr(reference, np.zeros((2, 2))) == pytest.approx(0.0)
    assert study_sdr(reference, np.full((2, 2), 0.5)) > 60


def test_usdr_counts_every_channel():
    reference = np.array([[1.0, 0.0], [0.0, 1.0]])
    assert usdr(reference, np.full((2, 2), 0.5)) == pytest.approx(10 * math.log10(2.0), abs=1e-5)


def test_usdr_of_a_tenth_of_error_is_twenty_decibels():
    reference = np.ones((2, 1000))
    assert usdr(reference, reference * 0.9) == pytest.approx(20.0, abs=1e-6)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize(("name", "field"), [("SI-SDR", "si_sdr"), ("SD-SDR", "sd_sdr"), ("SNR", "snr")])
def test_channels_score_as_in_the_reference_library(case, name, field, two_sources, golden_scores):
    references, estimates = CASES[case](*two_sources)
    found = [
        getattr(channel_scores(*pair), field).tolist() for pair in zip(references, estimates, strict=True)
    ]
    for channels, expected in zip(found, golden_scores["two_sources"][case][name], strict=True):
        assert channels == pytest.approx(expected, rel=1e-12, abs=1e-12)


def test_the_golden_offset_matters_to_who_removes_no_mean(two_sources, golden_scores):
    references, estimates = two_sources
    without = golden_scores["without_mean_subtraction_must_differ"]
    for reference, estimate, wrong in zip(references, estimates, without, strict=True):
        assert abs(si_sdr(reference, estimate + 0.25) - wrong) > 1.0


@pytest.mark.parametrize("score", [si_sdr, sd_sdr, snr])
def test_the_track_has_the_median_of_its_channels(score, noisy):
    reference, estimate = noisy
    each = [score(*pair) for pair in zip(reference, estimate, strict=True)]
    assert score(reference, estimate) == pytest.approx(np.mean(each), rel=1e-12)


def test_si_sdr_ignores_the_scale_of_the_estimate(noisy):
    reference, estimate = noisy
    assert si_sdr(reference, 7.0 * estimate) == pytest.approx(si_sdr(reference, estimate), abs=1e-9)


def test_si_sdr_of_orthogonal_noise_is_exact():
    reference = np.array([[1.0, -1.0, 1.0, -1.0]])
    noise = np.array([[0.5, 0.5, -0.5, -0.5]])
    assert si_sdr(reference, reference + noise) == pytest.approx(10 * math.log10(4.0), rel=1e-15)


def test_sd_sdr_is_lower_than_snr_by_the_level_that_is_lost(noisy):
    reference, _ = noisy
    assert snr(reference, 0.5 * reference) == pytest.approx(20 * math.log10(2.0), rel=1e-12)
    assert sd_sdr(reference, 0.5 * reference) == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("score", [si_sdr, sd_sdr, snr])
@pytest.mark.parametrize("constant", [0.0, 0.1])
@pytest.mark.parametrize("side", [0, 1])
def test_a_constant_signal_has_no_score(score, constant, side, noisy):
    signals = [signal.astype(np.float32) for signal in noisy]
    signals[side] = np.full_like(signals[side], constant)
    assert math.isnan(score(*signals))


def test_a_constant_channel_is_left_out_of_the_median(noisy):
    reference, estimate = noisy
    estimate[0] = 0.0
    assert si_sdr(reference, estimate) == si_sdr(reference[1], estimate[1])


@pytest.mark.parametrize("score", [si_sdr, sd_sdr, snr])
def test_a_perfect_estimate_scores_infinity(score, noisy):
    assert score(noisy[0], noisy[0]) == math.inf


def test_an_orthogonal_estimate_scores_minus_infinity():
    assert si_sdr(np.array([1.0, -1.0, 1.0, -1.0]), np.array([1.0, 1.0, -1.0, -1.0])) == -math.inf


@pytest.mark.parametrize("score", [study_sdr, usdr, si_sdr, sd_sdr, snr])
def test_blocks_give_what_one_pass_gives(score, noisy, monkeypatch):
    whole = score(*noisy)
    monkeypatch.setattr(whole_track, "_BLOCK_SAMPLES", 7)
    assert score(*noisy) == pytest.approx(whole, rel=1e-12)


@pytest.mark.parametrize("score", [study_sdr, usdr, si_sdr, sd_sdr, snr])
def test_single_precision_scores_as_its_exact_values_do(score, noisy):
    single = [signal.astype(np.float32) for signal in noisy]
    assert score(*single) == pytest.approx(
        score(*(signal.astype(np.float64) for signal in single)), rel=1e-13
    )


@pytest.mark.parametrize("score", [study_sdr, usdr, si_sdr, sd_sdr, snr])
def test_different_lengths_are_refused(score):
    with pytest.raises(StemMismatchError, match="differ in shape"):
        score(np.ones((1, 8)), np.ones((1, 9)))


def test_the_median_of_no_channel_is_not_a_number():
    assert math.isnan(median_of_channels(np.array([math.nan, math.nan])))


@pytest.mark.parametrize(
    ("energies", "expected"),
    [((1.0, 0.0), math.inf), ((0.0, 1.0), -math.inf), ((100.0, 1.0), 20.0)],
)
def test_decibels_of_energies(energies, expected):
    assert decibels(*energies) == expected


@pytest.mark.parametrize("energies", [(0.0, 0.0), (math.nan, 1.0), (1.0, math.nan)])
def test_decibels_of_what_is_undefined_are_not_a_number(energies):
    assert math.isnan(decibels(*energies))
