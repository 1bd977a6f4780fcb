"""Starting a ChimeraNet from a trained one with other sources, or from a checkpoint of nussl."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from sep_pipeline.errors import CheckpointMismatchError
from sep_pipeline.models.chimera.network import ChimeraNet
from sep_pipeline.models.weights import load_into, load_torch_file

_MASK_PREFIX = "mask."
_COPY_PREFIX = "layers."


def load_all_but_mask_head(network: ChimeraNet, state: Mapping[str, Tensor], *, file: Path | str) -> None:
    """Take over a trained network and keep the own, new mask head, whatever the sources were.

    Args:
        network: What to fill.
        state: State dict of the trained network; its mask head is ignored.
        file: Where `state` came from, for the message.

    Raises:
        CheckpointMismatchError: Any other name or shape differs; `network` is left unchanged.
    """
    body = {name: tensor for name, tensor in state.items() if not name.startswith(_MASK_PREFIX)}
    own_head = {
        name: tensor for name, tensor in network.state_dict().items() if name.startswith(_MASK_PREFIX)
    }
    load_into(network, body | own_head, file=file)


def load_nussl_checkpoint(path: Path) -> dict[str, Tensor]:
    """Read a ChimeraNet that nussl trained.

    The file is a pickled mapping whose entry `state_dict` holds the tensors, or that mapping itself. Every
    tensor is listed twice, once behind `layers.`. Nothing but tensors and plain containers is unpickled.

    Args:
        path: The checkpoint file.

    Returns:
        A state dict for a `ChimeraNet` of the same sizes.

    Raises:
        MissingCheckpointError: There is no such file.
        TruncatedCheckpointError: It does not parse.
        CheckpointMismatchError: It holds no tensors, or two copies of one differ.
    """
    content = load_torch_file(path)
    inner = content.get("state_dict", content) if isinstance(content, Mapping) else content
    if not isinstance(inner, Mapping) or not all(isinstance(value, Tensor) for value in inner.values()):
        raise CheckpointMismatchError(
            "the checkpoint holds no state dict",
            file=path,
            expected="a mapping of names to tensors",
            found=type(inner).__name__,
        )
    state: dict[str, Tensor] = {}
    for name, tensor in inner.items():
        own = str(name).removeprefix(_COPY_PREFIX)
        if not torch.equal(state.setdefault(own, tensor), tensor):
            raise CheckpointMismatchError(
                "the two copies of a tensor differ", file=path, expected="equal tensors", found=own
            )
    return state
