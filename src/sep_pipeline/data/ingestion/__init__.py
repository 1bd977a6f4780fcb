"""Ingestion: a data set of any layout becomes a stem store with a manifest and a fault list."""

from sep_pipeline.data.ingestion.config import StoreConfig
from sep_pipeline.data.ingestion.splits import SplitConfig
from sep_pipeline.data.ingestion.store import ingest

__all__ = ["SplitConfig", "StoreConfig", "ingest"]
