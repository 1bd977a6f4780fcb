"""Node functions of study 2, by stage."""

from sep_pipeline.pipelines.chimera_transfer.nodes.evaluation import (
    assemble_separator,
    collect_excerpts,
    score_excerpts,
)
from sep_pipeline.pipelines.chimera_transfer.nodes.results import (
    describe_arms,
    draw_figures,
    make_tables,
    write_tables,
)
from sep_pipeline.pipelines.chimera_transfer.nodes.training import (
    check_mixture,
    train_downstream,
    train_pretraining,
)

__all__ = [
    "assemble_separator",
    "check_mixture",
    "collect_excerpts",
    "describe_arms",
    "draw_figures",
    "make_tables",
    "score_excerpts",
    "train_downstream",
    "train_pretraining",
    "write_tables",
]
