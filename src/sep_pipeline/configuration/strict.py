"""The base of all parameter models, and Pydantic's complaints in the project's own words."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, ValidationInfo

from sep_pipeline.errors import ConfigurationError


class Strict(BaseModel):
    """A frozen block of parameters that refuses unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


Parameters = TypeVar("Parameters", bound=Strict)


def from_project(path: Path, info: ValidationInfo) -> Path:
    """A path relative to the project folder that the context of the validation names, if it names one."""
    base = (info.context or {}).get("project_path")
    expanded = path.expanduser()
    return expanded if base is None or expanded.is_absolute() else Path(base) / expanded


ProjectPath = Annotated[Path, AfterValidator(from_project)]
"""A path that may be given relative to the project folder."""

WithoutEffect: Any = Field(json_schema_extra={"affects_results": False})
"""Marks a field that changes how the work is done but no number; fingerprints leave it out."""


def parse(
    model: type[Parameters], values: Mapping[str, Any], *, name: str = "", project_path: Path | None = None
) -> Parameters:
    """Check `values` against `model`.

    Args:
        model: The parameter model.
        values: Plain nested values as read from YAML.
        name: Dotted name of the block, put before the names in errors.
        project_path: What relative paths start from.

    Raises:
        ConfigurationError: A key is unknown (with the nearest known names), missing, or has a wrong value.
    """
    require_block(values, name)
    try:
        return model.model_validate(values, context={"project_path": project_path})
    except ValidationError as error:
        raise _in_our_words(error, model, name) from None
    except ConfigurationError as error:
        raise _with_whole_name(error, values, name) from None


def require_block(values: object, name: str) -> None:
    """Refuse what is no block of named values.

    Raises:
        ConfigurationError: `values` is a number, a text, a list or nothing.
    """
    if not isinstance(values, Mapping):
        raise ConfigurationError(
            "this must be a block of parameters",
            parameter=name,
            expected="names with values",
            found=repr(values),
        )


def require_known(names: Iterable[object], known: Collection[str], block: str = "") -> None:
    """Refuse a name that is not among the known ones.

    Args:
        names: The names given.
        known: The names that exist.
        block: Dotted name of the block, for the error.

    Raises:
        ConfigurationError: It shows the first unknown name and the nearest known ones.
    """
    for name in names:
        if name not in known:
            nearest = difflib.get_close_matches(str(name), known, n=3, cutoff=0.5)
            raise ConfigurationError(
                "unknown parameter",
                parameter=f"{block}.{name}" if block else str(name),
                expected=f"one of {', '.join(nearest or sorted(known))}",
                found=name,
            )


def _in_our_words(error: ValidationError, model: type[Strict], name: str) -> ConfigurationError:
    first = error.errors()[0]
    # A union adds the names of its alternatives, such as literal['shipped'], which no file has.
    path = [str(part) for part in first["loc"] if re.fullmatch(r"[\w.+-]+", str(part))]
    dotted = ".".join([*([name] if name else []), *path])
    if first["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
        try:
            require_known(path[-1:], _known_names(model, path[:-1]), dotted.rpartition(".")[0])
        except ConfigurationError as unknown:
            return unknown
    found = None if first["type"] == "missing" else repr(first["input"])
    problem = first["msg"].removeprefix("Value error, ")
    return ConfigurationError(problem[0].lower() + problem[1:], parameter=dotted, found=found)


def _with_whole_name(error: ConfigurationError, values: Mapping[str, Any], name: str) -> ConfigurationError:
    """The complaint of a block that does not know where it stands, with the dotted name from the top."""
    for dotted, value in _leaves(values, name):
        is_named = error.parameter is not None and f".{dotted}".endswith(f".{error.parameter}")
        if is_named and value == error.found:
            return type(error)(error.problem, parameter=dotted, expected=error.expected, found=error.found)
    return error


def _leaves(values: Mapping[str, Any], name: str) -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        dotted = f"{name}.{key}" if name else str(key)
        if isinstance(value, Mapping):
            yield from _leaves(value, dotted)
        else:
            yield dotted, tuple(value) if isinstance(value, list) else value


def _known_names(model: Any, path: list[str]) -> list[str]:
    """Names of the fields of the block at `path` below `model`."""
    for part in path:
        fields = _fields(model)
        if part not in fields:
            break
        model = fields[part]
    return list(_fields(model))


def _fields(model: Any) -> dict[str, Any]:
    for candidate in (model, *getattr(model, "__args__", ())):
        if hasattr(candidate, "model_fields"):
            return {name: info.annotation for name, info in candidate.model_fields.items()}
        if hasattr(candidate, "__dataclass_fields__"):
            return {name: item.type for name, item in candidate.__dataclass_fields__.items()}
    return {}
