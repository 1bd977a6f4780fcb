"""Waveform distances on numbers worked out by hand."""

from __future__ import annotations

import pytest
import torch

from sep_pipeline.losses import largest_squares, mean_absolute, mean_square

TARGET = torch.zeros(2, 1, 3)
PREDICTION = torch.tensor([[[1.0, -2.0, 3.0]], [[0.0, 0.0, -4.0]]])


def test_means():
    assert mean_absolute(PREDICTION, TARGET).item() == pytest.approx(10 / 6)
    assert mean_square(PREDICTION, TARGET).item() == pytest.approx(30 / 6)


@pytest.mark.parametrize(
    ("num_largest", "expected"), [(1, 12.5), (2, (13 / 2 + 8) / 2), (3, 5.0), (2048, 5.0)]
)
def test_largest_squares_are_taken_per_item(num_largest, expected):
    assert largest_squares(PREDICTION, TARGET, num_largest).item() == pytest.approx(expected)


def test_largest_squares_give_gradient_to_those_values_only():
    prediction = PREDICTION.clone().requires_grad_()
    largest_squares(prediction, TARGET, 1).backward()
    assert prediction.grad.tolist() == [[[0.0, 0.0, 3.0]], [[0.0, 0.0, -4.0]]]
