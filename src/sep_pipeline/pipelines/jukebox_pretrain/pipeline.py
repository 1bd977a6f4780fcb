"""Wires pre-training: other songs and other instruments in, weights and a model card out."""

from __future__ import annotations

from kedro.pipeline import Pipeline, node

from sep_pipeline.configuration.project import ProjectParameters
from sep_pipeline.pipelines import data, jukebox_transfer
from sep_pipeline.pipelines.jukebox_pretrain import nodes

NAME = "jukebox_pretrain"


def create_pipeline(configuration: ProjectParameters) -> Pipeline:
    """Pre-training with its upstream; the study's own test songs judge the result."""
    store = configuration.jukebox_pretrain.data
    held_out = configuration.jukebox_transfer.data
    training = [
        node(
            nodes.measure_bandwidths,
            inputs=[f"{store.name}.stem_store", f"params:{NAME}"],
            outputs=f"{NAME}.bandwidths",
            name="measure_bandwidths",
            namespace=NAME,
        ),
        node(
            nodes.train_vqvae,
            inputs={
                "stem_store": f"{store.name}.stem_store",
                "bandwidths": f"{NAME}.bandwidths",
                "parameters": f"params:{NAME}",
                "execution": "params:execution",
                "workspace": f"{NAME}.workspace",
            },
            outputs=[f"{NAME}.weights", f"{NAME}.curves"],
            name="train_vqvae",
            namespace=NAME,
            tags="training",
        ),
        node(
            nodes.judge_weights,
            inputs=[
                f"{NAME}.weights",
                f"{held_out.name}.stem_store",
                f"{store.name}.stem_store",
                f"params:{NAME}",
                "params:execution",
            ],
            outputs=f"{NAME}.judgement",
            name="judge_weights",
            namespace=NAME,
        ),
        node(
            nodes.write_model_card,
            inputs=[f"{NAME}.judgement", f"params:{NAME}"],
            outputs=f"{NAME}.result_text",
            name="write_model_card",
            namespace=NAME,
        ),
    ]
    return (
        data.create_pipeline(store, f"{NAME}.data")
        + jukebox_transfer.create_data_pipeline(configuration)
        + Pipeline(training)
    )
