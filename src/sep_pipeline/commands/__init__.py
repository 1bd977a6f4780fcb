"""Commands that need no Kedro project and start without Kedro."""

from __future__ import annotations

import click

from sep_pipeline.commands.export import export
from sep_pipeline.commands.separate import separate
from sep_pipeline.commands.stream import stream

STANDALONE: dict[str, click.Command] = {"separate": separate, "stream": stream, "export": export}
"""Name on the command line to command."""

__all__ = ["STANDALONE"]
