"""Node functions of study 3, by stage."""

from sep_pipeline.pipelines.contrastive_demix.nodes.evaluation import (
    assemble_separator,
    collect_embeddings,
    collect_songs,
    embed_test_triplets,
    score_floors,
    score_tracks,
)
from sep_pipeline.pipelines.contrastive_demix.nodes.results import (
    draw_embeddings,
    draw_losses,
    make_tables,
    write_tables,
)
from sep_pipeline.pipelines.contrastive_demix.nodes.training import (
    check_inputs,
    train_pretraining,
    train_separation,
)

__all__ = [
    "assemble_separator",
    "check_inputs",
    "collect_embeddings",
    "collect_songs",
    "draw_embeddings",
    "draw_losses",
    "embed_test_triplets",
    "make_tables",
    "score_floors",
    "score_tracks",
    "train_pretraining",
    "train_separation",
    "write_tables",
]
