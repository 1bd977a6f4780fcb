"""The pipelines users name on the command line, built from the parameters of the coming run.

Kedro calls `register_pipelines()` without arguments and keeps what it returns. The hook
`after_context_created` hands the parsed parameters over with `use_configuration` before the first access;
without a run (`kedro registry list`) the base configuration is read here.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from kedro.framework.project import pipelines as kedro_pipelines
from kedro.pipeline import Pipeline

from sep_pipeline.configuration.project import ProjectParameters
from sep_pipeline.errors import UnnamedInputError
from sep_pipeline.pipelines import (
    chimera_transfer,
    contrastive_demix,
    data,
    jukebox_pretrain,
    jukebox_transfer,
    leaderboard,
    midi_waveform,
    open_unmix,
    report,
    score,
    separate,
)

_configuration: ProjectParameters | None = None


def use_configuration(configuration: ProjectParameters) -> None:
    """Build the pipelines of the coming run from `configuration` and drop those Kedro kept."""
    global _configuration
    _configuration = configuration
    kedro_pipelines.configure(__name__)


def register_pipelines() -> dict[str, Pipeline]:
    """Every pipeline by the name that `kedro run --pipeline=` takes."""
    configuration = _configuration or _base_configuration()
    pipelines = {name: _built(name, build, configuration) for name, build in _BUILDERS.items()}
    # A page shows what other pipelines make.
    pipelines["report"] = _built(
        "report", lambda parameters: report.create_pipeline(parameters, pipelines), configuration
    )
    return {"__default__": pipelines["jukebox_transfer"], **pipelines}


_BUILDERS: dict[str, Callable[[ProjectParameters], Pipeline]] = {
    "render": lambda configuration: data.create_rendering(
        configuration.jukebox_transfer.data, "jukebox_transfer.data"
    ),
    "ingest": jukebox_transfer.create_data_pipeline,
    "jukebox_pretrain": jukebox_pretrain.create_pipeline,
    "jukebox_transfer": jukebox_transfer.create_pipeline,
    "chimera_transfer": chimera_transfer.create_pipeline,
    "contrastive_demix": contrastive_demix.create_pipeline,
    "open_unmix": open_unmix.create_pipeline,
    "midi_waveform": midi_waveform.create_pipeline,
    "score": score.create_pipeline,
    "leaderboard": leaderboard.create_pipeline,
    "separate": separate.create_pipeline,
}


def _built(
    name: str, build: Callable[[ProjectParameters], Pipeline], configuration: ProjectParameters
) -> Pipeline:
    """The pipeline, or one that says which data set it lacks: another pipeline may be the one that is run."""
    try:
        return build(configuration)
    except UnnamedInputError as error:
        return data.create_refusal(name, error)


def _base_configuration() -> ProjectParameters:
    from kedro.framework.project import settings

    from sep_pipeline.config_loader import CheckedConfigLoader

    conf_source = Path(__file__).parents[2] / "conf"
    return CheckedConfigLoader(str(conf_source), env="base", **settings.CONFIG_LOADER_ARGS).project_parameters
