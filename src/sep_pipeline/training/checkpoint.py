"""The files a training leaves in its folder: the state to go on from, and weights kept on the way."""

from __future__ import annotations

import io
import logging
import pickle
from pathlib import Path
from typing import Any

import torch

from sep_pipeline.errors import MissingCheckpointError, TruncatedCheckpointError
from sep_pipeline.files import storage_errors, written_aside
from sep_pipeline.training.result import Weights

logger = logging.getLogger(__name__)

CHECKPOINT_NAME = "checkpoint.pt"
BEST = "best"
_PARSE_ERRORS = (RuntimeError, OSError, EOFError, LookupError, ValueError, TypeError, pickle.UnpicklingError)
_ADVICE = "delete it to train again from the beginning"


class CheckpointFolder:
    """Writes and reads the files of one training; each file is replaced as a whole or not at all.

    The state holds tensors, numbers, texts and containers of them only, so that loading it runs no code.

    Args:
        folder: Where the files lie; made when the first one is written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / CHECKPOINT_NAME

    def save(self, state: dict[str, Any]) -> None:
        """Replace the stored state.

        Raises:
            StorageError: The folder is not writable or the disk is full; the former state is intact.
        """
        # Through memory: torch turns a failed write of its own into an error without the cause.
        buffer = io.BytesIO()
        torch.save(state, buffer)
        _write(self._path, buffer.getbuffer())

    def load(self, identity: str) -> dict[str, Any] | None:
        """Read the stored state.

        Args:
            identity: What the state must belong to.

        Returns:
            The state, or None when there is none of this identity.

        Raises:
            TruncatedCheckpointError: The file does not parse. Files appear only when complete, so it was
                damaged afterwards.
        """
        for leftover in self._folder.glob(".*.partial*"):
            leftover.unlink(missing_ok=True)
        if not self._path.exists():
            return None
        content = io.BytesIO(self._path.read_bytes())
        try:
            state = torch.load(content, map_location="cpu", weights_only=True)
            stored_identity = state["identity"]
        except _PARSE_ERRORS as error:
            raise TruncatedCheckpointError(
                f"the training checkpoint is damaged; {_ADVICE}",
                file=self._path,
                expected="a checkpoint written by this training",
                found=f"{self._path.stat().st_size} bytes that do not parse",
            ) from error
        if stored_identity != identity:
            logger.info("%s belongs to another training and will be replaced", self._path)
            return None
        return dict(state)

    def save_weights(self, name: str, weights: Weights) -> None:
        """Keep a state dict under a name.

        Raises:
            StorageError: The folder is not writable or the disk is full.
        """
        from safetensors.torch import save

        _write(self._weights_path(name), save(weights))

    def load_weights(self, name: str) -> Weights:
        """Read a state dict kept under a name.

        Raises:
            MissingCheckpointError: There is none, although the stored state says that it was kept.
            TruncatedCheckpointError: The file does not parse.
        """
        from safetensors import SafetensorError
        from safetensors.torch import load

        path = self._weights_path(name)
        if not path.exists():
            raise MissingCheckpointError(
                f"kept weights are gone; {self._path.name} beside them belongs to them: {_ADVICE}", file=path
            )
        try:
            return load(path.read_bytes())
        except SafetensorError as error:
            raise TruncatedCheckpointError(
                f"kept weights are damaged; {self._path.name} beside them belongs to them: {_ADVICE}",
                file=path,
                found=str(error),
            ) from error

    def _weights_path(self, name: str) -> Path:
        return self._folder / f"{name}.safetensors"


def snapshot_name(num_updates: int) -> str:
    """Name under which the weights after a number of updates are kept."""
    return f"snapshot_{num_updates}"


def _write(path: Path, content: bytes | memoryview) -> None:
    with written_aside(path) as aside, storage_errors(path), aside.open("wb") as stream:
        stream.write(content)
