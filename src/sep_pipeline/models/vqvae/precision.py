"""Number formats and memory layouts in which the convolutions can run."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from sep_pipeline.errors import ConfigurationError


@dataclass(frozen=True)
class Precision:
    """How activations are held between the layers.

    Args:
        dtype: Number format of activations and of the weights' working copies.
        is_channels_last: Whether activations are (batch, channel, 1, time) with the channels innermost in
            memory, instead of (batch, channel, time).
    """

    dtype: torch.dtype
    is_channels_last: bool


PRECISIONS: dict[str, Precision] = {
    "fp32": Precision(torch.float32, is_channels_last=False),
    "fp32_channels_last": Precision(torch.float32, is_channels_last=True),
    "bf16": Precision(torch.bfloat16, is_channels_last=True),
}


def precision_named(name: str) -> Precision:
    """Look up a precision.

    Raises:
        ConfigurationError: `name` is none of `PRECISIONS`.
    """
    if name not in PRECISIONS:
        raise ConfigurationError(
            "unknown compute precision", parameter="precision", expected=sorted(PRECISIONS), found=name
        )
    return PRECISIONS[name]
