"""Study 1: transfer learning with a Jukebox VQ-VAE per stem, and its three-arm ablation."""

from sep_pipeline.pipelines.jukebox_transfer.pipeline import create_data_pipeline, create_pipeline

__all__ = ["create_data_pipeline", "create_pipeline"]
