"""Digest of parameter values: plain containers, dataclasses and Pydantic models."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from sep_pipeline.files import file_digest, tree_digest

WITHOUT_EFFECT = {"affects_results": False}


def digest(value: Any) -> str:
    """Digest of a value, the same in every process.

    Fields of Pydantic models marked `json_schema_extra={"affects_results": False}` (process counts and the
    like) are left out. A `Path` stands for the content behind it.

    Raises:
        TypeError: The value holds something without a canonical form.
    """
    text = json.dumps(_plain(value), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        fields = type(value).model_fields
        kept = (name for name, info in fields.items() if info.json_schema_extra != WITHOUT_EFFECT)
        return {name: _plain(getattr(value, name)) for name in kept}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {item.name: _plain(getattr(value, item.name)) for item in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Path):
        return _content(value)
    if value is None or isinstance(value, str | int | float | bool):
        return value
    raise TypeError(f"no canonical form for {type(value).__name__}: {value!r}")


def _content(path: Path) -> str:
    if path.is_dir():
        return f"folder {tree_digest(path)}"
    return f"file {file_digest(path)}" if path.is_file() else f"absent {path}"
