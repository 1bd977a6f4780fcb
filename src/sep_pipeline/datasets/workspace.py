"""Working folders in which a killed training finds its last checkpoint."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset, DatasetError


@dataclass(frozen=True)
class Workspace:
    """Where a node may leave work in progress.

    Attributes:
        folder: The folder; it exists.
        identity: Digest of everything that determines the node's result. Work of another identity is not
            continued.
    """

    folder: Path
    identity: str


class WorkspaceDataset(AbstractDataset[None, Workspace]):
    """A folder for work in progress; no artifact, so it takes no part in fingerprints.

    Args:
        filepath: The folder.
        metadata: For viewers.
    """

    identity: str = "unnamed"

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self._path = Path(filepath)
        self.metadata = metadata

    def load(self) -> Workspace:
        """Make the folder and name the work that belongs in it."""
        self._path.mkdir(parents=True, exist_ok=True)
        return Workspace(self._path, self.identity)

    def save(self, data: None) -> None:  # noqa: ARG002
        """Refuse: nodes write into the folder themselves."""
        raise DatasetError(f"{self._path} is a working folder, not an output")

    def _exists(self) -> bool:
        return True

    def _describe(self) -> dict[str, Any]:
        return {"filepath": self._path.as_posix()}
