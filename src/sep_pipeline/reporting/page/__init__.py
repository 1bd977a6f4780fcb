"""One self-contained HTML page per study: tables, curves, figures and songs to listen to."""

from sep_pipeline.reporting.page.charts import Chart, loss_charts
from sep_pipeline.reporting.page.choice import Choice, choose_songs, main_metric
from sep_pipeline.reporting.page.document import Figure, Page, Table, render_page
from sep_pipeline.reporting.page.listening import (
    MIXTURE,
    REFERENCE,
    Clip,
    HeardSong,
    Listening,
    load_listening,
    save_listening,
)
from sep_pipeline.reporting.page.recording import Recording, cut_clips, excerpt_seconds

__all__ = [
    "MIXTURE",
    "REFERENCE",
    "Chart",
    "Choice",
    "Clip",
    "Figure",
    "HeardSong",
    "Listening",
    "Page",
    "Recording",
    "Table",
    "choose_songs",
    "cut_clips",
    "excerpt_seconds",
    "load_listening",
    "loss_charts",
    "main_metric",
    "render_page",
    "save_listening",
]
