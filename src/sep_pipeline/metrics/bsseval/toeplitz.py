"""Multiply by a symmetric block-Toeplitz matrix, and measure how well a system is solved."""

from __future__ import annotations

import torch
from torch import Tensor


def multiply(lags: Tensor, blocks: Tensor) -> Tensor:
    """Multiply the block-Toeplitz matrix with first block row `lags` by blocks, by transforms.

    Args:
        lags: G(0), ..., G(num_taps - 1), (system, num_taps, channel, channel); G(-l) is the transpose of G(l).
        blocks: (system, num_taps, channel, column).

    Returns:
        sum_s G(s - t) blocks(s), of the shape of `blocks`.
    """
    num_taps = lags.shape[1]
    gap = torch.zeros_like(lags[:, :1])
    # As a convolution: G(-u) at u, with the negative u at the end of the circle.
    kernel = torch.cat([lags.mT, gap, lags[:, 1:].flip(1)], dim=1)
    spectrum = torch.fft.rfft(kernel, dim=1) @ torch.fft.rfft(blocks, n=2 * num_taps, dim=1)
    product: Tensor = torch.fft.irfft(spectrum, n=2 * num_taps, dim=1)
    return product[:, :num_taps]


def relative_residual(lags: Tensor, right: Tensor, solution: Tensor) -> Tensor:
    """Norm of what the solution leaves over the norm of the right-hand side.

    Args:
        lags: As in `multiply`.
        right: (system, num_taps, channel, column).
        solution: Of the same shape.

    Returns:
        (system,); 0 where the right-hand side is zero and met.
    """
    left = (right - multiply(lags, solution)).flatten(1).norm(dim=1)
    size = right.flatten(1).norm(dim=1)
    return torch.where(left == 0.0, 0.0, left / size)


def dense(lags: Tensor) -> Tensor:
    """The whole matrix of one system, (num_taps * channel, num_taps * channel).

    Args:
        lags: (num_taps, channel, channel).

    Returns:
        Blocks G(column - row).
    """
    num_taps, size, _ = lags.shape
    both = torch.cat([lags[1:].flip(0).mT, lags])
    tap = torch.arange(num_taps)
    blocks = both[tap[None, :] - tap[:, None] + num_taps - 1]
    return blocks.permute(0, 2, 1, 3).reshape(num_taps * size, num_taps * size)
