"""ChimeraNet of the transfer study: configuration, spectrograms, network and pre-trained weights."""

from __future__ import annotations

from sep_pipeline.models.chimera.config import CHIMERA_PRESETS, SAMPLE_RATE_HZ, ChimeraConfig, preset
from sep_pipeline.models.chimera.network import ChimeraNet, Freeze, decibels
from sep_pipeline.models.chimera.pretrained import load_all_but_mask_head, load_nussl_checkpoint
from sep_pipeline.models.chimera.spectrogram import magnitudes, spectrum, waveform

__all__ = [
    "CHIMERA_PRESETS",
    "SAMPLE_RATE_HZ",
    "ChimeraConfig",
    "ChimeraNet",
    "Freeze",
    "decibels",
    "load_all_but_mask_head",
    "load_nussl_checkpoint",
    "magnitudes",
    "preset",
    "spectrum",
    "waveform",
]
