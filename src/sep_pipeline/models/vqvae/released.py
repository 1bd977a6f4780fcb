"""Level 0 of the released three-level Jukebox checkpoint as weights of the VQ-VAE here, and the way back."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from sep_pipeline.errors import CheckpointMismatchError
from sep_pipeline.models.vqvae.config import VQVAEConfig
from sep_pipeline.models.vqvae.network import VQVAE
from sep_pipeline.models.weights import load_torch_file

logger = logging.getLogger(__name__)

_ENCODER = "encoders.0.level_blocks.0.model"
_DECODER = "decoders.0.level_blocks.0.model"
_CODES = "bottleneck.level_blocks.0.k"
_REPLICA_PREFIX = "module."
_MAX_NAMES_IN_MESSAGE = 5


@dataclass(frozen=True)
class ReleasedReport:
    """What became of the entries of a released checkpoint.

    Args:
        num_loaded: Tensors taken over, 211 for the full-size network.
        ignored: Names present in the file and not used, such as the other levels.
    """

    num_loaded: int
    ignored: tuple[str, ...]


def load_released_level_zero(path: Path, config: VQVAEConfig) -> tuple[dict[str, Tensor], ReleasedReport]:
    """Read the bottom level of a released checkpoint.

    The file is a pickled mapping whose entry `model` is the state dict, or that state dict itself; names may
    begin with `module.`. Nothing but tensors is unpickled. The file has no codebook statistics, so the result
    leaves the codebook initialised with empty counts: call `Codebook.reset_statistics` before training goes
    on.

    Args:
        path: The checkpoint file.
        config: Shape of the network to load into.

    Returns:
        A complete state dict for `VQVAE(config)`, and what was ignored.

    Raises:
        MissingCheckpointError: There is no such file.
        TruncatedCheckpointError: It does not parse.
        CheckpointMismatchError: Names are missing or shapes differ.
    """
    released = _state_dict_of(load_torch_file(path), path)
    expected = VQVAE(config).state_dict()
    names = released_names(config)
    _check_complete(released, {name: expected[own].shape for own, name in names.items()}, path)
    state = expected | {own: released[name].float() for own, name in names.items()}
    state["codebook.is_initialised"] = torch.tensor(True)
    ignored = tuple(sorted(set(released) - set(names.values())))
    logger.info("took %d tensors from %s, ignored %d", len(names), path, len(ignored))
    return state, ReleasedReport(len(names), ignored)


def released_state_dict(state: Mapping[str, Tensor], config: VQVAEConfig) -> dict[str, Tensor]:
    """The state dict of a `VQVAE(config)` under the names of the released checkpoint, without statistics."""
    return {name: state[own] for own, name in released_names(config).items()}


def released_names(config: VQVAEConfig) -> dict[str, str]:
    """Own name to released name of every stored tensor, in the order of the released state dict."""
    layers = dict(_encoder_layers(config) + _decoder_layers(config))
    layers["decoder.output"] = "decoders.0.out"
    names = {
        f"{own}.{kind}": f"{released}.{kind}"
        for own, released in layers.items()
        for kind in ("weight", "bias")
    }
    return names | {"codebook.codes": _CODES}


def _encoder_layers(config: VQVAEConfig) -> list[tuple[str, str]]:
    layers = []
    for stage in range(config.num_stages):
        layers.append((f"encoder.stages.{stage}.0", f"{_ENCODER}.{stage}.0"))
        for block in range(config.num_blocks):
            layers += _block_layers(
                f"encoder.stages.{stage}.{block + 1}", f"{_ENCODER}.{stage}.1.model.{block}"
            )
    return [*layers, ("encoder.projection", f"{_ENCODER}.{config.num_stages}")]


def _decoder_layers(config: VQVAEConfig) -> list[tuple[str, str]]:
    layers = [("decoder.projection", f"{_DECODER}.0")]
    for stage in range(config.num_stages):
        for block in range(config.num_blocks):
            layers += _block_layers(
                f"decoder.stages.{stage}.{block}", f"{_DECODER}.{stage + 1}.0.model.{block}"
            )
        layers.append((f"decoder.stages.{stage}.{config.num_blocks}", f"{_DECODER}.{stage + 1}.1"))
    return layers


def _block_layers(own: str, released: str) -> list[tuple[str, str]]:
    return [(f"{own}.dilated", f"{released}.model.1"), (f"{own}.pointwise", f"{released}.model.3")]


def _state_dict_of(content: object, path: Path) -> dict[str, Tensor]:
    inner = content.get("model", content) if isinstance(content, Mapping) else content
    if not isinstance(inner, Mapping):
        raise CheckpointMismatchError(
            "the checkpoint holds no state dict", file=path, expected="a mapping", found=type(inner).__name__
        )
    tensors = {name: value for name, value in inner.items() if isinstance(value, Tensor)}
    return {str(name).removeprefix(_REPLICA_PREFIX): value for name, value in tensors.items()}


def _check_complete(released: Mapping[str, Tensor], shapes: Mapping[str, torch.Size], path: Path) -> None:
    missing = [name for name in shapes if name not in released]
    misshaped = [
        f"{name} {tuple(released[name].shape)} instead of {tuple(shape)}"
        for name, shape in shapes.items()
        if name in released and released[name].shape != shape
    ]
    if missing or misshaped:
        raise CheckpointMismatchError(
            f"{len(missing)} tensors are missing and {len(misshaped)} have another shape",
            file=path,
            expected=f"{len(shapes)} tensors of level 0",
            found=_listed("missing", missing) + _listed("misshaped", misshaped),
        )


def _listed(title: str, names: list[str]) -> str:
    if not names:
        return ""
    rest = len(names) - _MAX_NAMES_IN_MESSAGE
    return f"{title}: {', '.join(names[:_MAX_NAMES_IN_MESSAGE])}{f' and {rest} more' if rest > 0 else ''}. "
