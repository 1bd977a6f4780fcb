"""ChimeraNet of the transfer study: configuration, network and pre-trained weights."""

from __future__ import annotations

from sep_pipeline.models.chimera.config import CHIMERA_PRESETS, SAMPLE_RATE_HZ, ChimeraConfig, preset
from sep_pipeline.models.chimera.network import ChimeraNet, Freeze
from sep_pipeline.models.chimera.pretrained import load_all_but_mask_head, load_nussl_checkpoint

__all__ = [
    "CHIMERA_PRESETS",
    "SAMPLE_RATE_HZ",
    "ChimeraConfig",
    "ChimeraNet",
    "Freeze",
    "load_all_but_mask_head",
    "load_nussl_checkpoint",
    "preset",
]
