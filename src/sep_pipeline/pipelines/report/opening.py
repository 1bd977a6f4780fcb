"""What the page of a study lets one hear, without the page: for notebooks."""

from __future__ import annotations

from kedro.io import DataCatalog
from kedro.pipeline import Pipeline

from sep_pipeline.errors import NoInputError
from sep_pipeline.pipelines.report.songs import Programme


def open_programme(study: str, pages: Pipeline, catalog: DataCatalog) -> Programme:
    """The scores of a finished study, its arms and its songs with all estimates.

    Args:
        study: Study.
        pages: The pipeline `report`, which knows where each study keeps them.
        catalog: Catalog of the environment in which the study has run.

    Raises:
        NoInputError: The study has no results there.
    """
    steps = {name: step for step in pages.nodes for name in step.outputs}
    name = f"{study}.listening"
    if name not in steps:
        others = sorted(output.partition(".")[0] for output in steps if output.endswith(".listening"))
        raise NoInputError(
            f"{study} has no results in this environment yet",
            expected=f"a finished run: kedro run --pipeline={study}, with the --env= of the notebook",
            found=f"results of {', '.join(others)}" if others else "no results of any study",
        )
    inputs = {source: catalog.load(source) for source in steps[name].inputs}
    programme: Programme = steps[name].run(inputs)[name]
    return programme
