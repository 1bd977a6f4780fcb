"""Whole-track scores against golden numbers and hand-computed ones."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from sep_pipeline.errors import StemMismatchError
from sep_pipeline.metrics.whole_track import si_sdr, study_sdr, usdr

GOLDEN = Path(__file__).parents[1] / "golden"


@pytest.fixture(scope="module")
def golden_signals():
    tensors = load_file(GOLDEN / "jukebox_small.safetensors")
    return {name[4:]: value for name, value in tensors.items() if name.startswith("sdr/")}


@pytest.fixture(scope="module")
def golden_sdr():
    return json.loads((GOLDEN / "jukebox_small.json").read_text())["scalars"]["sdr"]


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


def test_si_sdr_ignores_the_scale_of_the_estimate():
    generator = np.random.default_rng(0)
    reference, noise = generator.standard_normal((2, 1, 500))
    estimate = reference + 0.1 * noise
    assert si_sdr(reference, 7.0 * estimate) == pytest.approx(si_sdr(reference, estimate), abs=1e-9)


def test_si_sdr_of_orthogonal_noise_is_exact():
    reference = np.array([[1.0, 1.0, 1.0, 1.0]])
    noise = np.array([[0.5, -0.5, 0.5, -0.5]])
    assert si_sdr(reference, reference + noise) == pytest.approx(10 * math.log10(4.0))


@pytest.mark.parametrize("silent", ["reference", "estimate"])
def test_si_sdr_of_silence_is_not_a_number(silent):
    signals = {"reference": np.ones((1, 8)), "estimate": np.ones((1, 8))}
    signals[silent] = np.zeros((1, 8))
    assert math.isnan(si_sdr(**signals))


def test_si_sdr_of_the_reference_is_infinite():
    assert si_sdr(np.ones((1, 8)), np.ones((1, 8))) == math.inf


@pytest.mark.parametrize("score", [study_sdr, usdr, si_sdr])
def test_different_lengths_are_refused(score):
    with pytest.raises(StemMismatchError, match="differ in shape"):
        score(np.ones((1, 8)), np.ones((1, 9)))
