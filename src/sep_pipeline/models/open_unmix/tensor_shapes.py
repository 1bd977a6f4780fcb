"""What the tensors of a foreign Open-Unmix state dict say about the model they belong to."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from sep_pipeline.errors import CheckpointMismatchError, ConfigurationError
from sep_pipeline.models.open_unmix.config import OpenUnmixConfig, SpectrogramConfig
from sep_pipeline.models.open_unmix.network import OpenUnmix

_MAX_NAMES_IN_MESSAGE = 5


def read_config(released: Mapping[str, Tensor], hop_length: int | None, file: Path) -> OpenUnmixConfig:
    """Shape of the model.

    Args:
        released: The state dict; further names do not matter.
        hop_length: Distance between frames in samples, of which the tensors know nothing; None takes a quarter
            of the transform.
        file: Where it came from, for messages.

    Raises:
        CheckpointMismatchError: A tensor that tells the shape is missing, or no model has such tensors.
    """
    num_bins = _num_bins_of(released, file)
    (num_input_bins,) = _shape(released, "input_mean", 1, file)
    hidden_size, _ = _shape(released, "fc1.weight", 2, file)
    outputs, _ = _shape(released, "fc3.weight", 2, file)
    num_layers = 0
    while f"lstm.weight_ih_l{num_layers}" in released:
        num_layers += 1
    n_fft = 2 * (num_bins - 1)
    try:
        return OpenUnmixConfig(
            spectrogram=SpectrogramConfig(n_fft=n_fft, hop_length=hop_length or n_fft // 4),
            num_channels=outputs // num_bins,
            hidden_size=hidden_size,
            num_layers=num_layers,
            is_unidirectional="lstm.weight_ih_l0_reverse" not in released,
            num_input_bins=num_input_bins,
        )
    except ConfigurationError as error:
        raise CheckpointMismatchError(
            "no Open-Unmix model has tensors of these shapes", file=file, found=error
        ) from error


def checked_state(
    released: Mapping[str, Tensor], config: OpenUnmixConfig, file: Path
) -> tuple[dict[str, Tensor], tuple[str, ...]]:
    """Take the model's tensors out of a foreign state dict.

    Returns:
        A complete state dict, float32, and the names that were left.

    Raises:
        CheckpointMismatchError: Names are missing or shapes differ.
    """
    with torch.device("meta"):
        expected = OpenUnmix(config).state_dict()
    problems = [f"missing {name}" for name in expected if name not in released]
    problems += [
        f"{name} is {tuple(released[name].shape)} instead of {tuple(wanted.shape)}"
        for name, wanted in expected.items()
        if name in released and released[name].shape != wanted.shape
    ]
    if problems:
        rest = len(problems) - _MAX_NAMES_IN_MESSAGE
        raise CheckpointMismatchError(
            "the checkpoint is not that of an Open-Unmix model",
            file=file,
            expected=f"{len(expected)} tensors",
            found=", ".join(problems[:_MAX_NAMES_IN_MESSAGE]) + (f" and {rest} more" if rest > 0 else ""),
        )
    state = {name: released[name].to(wanted.dtype) for name, wanted in expected.items()}
    return state, tuple(sorted(set(released) - set(expected)))


def _num_bins_of(released: Any, file: Path) -> int:
    """Bins of the mask, if this is a state dict at all."""
    if not isinstance(released, Mapping):
        raise CheckpointMismatchError(
            "the checkpoint holds no state dict",
            file=file,
            expected="a mapping of tensors",
            found=type(released).__name__,
        )
    return _shape(released, "output_mean", 1, file)[0]


def _shape(released: Mapping[str, Tensor], name: str, num_axes: int, file: Path) -> tuple[int, ...]:
    found = released.get(name)
    if not isinstance(found, Tensor) or found.ndim != num_axes:
        raise CheckpointMismatchError(
            f"the checkpoint has no usable {name}",
            file=file,
            expected=f"a tensor with {num_axes} axes",
            found=tuple(found.shape) if isinstance(found, Tensor) else found,
        )
    return tuple(found.shape)
