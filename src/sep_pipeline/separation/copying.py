"""Copies of trained separators under a name and licence of their own, in half the size if wanted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from sep_pipeline.files import write_text
from sep_pipeline.models.weights import load_weights, save_weights
from sep_pipeline.separation.card import CARD_NAME, SeparatorCard, card_text, read_card

HALF = "matrices in 16 bits"
"""What the card's metadata say of weights in half precision, under `weights_precision`."""


def halved(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights of which matrices and kernels have half precision.

    Vectors stay as they are: biases and statistics take no room, and statistics can lie outside the range of 16 bits.

    Args:
        state: Tensors by name.

    Returns:
        The same names; float16 where a floating-point tensor has two axes or more and fits into its range.
    """
    return {name: tensor.half() if _fits_in_half(tensor) else tensor for name, tensor in state.items()}


def _fits_in_half(tensor: Tensor) -> bool:
    if tensor.ndim < 2 or not tensor.is_floating_point():
        return False
    return bool(tensor.abs().max() <= torch.finfo(torch.float16).max) if tensor.numel() else True


def copy_separator(
    source: Path,
    target: Path,
    *,
    name: str,
    is_half: bool,
    licence: str | None = None,
) -> SeparatorCard:
    """Write a separator's card and weights into a folder that exists.

    Args:
        source: A separator folder.
        target: Where the copy goes; files of the same names are replaced.
        name: Name of the copy, shown in tables.
        is_half: Whether to store matrices in half precision; they compute as before.
        licence: Licence of the weights; None keeps that of the card.

    Returns:
        The card of the copy.

    Raises:
        CheckpointError: The card or the weights cannot be read.
        StorageError: The folder is not writable or the disk is full.
    """
    card = read_card(source)
    precision = {"weights_precision": HALF} if is_half else {}
    copy = replace(
        card,
        name=name,
        licence=licence or card.licence,
        metadata={**card.metadata, **precision},
    )
    for file_name in dict.fromkeys(card.weights.values()):
        state, text = load_weights(source / file_name)
        save_weights(target / file_name, halved(state) if is_half else state, metadata={**text, "name": name})
    write_text(target / CARD_NAME, card_text(copy))
    return copy


def weights_megabytes(folder: Path) -> float:
    """Size of all weights files of a separator folder, in MB of 10^6 bytes."""
    return sum((folder / file).stat().st_size for file in set(read_card(folder).weights.values())) / 1e6
