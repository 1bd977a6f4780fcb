"""What `bss_eval` promises: properties, the rule for silence, errors, warnings."""

import logging
from typing import Any

import numpy as np
import pytest
import torch

from sep_pipeline.errors import (
    ConfigurationError,
    DataError,
    SilentStemError,
    StemMismatchError,
    TooShortError,
)
from sep_pipeline.metrics.bsseval import bss_eval, fit_length

SETTINGS = {"window": 1000, "hop": 1000, "num_filter_taps": 24}

ENGINES = pytest.mark.parametrize("engine", ["fast", "museval"])


@pytest.fixture
def score(table) -> Any:
    """Scores as one array, (metric, stem, frame)."""
    return lambda references, estimates, **changes: table(
        bss_eval(references, estimates, **{**SETTINGS, **changes})
    )


def test_stems_in_another_order_get_their_own_scores(make_stems, leak, score) -> None:
    references = make_stems()
    estimates = leak(references)
    order = [2, 0, 1]
    found = score(references[order], estimates[order])
    np.testing.assert_allclose(found, score(references, estimates)[:, order], rtol=0, atol=1e-9)


def test_a_common_factor_changes_nothing(make_stems, leak, score) -> None:
    references = make_stems()
    estimates = leak(references)
    found = score(100.0 * references, 100.0 * estimates)
    np.testing.assert_allclose(found, score(references, estimates), rtol=0, atol=1e-9)


def test_a_quieter_estimate_loses_spatially_only(make_stems, score) -> None:
    references = make_stems()
    sdr, isr, sir, sar = score(references, 0.5 * references)
    np.testing.assert_allclose([sdr, isr], 20.0 * np.log10(2.0), rtol=0, atol=1e-9)
    assert min(sir.min(), sar.min()) > 200.0


def test_a_perfect_estimate_has_infinite_sdr(make_stems, score) -> None:
    references = make_stems()
    assert np.isposinf(score(references, references.copy())[0]).all()


def test_scores_of_the_same_signals_are_the_same_to_the_bit(make_stems, leak, score) -> None:
    references = make_stems()
    estimates = leak(references)
    np.testing.assert_array_equal(score(references, estimates), score(references, estimates))


@pytest.mark.parametrize("max_tile_samples", [7, 100, 333, 1000, 100_000])
def test_scores_do_not_depend_on_the_tiles(make_stems, leak, score, max_tile_samples: int) -> None:
    references = make_stems()
    estimates = leak(references)
    found = score(references, estimates, max_tile_samples=max_tile_samples)
    np.testing.assert_allclose(found, score(references, estimates), rtol=0, atol=1e-9)


def test_the_last_partial_frame_counts_in_the_filters_only(make_stems, leak, score) -> None:
    references = make_stems(num_samples=3400)
    estimates = leak(references)
    found, without = score(references, estimates), score(references[..., :3000], estimates[..., :3000])
    assert found.shape == without.shape == (4, 3, 3)
    np.testing.assert_array_equal(found[0], without[0])
    assert np.abs(found[1:] - without[1:]).max() > 1e-4


@ENGINES
@pytest.mark.parametrize("silent", [0, 1])
def test_a_frame_with_silence_is_nan_for_all_stems(make_stems, leak, score, engine: str, silent: int) -> None:
    signals = make_stems(), leak(make_stems())
    signals[silent][2, :, 1000:2000] = 0.0
    found = score(*signals, engine=engine)
    np.testing.assert_array_equal(np.isnan(found).all(axis=(0, 1)), [False, True, False])
    assert np.isfinite(found[..., [0, 2]]).all()


def test_frame_filters_leave_silent_frames_out(make_stems, leak, score) -> None:
    references = make_stems()
    references[0, :, :1000] = 0.0
    found = score(references, leak(references), mode="v3")
    np.testing.assert_array_equal(np.isnan(found).all(axis=(0, 1)), [True, False, False])


@ENGINES
def test_a_silent_stem_is_refused(make_stems, leak, score, engine: str) -> None:
    references = make_stems()
    estimates = leak(references)
    estimates[1, 1] = -estimates[1, 0]
    with pytest.raises(SilentStemError, match="estimate of stem 1 is silent"):
        score(references, estimates, engine=engine)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_samples_that_are_not_finite_are_refused(make_stems, score, value: float) -> None:
    references, estimates = make_stems(), make_stems()
    references[2, 0, [5, 6]] = value
    with pytest.raises(DataError, match=r"reference of stem 2 has samples that are not finite.*2 samples"):
        score(references, estimates)


@pytest.mark.parametrize("shape", [(3, 2, 2999), (3, 1, 3000), (2, 2, 3000)])
def test_different_shapes_are_refused(make_stems, score, shape: tuple[int, ...]) -> None:
    with pytest.raises(StemMismatchError, match=r"expected: \(3, 2, 3000\)"):
        score(make_stems(), np.ones(shape))


@pytest.mark.parametrize("shape", [(3, 3000), (0, 2, 3000), (3, 3000, 2), (3, 0, 3000)])
def test_other_layouts_are_refused(score, shape: tuple[int, ...]) -> None:
    with pytest.raises(DataError, match=r"\(stem, channel, time\)"):
        score(np.ones(shape), np.ones(shape))


def test_empty_stems_are_refused(score) -> None:
    with pytest.raises(TooShortError, match="at least one sample"):
        score(np.ones((2, 2, 0)), np.ones((2, 2, 0)))


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("engine", "slow"),
        ("mode", "v2"),
        ("window", 0),
        ("hop", -1),
        ("num_filter_taps", 0),
        ("num_threads", 0),
        ("max_tile_samples", 0),
    ],
)
def test_settings_out_of_range_are_refused(make_stems, score, parameter: str, value: Any) -> None:
    with pytest.raises(ConfigurationError, match=parameter):
        score(make_stems(), make_stems(seed=1), **{parameter: value})


def test_filtered_copies_get_a_warning_and_scores(make_stems, leak, score, caplog) -> None:
    references = make_stems().astype(np.float32)
    references[:, 1, 7:] = np.float32(0.7) * references[:, 0, :-7]
    references[:, 1, :7] = 0.0
    with caplog.at_level(logging.WARNING):
        found = score(references, leak(references))
    assert np.isfinite(found).all()
    assert "filtered copies of others" in caplog.text


def test_ordinary_material_gets_no_warning(make_stems, leak, score, caplog) -> None:
    references = make_stems()
    score(references, leak(references))
    assert not caplog.records


def test_the_number_of_threads_is_restored(make_stems, leak, score) -> None:
    before = torch.get_num_threads()
    references = make_stems()
    score(references, leak(references), num_threads=before + 1)
    assert torch.get_num_threads() == before


def test_arrays_of_the_caller_stay_as_they_are(make_stems, leak, score) -> None:
    references = make_stems()
    estimates = leak(references)
    kept = references.copy(), estimates.copy()
    references.flags.writeable = estimates.flags.writeable = False
    score(references, estimates)
    np.testing.assert_array_equal(references, kept[0])
    np.testing.assert_array_equal(estimates, kept[1])


def test_length_is_fitted_at_the_end() -> None:
    estimates = np.ones((2, 1, 5))
    np.testing.assert_array_equal(fit_length(estimates, 3), np.ones((2, 1, 3)))
    np.testing.assert_array_equal(fit_length(estimates, 7)[0, 0], [1, 1, 1, 1, 1, 0, 0])
