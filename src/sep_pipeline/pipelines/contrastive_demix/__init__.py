"""Study 3: an autoencoder for separation whose encoder is pre-trained by contrasts between stems."""

from sep_pipeline.pipelines.contrastive_demix.pipeline import create_pipeline

__all__ = ["create_pipeline"]
