"""Trained separators run over whole songs: folders on disk, chunked inference, refinement and floors."""

from __future__ import annotations

from sep_pipeline.separation.card import SeparatorCard, read_card
from sep_pipeline.separation.floors import fit_mixture_scales, scaled_mixture, zero_estimates
from sep_pipeline.separation.interface import Separator
from sep_pipeline.separation.separator import load_separator, save_separator, separate
from sep_pipeline.separation.wiener import WienerConfig, mixture_consistency, wiener_refine

__all__ = [
    "Separator",
    "SeparatorCard",
    "WienerConfig",
    "fit_mixture_scales",
    "load_separator",
    "mixture_consistency",
    "read_card",
    "save_separator",
    "scaled_mixture",
    "separate",
    "wiener_refine",
    "zero_estimates",
]
