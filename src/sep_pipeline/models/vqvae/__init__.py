"""The mono VQ-VAE of the transfer study: configuration, network, codebook and released weights."""

from __future__ import annotations

from sep_pipeline.models.vqvae.codebook import Codebook, Quantised
from sep_pipeline.models.vqvae.config import VQVAE_PRESETS, VQVAEConfig
from sep_pipeline.models.vqvae.network import VQVAE, Decoder, Encoder, Reconstruction
from sep_pipeline.models.vqvae.precision import PRECISIONS
from sep_pipeline.models.vqvae.released import ReleasedReport, load_released_level_zero

__all__ = [
    "PRECISIONS",
    "VQVAE",
    "VQVAE_PRESETS",
    "Codebook",
    "Decoder",
    "Encoder",
    "Quantised",
    "Reconstruction",
    "ReleasedReport",
    "VQVAEConfig",
    "load_released_level_zero",
]
