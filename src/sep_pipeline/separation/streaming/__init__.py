"""Separation while the music still comes in: unidirectional Open-Unmix with explicit state, hop by hop."""

from __future__ import annotations

from sep_pipeline.separation.streaming.loading import load_streaming_separator
from sep_pipeline.separation.streaming.products import PRECISIONS
from sep_pipeline.separation.streaming.reference import reference_separate
from sep_pipeline.separation.streaming.separator import StreamingSeparator
from sep_pipeline.separation.streaming.state import StreamState

__all__ = [
    "PRECISIONS",
    "StreamState",
    "StreamingSeparator",
    "load_streaming_separator",
    "reference_separate",
]
