"""Study 2: ChimeraNet pre-trained by deep clustering on large sets, fine-tuned on tiny ones."""

from sep_pipeline.pipelines.chimera_transfer.pipeline import create_pipeline

__all__ = ["create_pipeline"]
