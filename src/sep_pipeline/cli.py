"""The project's `kedro run`: finished work is kept, cells run side by side, errors are short."""

from __future__ import annotations

import os
import warnings
from typing import Any

import click
from kedro import KedroDeprecationWarning
from kedro.framework.cli.project import run as kedro_run
from kedro.framework.cli.utils import CONTEXT_SETTINGS
from kedro.validation.exceptions import ParameterValidationError

from sep_pipeline.errors import SepPipelineError
from sep_pipeline.hooks import FingerprintHook

os.environ.setdefault("DO_NOT_TRACK", "1")

_FORCE = click.Option(["--force"], is_flag=True, help="Make everything again, even what is up to date.")


@click.group(context_settings=CONTEXT_SETTINGS, name="sep_pipeline")
def cli() -> None:
    """Train and compare music source separators."""


@cli.command(
    name="run",
    params=[*(option for option in kedro_run.params if option.name != "only_missing_outputs"), _FORCE],
    short_help="Run a pipeline; what is up to date is kept.",
)
def run(*, force: bool, **options: Any) -> None:
    """Run a pipeline; what is up to date is kept."""
    FingerprintHook.is_forced = force
    options["runner"] = options["runner"] or "sep_pipeline.runner.CellRunner"
    with warnings.catch_warnings():
        # `--pipeline=` is the spelling users know; Kedro below 2 keeps it.
        warnings.simplefilter("ignore", KedroDeprecationWarning)
        assert kedro_run.callback is not None
        try:
            kedro_run.callback(**options, only_missing_outputs=not force)
        except (SepPipelineError, ParameterValidationError) as error:
            raise click.ClickException(f"{type(error).__name__}: {error}") from error
        except ValueError as error:
            if "Failed to find the pipeline" not in str(error):
                raise
            raise click.ClickException(str(error)) from error
