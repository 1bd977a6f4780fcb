"""Refuse what cannot be scored, before any work."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from sep_pipeline.errors import (
    ConfigurationError,
    DataError,
    SilentStemError,
    StemMismatchError,
    TooShortError,
)
from sep_pipeline.metrics.frames import is_silent

Stems = npt.NDArray[np.floating[Any]]

MAX_CHANNELS = 2


def check_settings(choices: dict[str, tuple[str, tuple[str, ...]]], counts: dict[str, int]) -> None:
    """Check named settings.

    Args:
        choices: Parameter to its value and the values it may have.
        counts: Parameter to its value, which must be at least 1.

    Raises:
        ConfigurationError: A setting is out of range.
    """
    for parameter, (value, allowed) in choices.items():
        if value not in allowed:
            raise ConfigurationError("unknown value", parameter=parameter, expected=allowed, found=value)
    for parameter, count in counts.items():
        if count < 1:
            raise ConfigurationError("must be at least 1", parameter=parameter, found=count)


def check_stems(references: Stems, estimates: Stems) -> None:
    """Check signals, (stem, channel, time).

    Raises:
        DataError: Not three axes, no stem, neither 1 nor 2 channels, or samples that are not finite.
        StemMismatchError: The shapes differ.
        TooShortError: There are no samples.
        SilentStemError: The channels of a whole stem sum to zero everywhere, which leaves its scores undefined.
    """
    if references.ndim != 3 or len(references) == 0 or not 1 <= references.shape[1] <= MAX_CHANNELS:
        raise DataError(
            "the references are no stems of one or two channels",
            expected="(stem, channel, time)",
            found=references.shape,
        )
    if references.shape != estimates.shape:
        raise StemMismatchError(
            "references and estimates differ in shape", expected=references.shape, found=estimates.shape
        )
    if references.shape[-1] == 0:
        raise TooShortError("the stems are empty", expected="at least one sample", found=references.shape)
    for name, stems in (("reference", references), ("estimate", estimates)):
        for index, stem in enumerate(stems):
            _check_stem(f"{name} of stem {index}", stem)


def _check_stem(name: str, stem: Stems) -> None:
    """The sum is finite unless a sample is not or the sum overflows; only then every sample is looked at."""
    if not np.isfinite(np.sum(stem)) and not np.isfinite(stem).all():
        raise DataError(f"the {name} has samples that are not finite", found=f"{_num_bad(stem)} samples")
    if is_silent(stem):
        raise SilentStemError(f"the {name} is silent throughout", expected="channels that do not sum to zero")


def _num_bad(stem: Stems) -> int:
    return int(np.sum(~np.isfinite(stem)))
