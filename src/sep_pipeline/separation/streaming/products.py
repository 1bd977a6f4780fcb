"""Products with fixed matrices: plain float32, weights of 16 bits, weights of 8 bits.

One frame at a time means matrix times vector, whose cost is that of reading the matrix. Fewer bits per weight
therefore save time in proportion, on one thread too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

from sep_pipeline.errors import ConfigurationError

INT8_MAX = 127


class Product(Protocol):
    """Matrices side by side, one per target, each of which multiplies frames of its own."""

    def __call__(self, rows: Tensor, out: Tensor) -> None:
        """Write the products and the biases into `out`.

        Args:
            rows: float32, (target, frame, input), contiguous.
            out: float32, (target, frame, output).
        """
        ...

    def add(self, rows: Tensor, out: Tensor) -> None:
        """Add the products to `out`; the biases are left out."""
        ...


class Float32Product:
    """The matrices as they are.

    Args:
        weight: float32, (target, output, input).
        bias: float32, (target, output).
    """

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        # A batched product of matrices with vectors takes twice the time of one after the other.
        self._weights, self._biases = weight.contiguous().unbind(), bias.unbind()

    def __call__(self, rows: Tensor, out: Tensor) -> None:
        """See `Product`."""
        for weight, bias, given, result in zip(self._weights, self._biases, rows, out, strict=True):
            if len(given) == 1:
                torch.addmv(bias, weight, given[0], out=result[0])
            else:
                torch.addmm(bias, given, weight.t(), out=result)

    def add(self, rows: Tensor, out: Tensor) -> None:
        """See `Product`."""
        for weight, given, result in zip(self._weights, rows, out, strict=True):
            if len(given) == 1:
                result[0].addmv_(weight, given[0])
            else:
                result.addmm_(given, weight.t())


class Float16Product:
    """Weights rounded to 16 bits, sums in float32, by FBGEMM.

    Args:
        weight: float32, (target, output, input).
        bias: float32, (target, output).

    Raises:
        ConfigurationError: This torch has no FBGEMM.
    """

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        if "fbgemm" not in torch.backends.quantized.supported_engines:
            raise ConfigurationError(
                "this torch has no products with 16-bit weights",
                parameter="precision",
                expected="fp32, or torch for x86-64 with FBGEMM",
                found="fp16",
            )
        pack = torch.ops.quantized.linear_prepack_fp16
        self._packed = [pack(matrix.contiguous(), None) for matrix in weight]
        self._biases = bias[:, None]

    def __call__(self, rows: Tensor, out: Tensor) -> None:
        """See `Product`."""
        for packed, bias, given, result in zip(self._packed, self._biases, rows, out, strict=True):
            torch.add(torch.ops.quantized.linear_dynamic_fp16(given, packed), bias, out=result)

    def add(self, rows: Tensor, out: Tensor) -> None:
        """See `Product`."""
        for packed, given, result in zip(self._packed, rows, out, strict=True):
            result.add_(torch.ops.quantized.linear_dynamic_fp16(given, packed))


class Int8Product:
    """Weights rounded to 8 bits with one scale per output, sums in integers.

    What is multiplied is split into two 8-bit parts, a coarse and a fine one, which go through the product as
    two rows: reading the matrix is what costs, so the second row is almost free, and the rounding of the
    weights remains as the only error worth mentioning.

    Args:
        weight: float32, (target, output, input).
        bias: float32, (target, output).

    Raises:
        ConfigurationError: This torch cannot multiply 8-bit integers.
    """

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        if not hasattr(torch, "_int_mm"):
            raise ConfigurationError(
                "this torch has no products with 8-bit weights",
                parameter="precision",
                expected="fp32",
                found="int8",
            )
        steps = _steps(weight)
        rounded = torch.round(weight / steps).to(torch.int8).contiguous()
        self._turned = [matrix.t() for matrix in rounded]
        self._steps, self._biases = steps.transpose(1, 2), bias[:, None]

    def __call__(self, rows: Tensor, out: Tensor) -> None:
        """See `Product`."""
        torch.add(self._products(rows), self._biases, out=out)

    def add(self, rows: Tensor, out: Tensor) -> None:
        """See `Product`."""
        out.add_(self._products(rows))

    def _products(self, rows: Tensor) -> Tensor:
        steps, num_frames = _steps(rows), rows.shape[1]
        scaled = rows / steps
        coarse = scaled.round()
        # What rounding leaves is at most one half, which becomes at most 127.
        fine = scaled.sub_(coarse).mul_(2 * INT8_MAX).round_()
        parts = torch.cat([coarse, fine], dim=1).to(torch.int8)
        sums = torch.stack([torch._int_mm(*pair) for pair in zip(parts, self._turned, strict=True)]).float()
        total = torch.add(sums[:, :num_frames], sums[:, num_frames:], alpha=1 / (2 * INT8_MAX))
        return total.mul_(steps).mul_(self._steps)


def _steps(values: Tensor) -> Tensor:
    """Width of the 8-bit steps of every row, which reach its largest entry."""
    return values.abs().amax(dim=-1, keepdim=True).mul_(1 / INT8_MAX).clamp_(min=torch.finfo().tiny)


_KINDS: dict[str, Callable[[Tensor, Tensor], Product]] = {
    "fp32": Float32Product,
    "fp16": Float16Product,
    "int8": Int8Product,
}

PRECISIONS = tuple(_KINDS)
"""Number formats of the weights; sums, activations and transforms are float32 with all of them."""


def product_kind(precision: str) -> Callable[[Tensor, Tensor], Product]:
    """What makes the products of a precision from weights and biases.

    Raises:
        ConfigurationError: There is no such precision.
    """
    if precision not in _KINDS:
        raise ConfigurationError(
            "unknown precision", parameter="precision", expected=PRECISIONS, found=precision
        )
    return _KINDS[precision]
