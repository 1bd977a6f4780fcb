"""Wires the scoring of a folder of estimates."""

from __future__ import annotations

from kedro.pipeline import Pipeline, node

from sep_pipeline.configuration.project import ProjectParameters
from sep_pipeline.pipelines import data
from sep_pipeline.pipelines.score import nodes

PARAMETERS = "params:score"


def create_pipeline(configuration: ProjectParameters) -> Pipeline:
    """Scores of `score.estimates` against `score.references`, or against study 1's data set with its upstream."""
    score = configuration.score
    study_data = configuration.jukebox_transfer.data
    has_own_references = score.references is not None
    upstream = (
        Pipeline([]) if has_own_references else data.create_pipeline(study_data, "jukebox_transfer.data")
    )
    store = [] if has_own_references else [f"{study_data.name}.stem_store"]
    name = f"score_{score.name}"
    return upstream + Pipeline(
        [
            node(
                nodes.check_estimates,
                inputs=PARAMETERS,
                outputs=f"{name}.inputs_checked",
                name="check_estimates",
                namespace="scores",
            ),
            node(
                nodes.score_estimates,
                inputs=[PARAMETERS, "params:processes", f"{name}.inputs_checked", *store],
                outputs=f"{name}.museval",
                name="score_estimates",
                namespace="scores",
            ),
            node(
                nodes.tabulate,
                inputs=[f"{name}.museval", PARAMETERS],
                outputs=f"{name}.scores",
                name="tabulate_estimates",
                namespace="scores",
            ),
            node(
                nodes.make_table,
                inputs=[f"{name}.scores", PARAMETERS, *store],
                outputs=[f"{name}.table_1", f"{name}.table_1_markdown", f"{name}.result_text"],
                name="make_score_table",
                namespace="tables",
            ),
        ]
    )
