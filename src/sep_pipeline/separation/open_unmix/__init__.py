"""Open-Unmix run over whole songs: exact, in bounded memory, with the multichannel Wiener filter."""

from __future__ import annotations

from sep_pipeline.separation.open_unmix.loading import build_open_unmix_separator
from sep_pipeline.separation.open_unmix.separator import OpenUnmixSeparator

__all__ = ["OpenUnmixSeparator", "build_open_unmix_separator"]
