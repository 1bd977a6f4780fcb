"""Weights on disk: safetensors files that are complete or absent, and strict loading into a module."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from sep_pipeline.errors import CheckpointMismatchError, MissingCheckpointError, TruncatedCheckpointError
from sep_pipeline.files import written_aside

_MAX_NAMES_IN_MESSAGE = 5


def save_weights(path: Path, state_dict: Mapping[str, Tensor], *, metadata: Mapping[str, str]) -> None:
    """Write tensors and text to a safetensors file that appears only when complete.

    Args:
        path: The file to write.
        state_dict: Tensors by name, on any device; shared storage is copied.
        metadata: Texts kept in the file's header, such as the configuration as JSON.

    Raises:
        StorageError: The folder is not writable or the disk is full.
    """
    tensors = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in state_dict.items()}
    with written_aside(path) as aside:
        save_file(tensors, aside, metadata=dict(metadata))


def load_weights(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Read a safetensors file onto the CPU.

    Returns:
        The tensors by name, and the header's texts.

    Raises:
        MissingCheckpointError: There is no such file.
        TruncatedCheckpointError: The file does not parse or ends early.
    """
    _require_file(path)
    try:
        with safe_open(path, framework="pt", device="cpu") as stored:
            tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118
            return tensors, dict(stored.metadata() or {})
    except SafetensorError as error:
        raise TruncatedCheckpointError(
            "the weights file does not parse", file=path, expected="a complete safetensors file", found=error
        ) from error


def load_torch_file(path: Path) -> Any:
    """Read a file written by `torch.save`, unpickling tensors and plain containers only.

    Raises:
        MissingCheckpointError: There is no such file.
        TruncatedCheckpointError: The file does not parse, or holds something other than tensors and
            containers.
    """
    _require_file(path)
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, EOFError, pickle.UnpicklingError, OSError, ValueError, KeyError) as error:
        raise TruncatedCheckpointError(
            "the checkpoint does not parse",
            file=path,
            expected="a complete file of tensors",
            found=str(error).splitlines()[0] if str(error) else type(error).__name__,
        ) from error


def load_into(module: nn.Module, state: Mapping[str, Tensor], *, file: Path | str) -> None:
    """Load `state` into `module`, demanding the same names and shapes.

    Args:
        module: The module to fill.
        state: Tensors by name.
        file: Where `state` came from, for the message.

    Raises:
        CheckpointMismatchError: Names are missing or superfluous, or shapes differ; `module` is left
            unchanged.
    """
    wanted = module.state_dict()
    problems = [f"missing {name}" for name in wanted if name not in state]
    problems += [f"superfluous {name}" for name in state if name not in wanted]
    problems += [
        f"{name} is {tuple(state[name].shape)} instead of {tuple(tensor.shape)}"
        for name, tensor in wanted.items()
        if name in state and state[name].shape != tensor.shape
    ]
    if problems:
        rest = len(problems) - _MAX_NAMES_IN_MESSAGE
        listed = ", ".join(problems[:_MAX_NAMES_IN_MESSAGE]) + (f" and {rest} more" if rest > 0 else "")
        raise CheckpointMismatchError(
            "the weights do not fit the model", file=file, expected=f"{len(wanted)} tensors", found=listed
        )
    module.load_state_dict(dict(state), strict=True)


def _require_file(path: Path) -> None:
    if not path.is_file():
        raise MissingCheckpointError("there is no weights file", file=path)
