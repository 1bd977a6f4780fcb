"""Checks that configurations of models make of themselves."""

from __future__ import annotations

from typing import Protocol

from sep_pipeline.errors import ConfigurationError


class Require(Protocol):
    """Refuses a parameter that is not valid, in the words of one kind of model."""

    def __call__(self, is_valid: bool, name: str, expected: object, found: object) -> None:
        """Raise a `ConfigurationError` unless the parameter of this name is valid."""
        ...


def require_valid(problem: str, is_valid: bool, name: str, expected: object, found: object) -> None:
    """Refuse a parameter that is not valid; with the problem given beforehand it is a `Require`.

    Raises:
        ConfigurationError: It is not valid.
    """
    if not is_valid:
        raise ConfigurationError(problem, parameter=name, expected=expected, found=found)


def check_counts(require: Require, config: object, *names: str) -> None:
    """Demand at least 1 of the attributes of these names."""
    for name in names:
        require(getattr(config, name) >= 1, name, "at least 1", getattr(config, name))


def check_transform(require: Require, window_length: int, hop_length: int) -> None:
    """Demand what `mask_spectrogram.TransformSizes` says of its lengths."""
    window, hop = window_length, hop_length
    fits = hop >= 1 and window >= 2 * hop and window % hop == 0 and window % 2 == 0
    require(fits, "window_length, hop_length", "an even multiple, at least twice", (window, hop))
