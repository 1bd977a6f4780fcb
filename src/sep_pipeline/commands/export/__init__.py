"""`export`: a trained separator as a folder to keep or give away."""

from __future__ import annotations

from sep_pipeline.commands.export.command import export

__all__ = ["export"]
