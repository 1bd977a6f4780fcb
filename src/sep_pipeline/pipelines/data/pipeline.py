"""Wires rendering and ingestion of one data set."""

from __future__ import annotations

from kedro.pipeline import Pipeline, node

from sep_pipeline.configuration.data import StoreParameters
from sep_pipeline.errors import UnnamedInputError
from sep_pipeline.pipelines.data.nodes import (
    ingest_folder,
    ingest_rendered_songs,
    render_chorales,
    render_songs,
    write_chorale_midi,
)

REFUSAL = "no_data_set_for_"


def create_pipeline(store: StoreParameters, parameters: str) -> Pipeline:
    """Rendering, where the set is rendered, and ingestion.

    Args:
        store: The data set.
        parameters: Dotted name of `store` among the parameters.
    """
    return create_rendering(store, parameters) + create_ingestion(store, parameters)


def create_rendering(store: StoreParameters, parameters: str) -> Pipeline:
    """MIDI files, or chorales, to `<set>.rendered_songs`; empty for a set that is brought along."""
    if store.rendering is None:
        return Pipeline([])
    has_chorales = store.rendering.chorales is not None
    chorales = f"{store.name}.chorales"
    rendering = node(
        render_chorales if has_chorales else render_songs,
        inputs=[
            *([chorales] if has_chorales else []),
            f"params:{parameters}.rendering",
            "params:processes",
        ],
        outputs=f"{store.name}.rendered_songs",
        name=f"render_{store.name}",
        namespace="render",
        tags="data",
    )
    if not has_chorales:
        return Pipeline([rendering])
    writing = node(
        write_chorale_midi,
        inputs=[f"params:{parameters}.rendering.chorales", "params:processes"],
        outputs=chorales,
        name=f"write_chorales_{store.name}",
        namespace="render",
        tags="data",
    )
    return Pipeline([writing, rendering])


def create_ingestion(store: StoreParameters, parameters: str) -> Pipeline:
    """Rendered songs or a user's folder to `<set>.stem_store`."""
    rendered = store.rendering is not None
    return Pipeline(
        [
            node(
                ingest_rendered_songs if rendered else ingest_folder,
                inputs=[
                    *([f"{store.name}.rendered_songs"] if rendered else []),
                    f"params:{parameters}",
                    "params:processes",
                ],
                outputs=f"{store.name}.stem_store",
                name=f"ingest_{store.name}",
                namespace="ingest",
                tags="data",
            )
        ]
    )


def create_refusal(pipeline_name: str, error: UnnamedInputError) -> Pipeline:
    """Stands for a pipeline that cannot be built; `refuse_if_incomplete` stops its run before anything else."""

    def refuse() -> None:
        """Stop: a folder or weights that the pipeline needs are not named."""
        raise error

    step = node(
        refuse,
        inputs=None,
        outputs=f"{pipeline_name}.nothing",
        name=f"{REFUSAL}{pipeline_name}",
    )
    return Pipeline([step])


def refuse_if_incomplete(pipeline: Pipeline) -> None:
    """Stop a run of a pipeline that `create_refusal` made.

    Raises:
        UnnamedInputError: A folder or weights that the study needs are not named.
    """
    for step in pipeline.nodes:
        if step.name.startswith(REFUSAL):
            step.func()
