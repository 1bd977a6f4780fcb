"""One HTML page per study, with songs to listen to."""

from sep_pipeline.pipelines.report.opening import open_programme
from sep_pipeline.pipelines.report.pipeline import create_pipeline

__all__ = ["create_pipeline", "open_programme"]
