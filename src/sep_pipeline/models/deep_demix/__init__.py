"""The networks of the contrastive study: the encoder, what separates with it, and the baseline."""

from __future__ import annotations

from sep_pipeline.models.deep_demix.autoencoder import DeepDemix
from sep_pipeline.models.deep_demix.baseline import BaselineNetwork
from sep_pipeline.models.deep_demix.config import (
    BASELINE_PRESETS,
    ENCODER_PRESETS,
    SAMPLE_RATE_HZ,
    BaselineConfig,
    DeepDemixConfig,
    EncoderConfig,
    MaskNetworkConfig,
    baseline_preset,
    encoder_preset,
)
from sep_pipeline.models.deep_demix.encoder import Encoder
from sep_pipeline.models.deep_demix.mask_network import EmbeddingMaskNetwork
from sep_pipeline.models.deep_demix.networks import (
    MaskModel,
    MaskNetwork,
    load_pretrained_encoder,
    mask_network,
    mask_network_preset,
)

__all__ = [
    "BASELINE_PRESETS",
    "ENCODER_PRESETS",
    "SAMPLE_RATE_HZ",
    "BaselineConfig",
    "BaselineNetwork",
    "DeepDemix",
    "DeepDemixConfig",
    "EmbeddingMaskNetwork",
    "Encoder",
    "EncoderConfig",
    "MaskModel",
    "MaskNetwork",
    "MaskNetworkConfig",
    "baseline_preset",
    "encoder_preset",
    "load_pretrained_encoder",
    "mask_network",
    "mask_network_preset",
]
