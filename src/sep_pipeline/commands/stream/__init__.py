"""`stream`: separate a file or raw samples from standard input while they come in."""

from __future__ import annotations

from sep_pipeline.commands.stream.command import stream

__all__ = ["stream"]
