"""Artifacts that exist only when they were made from the present inputs, parameters and code.

Every persisted artifact has a side file, written last, that holds the fingerprint it was made under. Before a
run the fingerprint hook tells each dataset the fingerprint it should have; `exists()` then answers "is it
fresh", which is what Kedro's `only_missing_outputs` asks.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, Generic, TypeVar

from kedro.io import AbstractDataset, DatasetError

from sep_pipeline.errors import SepPipelineError
from sep_pipeline.files import storage_errors, write_text

Saved = TypeVar("Saved")
Loaded = TypeVar("Loaded")


def _with_our_errors(function: Callable[..., Any], kedros: Callable[..., Any]) -> Callable[..., Any]:
    """Kedro's wrapping of `load` or `save`, but this project's errors stay what they are."""

    @wraps(kedros)
    def call(*arguments: Any) -> Any:
        try:
            return kedros(*arguments)
        except DatasetError as error:
            cause = error.__cause__
            if isinstance(cause, SepPipelineError):
                raise cause from cause.__cause__
            raise

    call.__wrapped__ = function
    return call


class ArtifactDataset(AbstractDataset[Saved, Loaded], Generic[Saved, Loaded]):
    """Base of the project's datasets: a file or folder with a fingerprint.

    Subclasses implement `_read(path)` and `_write(path, data)`; the write must leave either the old or the
    new content, never half of it. `_previewer()` gives the function that shows the artifact in Kedro-Viz.

    Args:
        filepath: The file or folder.
        metadata: For viewers (the layer that kedro-viz shows).
    """

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self.path = Path(filepath)
        self.metadata = metadata
        self.expected: str | None = None
        self.recipe: dict[str, str] = {}

    def _read(self, path: Path) -> Loaded:
        raise NotImplementedError

    def _write(self, path: Path, data: Saved) -> None:
        raise NotImplementedError

    def _previewer(self) -> Callable[..., Any]:
        raise NotImplementedError

    def load(self) -> Loaded:
        """Read the artifact, fresh or not."""
        return self._read(self.path)

    def save(self, data: Saved) -> None:
        """Write the artifact, then record the fingerprint it was made under."""
        with storage_errors(self.path):
            self._side_file.unlink(missing_ok=True)
        self._write(self.path, data)
        if self.expected is not None:
            content = {"fingerprint": self.expected, "recipe": self.recipe}
            write_text(self._side_file, json.dumps(content, indent=1) + "\n")

    @property
    def preview(self) -> Callable[..., Any]:
        """What Kedro-Viz calls to show the artifact, if there is such an attribute.

        Raises:
            AttributeError: The artifact is not there yet.
        """
        if not self.path.exists():
            raise AttributeError("nothing to show yet", name="preview", obj=self)
        return self._previewer()

    def statistics(self) -> dict[str, int]:
        """What Kedro-Viz shows below the graph: `file_size` in bytes, and `rows` and `columns` of a table."""
        return {"file_size": self.path.stat().st_size} if self.path.is_file() else {}

    def expect(self, fingerprint: str, recipe: dict[str, str]) -> None:
        """Count the artifact as existing only if it carries `fingerprint`.

        Args:
            fingerprint: Digest of `recipe`.
            recipe: Digest by ingredient (node, code, each parameter and input), kept to explain a redo.
        """
        self.expected = fingerprint
        self.recipe = recipe

    def recorded_fingerprint(self) -> str | None:
        """The fingerprint on disk, or None when the artifact or its side file is missing."""
        recorded = self._recorded()
        return None if recorded is None else str(recorded["fingerprint"])

    def why_stale(self) -> str:
        """Which ingredients differ from those on disk, in words."""
        recorded = self._recorded()
        if recorded is None:
            return "not made yet"
        old, new = recorded.get("recipe", {}), self.recipe
        changed = sorted(name for name in {*old, *new} if old.get(name) != new.get(name))
        return f"changed: {', '.join(changed)}"

    @property
    def _side_file(self) -> Path:
        return self.path.with_name(f".{self.path.name}.fingerprint.json")

    def _recorded(self) -> dict[str, Any] | None:
        if not self.path.exists():
            return None
        try:
            content = json.loads(self._side_file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return content if isinstance(content, dict) and "fingerprint" in content else None

    def _exists(self) -> bool:
        if self.expected is None:
            return self.path.exists()
        return self.recorded_fingerprint() == self.expected

    @classmethod
    def _load_wrapper(cls, load_func: Callable[..., Any]) -> Callable[..., Any]:
        return _with_our_errors(load_func, super()._load_wrapper(load_func))

    @classmethod
    def _save_wrapper(cls, save_func: Callable[..., Any]) -> Callable[..., Any]:
        return _with_our_errors(save_func, super()._save_wrapper(save_func))

    def _describe(self) -> dict[str, Any]:
        return {"filepath": self.path.as_posix()}
