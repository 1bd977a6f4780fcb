"""Open-Unmix: configuration, spectrograms and the recurrent mask model, one per target."""

from __future__ import annotations

from sep_pipeline.models.open_unmix.config import OpenUnmixConfig, SpectrogramConfig
from sep_pipeline.models.open_unmix.network import OpenUnmix, State, require_unidirectional
from sep_pipeline.models.open_unmix.spectrogram import centred, magnitude, spectrum

__all__ = [
    "OpenUnmix",
    "OpenUnmixConfig",
    "SpectrogramConfig",
    "State",
    "centred",
    "magnitude",
    "require_unidirectional",
    "spectrum",
]
