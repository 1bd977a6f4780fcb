"""Study 4: Open-Unmix, its grid of sizes and budgets, and the unidirectional model against the bidirectional."""

from sep_pipeline.pipelines.open_unmix.pipeline import create_pipeline

__all__ = ["create_pipeline"]
