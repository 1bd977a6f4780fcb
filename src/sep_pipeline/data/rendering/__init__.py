"""Render MIDI files to stems whose exact sum is the mixture, or their drums to loops of single sources."""

from sep_pipeline.data.rendering.config import RenderConfig
from sep_pipeline.data.rendering.drum_kit import DrumKitConfig
from sep_pipeline.data.rendering.loop_tree import render_drum_kit
from sep_pipeline.data.rendering.track import RenderJob, render_track
from sep_pipeline.data.rendering.tree import render_jobs, render_tree

__all__ = [
    "DrumKitConfig",
    "RenderConfig",
    "RenderJob",
    "render_drum_kit",
    "render_jobs",
    "render_track",
    "render_tree",
]
