"""Wires the separation of songs of one's own."""

from __future__ import annotations

from kedro.pipeline import Pipeline, node

from sep_pipeline.configuration.project import ProjectParameters
from sep_pipeline.pipelines.separate import nodes

NAME = "separate"


def create_pipeline(_configuration: ProjectParameters) -> Pipeline:
    """One node, which looks for songs and separators on disk; nothing is trained here."""
    return Pipeline(
        [
            node(
                nodes.separate_own_songs,
                inputs=[f"params:{NAME}", "params:execution", "params:processes"],
                outputs=f"{NAME}.stems",
                name="separate_own_songs",
                namespace=NAME,
            )
        ]
    )
