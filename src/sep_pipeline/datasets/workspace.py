"""Working folders in which a killed training finds its last checkpoint."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
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
        identities: The same for each node, by its name, where several share the folder.
    """

    folder: Path
    identity: str
    identities: Mapping[str, str] = field(default_factory=dict)

    def of_node(self, name: str, folder_name: str) -> Workspace:
        """The part of one node: a folder of its own below this one, with the identity of its own result."""
        folder = self.folder / folder_name
        folder.mkdir(parents=True, exist_ok=True)
        return Workspace(folder, self.identities.get(name, self.identity))


class WorkspaceDataset(AbstractDataset[None, Workspace]):
    """A folder for work in progress; no artifact, so it takes no part in fingerprints.

    Args:
        filepath: The folder.
        metadata: For viewers.
    """

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self._path = Path(filepath)
        self.metadata = metadata
        self.identity = "unnamed"
        self.identities: dict[str, str] = {}

    def load(self) -> Workspace:
        """Make the folder and name the work that belongs in it."""
        self._path.mkdir(parents=True, exist_ok=True)
        return Workspace(self._path, self.identity, dict(self.identities))

    def use_new_identities(self) -> None:
        """Disown whatever lies in the folder, so that the coming work starts anew."""
        salt = f"/{time.time_ns()}"
        self.identity += salt
        self.identities = {name: identity + salt for name, identity in self.identities.items()}

    def save(self, data: None) -> None:  # noqa: ARG002
        """Refuse: nodes write into the folder themselves."""
        raise DatasetError(f"{self._path} is a working folder, not an output")

    def _exists(self) -> bool:
        return True

    def _describe(self) -> dict[str, Any]:
        return {"filepath": self._path.as_posix()}
