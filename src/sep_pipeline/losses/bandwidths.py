"""Sizes of the training material by which the terms of the VQ-VAE loss are divided."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from sep_pipeline.errors import ConfigurationError


@dataclass(frozen=True, kw_only=True)
class Bandwidths:
    """Typical size of a stem's audio, measured once on training windows.

    Args:
        l1: Mean absolute sample value.
        l2: Variance of the samples.
        spec: Mean Frobenius norm of the magnitude spectrogram of one window's mono mean.

    Raises:
        ConfigurationError: A value is not finite and positive.
    """

    l1: float
    l2: float
    spec: float

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not (math.isfinite(value) and value > 0):
                raise ConfigurationError(
                    "a bandwidth must be finite and positive",
                    parameter=f"bandwidths.{field.name}",
                    found=value,
                )
