"""Training losses: each a function of prediction and target that gives named scalars."""

from __future__ import annotations

from sep_pipeline.losses.bandwidths import Bandwidths
from sep_pipeline.losses.embedding import EmbeddingLossConfig, embedding_loss
from sep_pipeline.losses.sources import (
    SourceLossConfig,
    source_losses,
    source_measures,
    study_resolution,
)
from sep_pipeline.losses.spectral import (
    MULTISPECTRAL_RESOLUTIONS,
    SPECTRAL_RESOLUTION,
    Resolution,
    magnitudes,
    multispectral_distance,
    spectral_convergence,
    spectral_distance,
)
from sep_pipeline.losses.vqvae import VQVAELossConfig, vqvae_loss
from sep_pipeline.losses.waveform import largest_squares, mean_absolute, mean_square

__all__ = [
    "MULTISPECTRAL_RESOLUTIONS",
    "SPECTRAL_RESOLUTION",
    "Bandwidths",
    "EmbeddingLossConfig",
    "Resolution",
    "SourceLossConfig",
    "VQVAELossConfig",
    "embedding_loss",
    "largest_squares",
    "magnitudes",
    "mean_absolute",
    "mean_square",
    "multispectral_distance",
    "source_losses",
    "source_measures",
    "spectral_convergence",
    "spectral_distance",
    "study_resolution",
    "vqvae_loss",
]
