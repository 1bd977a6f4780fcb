"""Filters and energies: golden numbers, and two ways to the same energies."""

from typing import Any

import numpy as np
import pytest
import torch

from sep_pipeline.metrics.bsseval.correlations import TrackCorrelations, correlate
from sep_pipeline.metrics.bsseval.energies import frame_energies
from sep_pipeline.metrics.bsseval.filters import fit_filters
from sep_pipeline.metrics.bsseval.projection import PARTS, Projector
from sep_pipeline.metrics.bsseval.tiling import tile_track

CPU = torch.device("cpu")


def _correlations(references: Any, estimates: Any, frame: int, num_taps: int) -> TrackCorrelations:
    return correlate(
        references, estimates, tile_track(references.shape[-1], frame, frame, 65_536), num_taps, CPU
    )


@pytest.fixture(scope="session")
def golden_correlations(golden_tensors: dict[str, Any]) -> TrackCorrelations:
    signals = (golden_tensors[f"main/{kind}"].transpose(0, 2, 1) / 32768 for kind in ("ref", "est"))
    return _correlations(*signals, 8000, 512)


def test_filters_on_all_references_equal_the_golden_ones(golden_tensors, golden_correlations) -> None:
    found = fit_filters(golden_correlations.total, 2).on_all.reshape(512, 2, 2, 2, 2)
    expected = golden_tensors["main/filters_all"]
    np.testing.assert_allclose(found.permute(3, 1, 2, 0, 4), expected, rtol=0, atol=1e-7)


def test_filters_on_the_own_reference_equal_the_golden_ones(golden_tensors, golden_correlations) -> None:
    found = fit_filters(golden_correlations.total, 2).on_own.reshape(512, 2, 2, 2, 2)
    expected = golden_tensors["main/filters_own"]
    for stem in range(2):
        np.testing.assert_allclose(
            found[:, stem, :, stem].permute(1, 0, 2), expected[stem], rtol=0, atol=1e-7
        )


def test_filters_on_the_own_reference_use_no_other(golden_correlations) -> None:
    on_own = fit_filters(golden_correlations.total, 2).on_own
    assert not on_own[:, 2:, :2].any()
    assert not on_own[:, :2, 2:].any()


def test_energies_equal_the_golden_ones(golden_settings, golden_correlations) -> None:
    filters = fit_filters(golden_correlations.total, 2)
    energies, _ = frame_energies(golden_correlations, filters, slice(0, 1))
    golden = golden_settings["main"]["frame0_source0_energies"]
    names = {"source": "s_true", "spatial": "e_spat", "interference": "e_interf", "artefacts": "e_artif"}
    for name, original in names.items():
        assert getattr(energies, name)[0, 0] == pytest.approx(golden[original], rel=1e-9)


def test_lags_are_sums_of_products(make_stems) -> None:
    references, estimates = make_stems(1, 2, 500), make_stems(1, 2, 500, seed=1)
    total = _correlations(references, estimates, 120, 70).total
    reference, estimate = references[0, 1], estimates[0, 0]
    expected = [np.dot(estimate[lag:], reference[: 500 - lag]) for lag in range(70)]
    np.testing.assert_allclose(total[1, 2], expected, rtol=0, atol=1e-12)


def test_lags_of_a_frame_know_nothing_outside(make_stems) -> None:
    references, estimates = make_stems(num_samples=900), make_stems(num_samples=900, seed=1)
    found = _correlations(references, estimates, 300, 40).frames[1]
    alone = _correlations(references[..., 300:600], estimates[..., 300:600], 300, 40).total
    torch.testing.assert_close(found, alone, rtol=0, atol=1e-12)


def test_projection_gives_the_energies_of_the_correlations(make_stems, leak) -> None:
    references = make_stems(num_samples=70_000)
    estimates = leak(references)
    correlations = _correlations(references, estimates, 70_000, 33)
    filters = fit_filters(correlations.total, 2)
    expected, _ = frame_energies(correlations, filters, slice(0, 1))
    found = Projector(filters).energies(torch.from_numpy(references), torch.from_numpy(estimates))
    for part, values in zip(PARTS, found, strict=True):
        np.testing.assert_allclose(values, getattr(expected, part)[0], rtol=1e-9, atol=0)


@pytest.mark.parametrize(("noise", "is_doubtful"), [(1e-2, False), (1e-8, True)])
def test_energies_of_few_digits_are_known(make_stems, leak, noise: float, is_doubtful: bool) -> None:
    references = make_stems()
    correlations = _correlations(references, leak(references, noise=noise), 1000, 24)
    _, doubts = frame_energies(correlations, fit_filters(correlations.total, 2), slice(0, 3))
    assert doubts.tolist() == [is_doubtful] * 3
