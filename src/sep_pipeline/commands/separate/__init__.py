"""`separate`: songs of one's own into files of their stems."""

from __future__ import annotations

from sep_pipeline.commands.separate.command import separate

__all__ = ["separate"]
