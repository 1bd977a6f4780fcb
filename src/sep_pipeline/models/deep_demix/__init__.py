"""The networks of the contrastive study: baseline, encoder and autoencoder, with their spectrograms."""

from __future__ import annotations

from sep_pipeline.models.deep_demix.autoencoder import DeepDemix, load_pretrained_encoder
from sep_pipeline.models.deep_demix.baseline import BaselineNetwork
from sep_pipeline.models.deep_demix.config import (
    BASELINE_PRESETS,
    ENCODER_PRESETS,
    SAMPLE_RATE_HZ,
    BaselineConfig,
    DeepDemixConfig,
    EncoderConfig,
    autoencoder_preset,
    baseline_preset,
    config_from,
    encoder_preset,
)
from sep_pipeline.models.deep_demix.encoder import Encoder
from sep_pipeline.models.deep_demix.spectrogram import magnitudes, spectrum, stem_magnitudes, waveform

__all__ = [
    "BASELINE_PRESETS",
    "ENCODER_PRESETS",
    "SAMPLE_RATE_HZ",
    "BaselineConfig",
    "BaselineNetwork",
    "DeepDemix",
    "DeepDemixConfig",
    "Encoder",
    "EncoderConfig",
    "autoencoder_preset",
    "baseline_preset",
    "config_from",
    "encoder_preset",
    "load_pretrained_encoder",
    "magnitudes",
    "spectrum",
    "stem_magnitudes",
    "waveform",
]
