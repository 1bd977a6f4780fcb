"""Block-Toeplitz products and solutions against dense matrices."""

from typing import Any

import numpy as np
import pytest
import torch

from sep_pipeline.metrics.bsseval.basis import channel_basis
from sep_pipeline.metrics.bsseval.dense_solve import solve_least_squares
from sep_pipeline.metrics.bsseval.levinson import solve_block_toeplitz
from sep_pipeline.metrics.bsseval.toeplitz import dense, multiply, relative_residual

NUM_TAPS = 12


def _lags(signals: Any) -> torch.Tensor:
    """G(l) of signals, (channel, time), for one system."""
    padded = np.pad(signals, ((0, 0), (NUM_TAPS, NUM_TAPS)))
    shifted = [np.roll(padded, lag, axis=1) for lag in range(NUM_TAPS)]
    return torch.from_numpy(np.stack([padded @ later.T for later in shifted]))[None]


@pytest.fixture
def signals() -> Any:
    return np.random.default_rng(0).standard_normal((3, 400)) / 20.0


@pytest.fixture
def right() -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(1).standard_normal((1, NUM_TAPS, 3, 2)))


def _flat(blocks: torch.Tensor) -> torch.Tensor:
    return blocks[0].flatten(0, 1)


def test_the_dense_matrix_holds_the_products_of_delayed_signals(signals) -> None:
    padded = np.pad(signals, ((0, 0), (NUM_TAPS, NUM_TAPS)))
    delayed = np.concatenate([np.roll(padded, tap, axis=1) for tap in range(NUM_TAPS)])
    np.testing.assert_allclose(dense(_lags(signals)[0]).numpy(), delayed @ delayed.T, rtol=0, atol=1e-12)


def test_products_by_transforms_equal_dense_ones(signals, right) -> None:
    lags = _lags(signals)
    torch.testing.assert_close(
        _flat(multiply(lags, right)), dense(lags[0]) @ _flat(right), rtol=0, atol=1e-12
    )


def test_the_recursion_solves_the_system(signals, right) -> None:
    lags = _lags(signals)
    expected = torch.linalg.solve(dense(lags[0]), _flat(right))
    torch.testing.assert_close(_flat(solve_block_toeplitz(lags, right)), expected, rtol=0, atol=1e-10)


def test_several_systems_are_solved_as_one_by_one(signals, right) -> None:
    lags = torch.cat([_lags(signals), _lags(signals[::-1])])
    both = torch.cat([right, 2.0 * right])
    expected = torch.cat([solve_block_toeplitz(lags[i : i + 1], both[i : i + 1]) for i in range(2)])
    torch.testing.assert_close(solve_block_toeplitz(lags, both), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("copy", [1.0, -0.3])
def test_the_recursion_survives_a_copied_channel(signals, copy: float) -> None:
    signals[2] = copy * signals[0]
    lags = _lags(signals)
    right = multiply(lags, torch.ones(1, NUM_TAPS, 3, 1, dtype=torch.float64))
    assert float(relative_residual(lags, right, solve_block_toeplitz(lags, right))) < 1e-12


def test_the_dense_solution_equals_the_recursion_where_both_work(signals, right) -> None:
    lags = _lags(signals)
    found, residual = solve_least_squares(lags[0], right[0])
    assert residual < 1e-14
    torch.testing.assert_close(found, solve_block_toeplitz(lags, right)[0], rtol=0, atol=1e-10)


def test_the_dense_solution_of_a_singular_system_is_about_the_shortest(signals) -> None:
    signals[1] = signals[0]
    lags = _lags(signals)
    right = multiply(lags, torch.ones(1, NUM_TAPS, 3, 1, dtype=torch.float64))
    found, _ = solve_least_squares(lags[0], right[0])
    expected = torch.linalg.pinv(dense(lags[0]), hermitian=True, rtol=1e-10) @ _flat(right)
    torch.testing.assert_close(found.flatten(0, 1), expected, rtol=0, atol=1e-2)


def test_residuals_are_relative(signals, right) -> None:
    lags = _lags(signals)
    solution = solve_block_toeplitz(lags, right)
    assert float(relative_residual(lags, right, 0.75 * solution)) == pytest.approx(0.25)


def test_nothing_is_left_of_nothing(signals) -> None:
    zero = torch.zeros(1, NUM_TAPS, 3, 1, dtype=torch.float64)
    assert float(relative_residual(_lags(signals), zero, zero)) == 0.0


def test_the_basis_makes_channels_uncorrelated_and_of_energy_one(signals) -> None:
    signals = np.concatenate([signals, 1e-4 * signals[:1] + signals[1:2]])
    covariance = torch.from_numpy(signals @ signals.T)
    basis = channel_basis(covariance, 2)
    new = basis @ covariance @ basis.T
    for stem in (slice(0, 2), slice(2, 4)):
        torch.testing.assert_close(new[stem, stem], torch.eye(2, dtype=torch.float64), rtol=0, atol=1e-9)


def test_the_basis_leaves_out_copies(signals) -> None:
    signals = np.stack([signals[0], 0.3 * signals[0]])
    basis = channel_basis(torch.from_numpy(signals @ signals.T), 2)
    assert torch.count_nonzero(basis.any(dim=1)) == 1
