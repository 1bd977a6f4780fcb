"""Numbers in which networks compute while they separate; parameters and transforms do not depend on it."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch

from sep_pipeline.errors import ConfigurationError

PRECISIONS = ("fp32", "bf16")


def require_precision(name: str) -> str:
    """Give a precision back if it is known.

    Raises:
        ConfigurationError: `name` is none of `PRECISIONS`.
    """
    if name not in PRECISIONS:
        raise ConfigurationError(
            "unknown compute precision", parameter="precision", expected=PRECISIONS, found=name
        )
    return name


def computing_in(precision: str, device: torch.device) -> AbstractContextManager[object]:
    """Let networks on a device compute in a precision of `PRECISIONS` for the length of a block."""
    return torch.autocast(device.type, torch.bfloat16) if precision == "bf16" else nullcontext()
