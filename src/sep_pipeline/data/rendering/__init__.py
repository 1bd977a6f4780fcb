"""Render MIDI files to stems whose exact sum is the mixture."""

from sep_pipeline.data.rendering.config import RenderConfig
from sep_pipeline.data.rendering.track import RenderJob, render_track
from sep_pipeline.data.rendering.tree import render_jobs, render_tree

__all__ = ["RenderConfig", "RenderJob", "render_jobs", "render_track", "render_tree"]
