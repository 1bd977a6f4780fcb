"""Configurations of models from the plain values that a card or a header of weights holds."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, get_type_hints

from sep_pipeline.errors import ConfigurationError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    Config = TypeVar("Config", bound=DataclassInstance)


def config_of_values(kind: type[Config], values: Mapping[str, Any]) -> Config:
    """Make a configuration of plain values, as `dataclasses.asdict` and JSON leave them.

    Args:
        kind: The dataclass to make.
        values: Values by name; sequences may be nested, and a mapping stands for a dataclass inside. Names may be left
            out if they have defaults.

    Raises:
        ConfigurationError: A name is unknown or missing, or a value is out of range.
    """
    known = [field.name for field in dataclasses.fields(kind)]
    if unknown := sorted(set(values) - set(known)):
        raise ConfigurationError(
            "unknown model parameters", parameter="config", expected=", ".join(known), found=unknown
        )
    types = get_type_hints(kind)
    try:
        return kind(**{name: _value(types[name], value) for name, value in values.items()})
    except TypeError as error:
        raise ConfigurationError(
            "the model parameters are not complete or of another kind", parameter="config", found=error
        ) from error


def _value(kind: Any, value: Any) -> Any:
    if isinstance(kind, type) and dataclasses.is_dataclass(kind) and isinstance(value, Mapping):
        return config_of_values(kind, value)
    return _as_tuples(value)


def _as_tuples(value: Any) -> Any:
    return tuple(_as_tuples(entry) for entry in value) if isinstance(value, list | tuple) else value
