"""Nodes that score every method on a test set and rank them."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from sep_pipeline.configuration.execution import ExecutionParameters, ProcessParameters
from sep_pipeline.configuration.scoring import LeaderboardParameters
from sep_pipeline.data.stem_store import store_tracks
from sep_pipeline.datasets import FolderWriter
from sep_pipeline.fingerprints import code_digest
from sep_pipeline.pipelines.data.store import read_stems, store_hash
from sep_pipeline.pipelines.version import code_version
from sep_pipeline.reporting.leaderboard import LEADERBOARD_METRICS, leaderboard_figure, leaderboard_text
from sep_pipeline.reporting.silence import silence_note
from sep_pipeline.reporting.tables import Provenance, result_table
from sep_pipeline.scoring.job import ScoringConfig
from sep_pipeline.scoring.methods import oracles_and_floors, score_method, separators_below
from sep_pipeline.scoring.ranking import MethodResult, read_results, score_methods
from sep_pipeline.separation import fit_mixture_scales
from sep_pipeline.tracking import CellTrackers

logger = logging.getLogger(__name__)

TITLE = "Leaderboard"


def score_all_methods(
    stem_store: Path,
    stems: Sequence[str],
    leaderboard: LeaderboardParameters,
    execution: ExecutionParameters,
    processes: ProcessParameters,
) -> FolderWriter:
    """Score every trained separator, the oracles and the floors when the catalog saves the folder."""
    wanted = tuple(stems)
    methods = [*separators_below(leaderboard.separators, wanted), *oracles_and_floors(wanted)]
    if not leaderboard.has_oracles:
        methods = [method for method in methods if method.kind != "oracle"]
    num_separators = sum(method.kind == "separator" for method in methods)
    logger.info("%d trained separators in %s", num_separators, leaderboard.separators)
    config = ScoringConfig(
        stems=wanted,
        num_channels=1 if leaderboard.channels == "mono" else None,
        engine=leaderboard.engine,
        code=code_digest(score_method),
    )
    return partial(
        score_methods,
        methods=methods,
        tracks=store_tracks(stem_store, "test"),
        config=config,
        scales=_scales(stem_store, wanted, config),
        device=execution.resolved_device(),
        precision=execution.resolved_precision(),
        num_processes=processes.num_processes,
    )


def _scales(stem_store: Path, stems: tuple[str, ...], config: ScoringConfig) -> dict[str, float]:
    """Factors of the scaled mixture, fitted on the training songs."""
    return fit_mixture_scales(
        read_stems(track, stems, config.num_channels) for track in store_tracks(stem_store, "train")
    )


def rank_methods(
    methods: Path, stem_store: Path, leaderboard: LeaderboardParameters, trackers: CellTrackers
) -> tuple[pd.DataFrame, pd.DataFrame, str, str, Figure]:
    """Aggregate the scores of all methods.

    Returns:
        All scores, the tidy table, the leaderboard as Markdown and for the terminal, and its figure.
    """
    results = read_results(methods)
    scores = pd.concat([result.frame() for result in results], ignore_index=True)
    facts = _facts(results)
    table = result_table(
        scores,
        aggregations=dict(LEADERBOARD_METRICS),
        provenance={name: _provenance(known, store_hash(stem_store)) for name, known in facts.items()},
        code_version=code_version(),
    )
    note = silence_note(scores)
    by = leaderboard.sorted_by
    markdown = leaderboard_text(table, facts, title=TITLE, sorted_by=by)
    plain = leaderboard_text(table, facts, title=TITLE, sorted_by=by, tablefmt="simple", stems=["total"])
    figure = leaderboard_figure(table, facts, sorted_by=by, title=f"{TITLE}: {by}")
    del trackers  # Asked for so that the run is tracked; the hook logs scores, table and figure.
    return scores, table, f"{markdown}\n{note}\n", f"\n{plain}", figure


def _facts(results: Sequence[MethodResult]) -> dict[str, dict[str, Any]]:
    """Method to what is known about it over all its seeds."""
    groups: defaultdict[str, list[MethodResult]] = defaultdict(list)
    for result in results:
        groups[result.method.name].append(result)
    return {
        name: {
            "kind": found[0].method.kind,
            "num_parameters": found[0].method.num_parameters,
            "steps": found[0].method.steps,
            "weights": found[0].method.weights,
            "data_hash": found[0].method.data_hash,
            "real_time_factor": _real_time_factor(found),
        }
        for name, found in groups.items()
    }


def _real_time_factor(results: Sequence[MethodResult]) -> float | None:
    if results[0].method.kind != "separator":
        return None
    return sum(result.computing_seconds for result in results) / sum(
        result.playing_seconds for result in results
    )


def _provenance(known: dict[str, Any], data_hash: str) -> Provenance:
    return Provenance(
        steps=known["steps"], weights=known["weights"], data_hash=known["data_hash"] or data_hash
    )
