"""The training that makes the weights which the `pretrained` arm of study 1 starts from."""

from sep_pipeline.pipelines.jukebox_pretrain.pipeline import create_pipeline

__all__ = ["create_pipeline"]
