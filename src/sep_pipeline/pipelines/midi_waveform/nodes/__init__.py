"""Node functions of study 5, by stage."""

from sep_pipeline.pipelines.midi_waveform.nodes.data import (
    check_inputs,
    draw_held_out_chunks,
    index_midi,
    render_test_songs,
)
from sep_pipeline.pipelines.midi_waveform.nodes.evaluation import (
    assemble_separator,
    collect_songs,
    measure_floors,
    score_floors,
    score_tracks,
)
from sep_pipeline.pipelines.midi_waveform.nodes.results import draw_losses, make_tables, write_tables
from sep_pipeline.pipelines.midi_waveform.nodes.training import train_separation

__all__ = [
    "assemble_separator",
    "check_inputs",
    "collect_songs",
    "draw_held_out_chunks",
    "draw_losses",
    "index_midi",
    "make_tables",
    "measure_floors",
    "render_test_songs",
    "score_floors",
    "score_tracks",
    "train_separation",
    "write_tables",
]
