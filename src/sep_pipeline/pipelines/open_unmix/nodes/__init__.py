"""Node functions of study 4, by stage."""

from sep_pipeline.pipelines.open_unmix.nodes.evaluation import (
    assemble_separator,
    measure_speed,
    score_floors,
    score_test_tracks,
    separate_test_tracks,
    tabulate_scores,
)
from sep_pipeline.pipelines.open_unmix.nodes.results import (
    compare_directions,
    draw_losses,
    draw_spectrograms,
    make_loss_tables,
    make_score_table,
    write_tables,
)
from sep_pipeline.pipelines.open_unmix.nodes.training import (
    check_inputs,
    index_training_songs,
    measure_input_statistics,
    train_model,
)

__all__ = [
    "assemble_separator",
    "check_inputs",
    "compare_directions",
    "draw_losses",
    "draw_spectrograms",
    "index_training_songs",
    "make_loss_tables",
    "make_score_table",
    "measure_input_statistics",
    "measure_speed",
    "score_floors",
    "score_test_tracks",
    "separate_test_tracks",
    "tabulate_scores",
    "train_model",
    "write_tables",
]
