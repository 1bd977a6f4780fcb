"""Node functions of study 1, by stage."""

from sep_pipeline.pipelines.jukebox_transfer.nodes.evaluation import (
    assemble_separator,
    score_floors,
    score_snapshots,
    score_test_tracks,
    separate_test_tracks,
    tabulate_scores,
)
from sep_pipeline.pipelines.jukebox_transfer.nodes.preparation import (
    check_inputs,
    load_transferred_weights,
    measure_bandwidths,
)
from sep_pipeline.pipelines.jukebox_transfer.nodes.results import (
    compare_arms,
    draw_score_against_step,
    draw_spectrograms,
    draw_training_curves,
    make_tables,
    write_tables,
)
from sep_pipeline.pipelines.jukebox_transfer.nodes.training import train_phase_one, train_phase_two
from sep_pipeline.pipelines.study.evaluation import collect_scores
from sep_pipeline.pipelines.study.training import collect_curves

__all__ = [
    "assemble_separator",
    "check_inputs",
    "collect_curves",
    "collect_scores",
    "compare_arms",
    "draw_score_against_step",
    "draw_spectrograms",
    "draw_training_curves",
    "load_transferred_weights",
    "make_tables",
    "measure_bandwidths",
    "score_floors",
    "score_snapshots",
    "score_test_tracks",
    "separate_test_tracks",
    "tabulate_scores",
    "train_phase_one",
    "train_phase_two",
    "write_tables",
]
