"""Scores of any folder of estimates."""

from sep_pipeline.pipelines.score.pipeline import create_pipeline

__all__ = ["create_pipeline"]
