"""The mean over items computed one by one, against the mean of the whole batch."""

from __future__ import annotations

import pytest
import torch

from sep_pipeline.losses.items import mean_over_items

INPUTS = torch.randn(3, 4, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
MATRIX = torch.randn(5, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
TARGETS = torch.tensor([0.5, -1.0, 2.0], dtype=torch.float64)


def _loss(values, matrix, targets):
    return (torch.tanh(values @ matrix).sum(dim=(1, 2)) - targets).square()


def _by_items(inputs, matrix):
    return mean_over_items(
        lambda index, item: _loss(item, matrix, TARGETS[index : index + 1]), inputs, [matrix]
    )


def _leaves():
    return INPUTS.clone().requires_grad_(), MATRIX.clone().requires_grad_()


def test_value_and_gradients_are_those_of_the_batch():
    leaves, wanted = _leaves(), _leaves()
    found = _by_items(*leaves)
    expected = _loss(*wanted, TARGETS).mean()
    (3.0 * found).backward()
    (3.0 * expected).backward()
    assert found.item() == pytest.approx(expected.item(), rel=1e-12)
    for leaf, other in zip(leaves, wanted, strict=True):
        torch.testing.assert_close(leaf.grad, other.grad, rtol=1e-12, atol=1e-14)


def test_gradients_go_on_before_the_inputs():
    leaves, wanted = _leaves(), _leaves()
    _by_items(leaves[0].sin(), leaves[1]).backward()
    _loss(wanted[0].sin(), wanted[1], TARGETS).mean().backward()
    torch.testing.assert_close(leaves[0].grad, wanted[0].grad, rtol=1e-12, atol=1e-14)


def test_without_gradients_the_value_is_the_same():
    inputs, matrix = _leaves()
    with torch.no_grad():
        found = _by_items(inputs, matrix)
    assert not found.requires_grad
    assert found.item() == pytest.approx(_by_items(inputs, matrix).item(), rel=1e-12)


def test_only_one_item_is_looked_at_at_a_time():
    seen = []

    def loss(index, item):
        seen.append((index, tuple(item.shape)))
        return item.sum(dim=(1, 2))

    inputs = INPUTS.clone().requires_grad_()
    mean_over_items(loss, inputs, []).backward()
    assert seen == [(0, (1, 4, 5)), (1, (1, 4, 5)), (2, (1, 4, 5))]
    torch.testing.assert_close(inputs.grad, torch.full_like(INPUTS, 1 / 3))
