"""Songs of one's own into files of their stems."""

from sep_pipeline.pipelines.separate.pipeline import create_pipeline

__all__ = ["create_pipeline"]
