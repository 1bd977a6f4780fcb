"""The shared left side of every study: MIDI to rendered songs to stem store."""

from sep_pipeline.pipelines.data.pipeline import (
    create_ingestion,
    create_pipeline,
    create_refusal,
    create_rendering,
    refuse_if_incomplete,
)

__all__ = [
    "create_ingestion",
    "create_pipeline",
    "create_refusal",
    "create_rendering",
    "refuse_if_incomplete",
]
