"""Errors of users as one line and exit code 2."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click

from sep_pipeline.errors import SepPipelineError


class BadInput(click.ClickException):
    """What click prints as one line."""

    exit_code = 2


@contextmanager
def short_errors() -> Iterator[None]:
    """Turn the project's typed errors into messages without a traceback.

    Raises:
        BadInput: In place of any `SepPipelineError`.
    """
    try:
        yield
    except SepPipelineError as error:
        raise BadInput(f"{type(error).__name__}: {error}") from error
