"""The mask networks of the contrastive study by name, and their start from a pre-trained encoder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from torch import Tensor

from sep_pipeline.errors import ConfigurationError
from sep_pipeline.models.config_values import config_of_values
from sep_pipeline.models.deep_demix.autoencoder import DeepDemix
from sep_pipeline.models.deep_demix.baseline import BaselineNetwork
from sep_pipeline.models.deep_demix.config import (
    BaselineConfig,
    DeepDemixConfig,
    MaskNetworkConfig,
    baseline_preset,
    encoder_preset,
)
from sep_pipeline.models.deep_demix.mask_network import EmbeddingMaskNetwork
from sep_pipeline.models.weights import load_into

MaskModel = Literal["baseline", "autoencoder", "mask_network"]
"""Names of the architectures."""

MaskNetwork = BaselineNetwork | DeepDemix | EmbeddingMaskNetwork
MaskConfig = BaselineConfig | DeepDemixConfig | MaskNetworkConfig


def mask_network(model: MaskModel, config: Mapping[str, Any], *, seed: int = 0) -> MaskNetwork:
    """Make a network of a configuration's plain values.

    Args:
        model: Its architecture.
        config: Values of `BaselineConfig`, `DeepDemixConfig` or `MaskNetworkConfig`, see `config_of_values`.
        seed: Seed of the initial weights.

    Raises:
        ConfigurationError: The architecture or a name is unknown, a name is missing, or a value is out of range.
    """
    if model == "baseline":
        return BaselineNetwork(config_of_values(BaselineConfig, config), seed=seed)
    if model == "autoencoder":
        return DeepDemix(config_of_values(DeepDemixConfig, config), seed=seed)
    if model == "mask_network":
        return EmbeddingMaskNetwork(config_of_values(MaskNetworkConfig, config), seed=seed)
    raise ConfigurationError(
        "unknown architecture of the contrastive study",
        parameter="model",
        expected="baseline, autoencoder or mask_network",
        found=model,
    )


def mask_network_preset(model: MaskModel, preset: str, *, num_sources: int, seed: int = 0) -> MaskNetwork:
    """Make a network of a named size, see `encoder_preset`.

    Raises:
        ConfigurationError: The architecture or the preset is unknown.
    """
    if model == "baseline":
        return BaselineNetwork(baseline_preset(preset, num_sources=num_sources), seed=seed)
    return mask_network(model, {"num_sources": num_sources, "encoder": encoder_preset(preset)}, seed=seed)


def load_pretrained_encoder(network: MaskNetwork, state: Mapping[str, Tensor], *, file: Path | str) -> None:
    """Take over a pre-trained encoder whole; what is behind it stays as it is and nothing is frozen.

    Args:
        network: What to fill.
        state: State dict of an `Encoder` of the same configuration.
        file: Where `state` came from, for the message.

    Raises:
        CheckpointMismatchError: A name or shape differs; `network` is left unchanged.
        ConfigurationError: The network has no encoder.
    """
    if isinstance(network, BaselineNetwork):
        raise ConfigurationError("the baseline has no encoder to pre-train", parameter="pretraining")
    load_into(network.encoder, state, file=file)
