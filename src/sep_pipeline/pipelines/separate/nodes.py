"""The node that takes songs apart."""

from __future__ import annotations

import logging
from functools import partial
from pathlib import Path

from sep_pipeline.configuration.execution import ExecutionParameters, ProcessParameters
from sep_pipeline.configuration.separation import SeparateParameters
from sep_pipeline.datasets import FolderWriter
from sep_pipeline.errors import ConfigurationError
from sep_pipeline.mapping import available_processes
from sep_pipeline.separation.lookup import find_separator
from sep_pipeline.separation.songs import SongOptions, separate_songs

logger = logging.getLogger(__name__)


def separate_own_songs(
    separate: SeparateParameters, execution: ExecutionParameters, processes: ProcessParameters
) -> FolderWriter:
    """Separate every song when the catalog saves the folder.

    Raises:
        ConfigurationError: No song is named, or no separator has the name that is given.
        MissingCheckpointError: No separator is named and the default is not there.
    """
    if separate.input is None:
        raise ConfigurationError(
            "no song is named",
            parameter="separate.input",
            expected="--params=input=/path/to/song.mp3, or a folder of songs",
            found="nothing",
        )
    name = None if separate.model is None else str(separate.model)
    return partial(
        _separate,
        source=separate.input,
        model=find_separator(name, separate.separators),
        options=separate.files,
        device=execution.resolved_device(),
        precision=execution.resolved_precision(),
        num_processes=processes.num_processes or available_processes(),
    )


def _separate(
    folder: Path,
    *,
    source: Path,
    model: Path,
    options: SongOptions,
    device: str,
    precision: str,
    num_processes: int,
) -> None:
    """The folder belongs to the pipeline, which may replace what lies there."""
    for result in separate_songs(
        source,
        folder,
        model,
        options=options,
        device=device,
        precision=precision,
        num_processes=num_processes,
        should_overwrite=True,
    ):
        logger.info("%s", result.as_text())
