"""Wires the leaderboard."""

from __future__ import annotations

from kedro.pipeline import Pipeline, node

from sep_pipeline.configuration.project import ProjectParameters
from sep_pipeline.pipelines import data
from sep_pipeline.pipelines.leaderboard import nodes

NAME = "leaderboard"


def create_pipeline(configuration: ProjectParameters) -> Pipeline:
    """All methods on the test songs of study 1's data set, with its upstream.

    Trained separators are looked for on disk; nothing is trained here.
    """
    test_set = configuration.jukebox_transfer.data
    store = f"{test_set.name}.stem_store"
    return data.create_pipeline(test_set, "jukebox_transfer.data") + Pipeline(
        [
            node(
                nodes.score_all_methods,
                inputs=[
                    store,
                    "params:jukebox_transfer.data.stems",
                    f"params:{NAME}",
                    "params:execution",
                    "params:processes",
                ],
                outputs=f"{NAME}.methods",
                name="score_all_methods",
                namespace="scores",
            ),
            node(
                nodes.rank_methods,
                inputs=[f"{NAME}.methods", store, f"params:{NAME}", f"{NAME}.mlflow_runs"],
                outputs=[
                    f"{NAME}.scores",
                    f"{NAME}.table_1",
                    f"{NAME}.table_1_markdown",
                    f"{NAME}.result_text",
                    f"{NAME}.figure_ranking",
                ],
                name="rank_methods",
                namespace="tables",
            ),
        ]
    )
