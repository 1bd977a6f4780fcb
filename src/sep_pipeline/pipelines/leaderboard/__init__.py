"""All methods on one test set."""

from sep_pipeline.pipelines.leaderboard.pipeline import create_pipeline

__all__ = ["create_pipeline"]
