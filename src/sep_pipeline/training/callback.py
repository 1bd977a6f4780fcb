"""How training tells others how it goes, without knowing who listens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Protocol

Status = Literal["finished", "failed", "interrupted"]


class Callback(Protocol):
    """Listens to one training; called in the first process only.

    After a resumption the scalars since the last checkpoint come a second time, with the same steps and
    values.
    """

    def on_scalars(self, step: int, scalars: Mapping[str, float]) -> None:
        """Receive losses, gradient norm and learning rate of update number `step`, from 1."""
        ...

    def on_evaluation(self, step: int, scalars: Mapping[str, float]) -> None:
        """Receive the scores of the weights after `step` updates."""
        ...

    def on_checkpoint(self, step: int) -> None:
        """Learn that a checkpoint is about to be written: what came before it will not come again."""
        ...

    def on_end(self, status: Status) -> None:
        """Learn that no more will come; "interrupted" when the user stopped it."""
        ...


class NullCallback:
    """Ignores everything; a base for listeners that want only a part."""

    def on_scalars(self, step: int, scalars: Mapping[str, float]) -> None:
        """Ignore."""

    def on_evaluation(self, step: int, scalars: Mapping[str, float]) -> None:
        """Ignore."""

    def on_checkpoint(self, step: int) -> None:
        """Ignore."""

    def on_end(self, status: Status) -> None:
        """Ignore."""
