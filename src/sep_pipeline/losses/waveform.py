"""Distances of two signals value by value (Jukebox, arXiv:2005.00341, section 3 and its published code)."""

from __future__ import annotations

from torch import Tensor


def mean_absolute(prediction: Tensor, target: Tensor) -> Tensor:
    """Mean absolute difference of two equally shaped tensors, a scalar."""
    return (prediction - target).abs().mean()


def mean_square(prediction: Tensor, target: Tensor) -> Tensor:
    """Mean squared difference of two equally shaped tensors, a scalar."""
    return (prediction - target).square().mean()


def largest_squares(prediction: Tensor, target: Tensor, num_largest: int) -> Tensor:
    """Mean of the largest squared differences of each item, averaged over the items.

    Args:
        prediction: (batch, ...).
        target: Same shape as `prediction`.
        num_largest: How many values of an item count; all of them when there are fewer.

    Returns:
        A scalar.
    """
    return mean_of_largest((prediction - target).square(), num_largest)


def mean_of_largest(squares: Tensor, num_largest: int) -> Tensor:
    """Mean of the `num_largest` largest values per item of (batch, ...) `squares`, averaged over items."""
    values = squares.flatten(1)
    return values.topk(min(num_largest, values.shape[1]), dim=1, sorted=False).values.mean()
