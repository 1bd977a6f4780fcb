"""Nodes that score a folder of estimates and make its tables."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pandas as pd

from sep_pipeline.configuration.execution import ProcessParameters
from sep_pipeline.configuration.scoring import ScoreParameters
from sep_pipeline.data.manifest import Track
from sep_pipeline.data.stem_store import store_tracks
from sep_pipeline.datasets import FolderWriter
from sep_pipeline.errors import ConfigurationError, NoInputError
from sep_pipeline.fingerprints import code_digest
from sep_pipeline.pipelines.data.store import store_hash
from sep_pipeline.pipelines.version import code_version
from sep_pipeline.reporting.leaderboard import LEADERBOARD_METRICS, leaderboard_text
from sep_pipeline.reporting.silence import silence_note
from sep_pipeline.reporting.tables import Provenance, result_table
from sep_pipeline.scoring.folder import kept_scores, score_folder, score_frame, stems_of_estimates
from sep_pipeline.scoring.job import ScoringConfig, score_files


def check_estimates(score: ScoreParameters) -> dict[str, str]:
    """Refuse what is not there before references are rendered or ingested.

    Raises:
        ConfigurationError: No folder of estimates is named.
        NoInputError: The folder does not exist.
    """
    if score.estimates is None:
        raise ConfigurationError(
            "no folder of estimates is named",
            parameter="score.estimates",
            expected="--params=estimates=/path/to/estimates",
            found="nothing",
        )
    if not score.estimates.is_dir():
        raise NoInputError(
            "there is no folder of estimates", file=score.estimates, parameter="score.estimates"
        )
    return {"estimates": str(score.estimates)}


def score_estimates(
    score: ScoreParameters,
    processes: ProcessParameters,
    _inputs_checked: dict[str, str],
    *stem_store: Path,
) -> FolderWriter:
    """Score every track of the estimates when the catalog saves the folder.

    Raises:
        NoInputError: There are no such tracks, or no estimates of one of them.
        ConfigurationError: Estimates and references have no stem in common.
    """
    assert score.estimates is not None
    tracks = store_tracks(_references(score, *stem_store), score.split)
    config = ScoringConfig(
        stems=score.stems or _shared_stems(score.estimates, tracks),
        num_channels=1 if score.channels == "mono" else None,
        engine=score.engine,
        code=code_digest(score_files),
    )
    return partial(
        _score,
        method=score.name,
        estimates=score.estimates,
        tracks=tracks,
        config=config,
        num_processes=processes.num_processes,
    )


def _references(score: ScoreParameters, *stem_store: Path) -> Path:
    return score.references or stem_store[0]


def _shared_stems(estimates: Path, tracks: tuple[Track, ...]) -> tuple[str, ...]:
    found = stems_of_estimates(estimates, tracks[0].track_id)
    stems = tuple(stem for stem in tracks[0].stems if stem in found)
    if not stems:
        raise ConfigurationError(
            "estimates and references have no stem in common",
            file=estimates,
            parameter="score.stems",
            expected=", ".join(tracks[0].stems),
            found=", ".join(found) or "none",
        )
    return stems


def _score(
    folder: Path,
    *,
    method: str,
    estimates: Path,
    tracks: tuple[Track, ...],
    config: ScoringConfig,
    num_processes: int | None,
) -> None:
    score_folder(folder / method, estimates, tracks, config, num_processes=num_processes)


def tabulate(museval: Path, score: ScoreParameters) -> pd.DataFrame:
    """One row per track, stem and metric."""
    return score_frame(kept_scores(museval / score.name), arm=score.name, seed=0)


def make_table(
    scores: pd.DataFrame, score: ScoreParameters, *stem_store: Path
) -> tuple[pd.DataFrame, str, str]:
    """Aggregate the scores.

    Returns:
        The tidy table, the same as Markdown, and for the terminal.
    """
    data_hash = store_hash(_references(score, *stem_store))
    table = result_table(
        scores,
        aggregations=dict(LEADERBOARD_METRICS),
        provenance={score.name: Provenance(weights="unknown", data_hash=data_hash)},
        code_version=code_version(),
    )
    title = f"Scores of {score.name}"
    note = silence_note(scores)
    markdown = leaderboard_text(table, {}, title=title)
    plain = leaderboard_text(table, {}, title=title, tablefmt="simple")
    return table, f"{markdown}\n{note}\n", f"\n{plain}\n{note}\n"
