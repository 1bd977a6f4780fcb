"""Nodes that cut the songs of a page and write the page."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sep_pipeline.configuration.chimera_transfer import ChimeraEvaluationParameters, MixtureParameters
from sep_pipeline.configuration.execution import ExecutionParameters
from sep_pipeline.configuration.report import PageParameters
from sep_pipeline.configuration.scoring import LeaderboardParameters
from sep_pipeline.configuration.study import ALL_STEMS, RunParameters
from sep_pipeline.data.stem_store import store_tracks
from sep_pipeline.pipelines.chimera_transfer.mixtures import excerpt_examples, scored_excerpt
from sep_pipeline.pipelines.data.store import store_hash
from sep_pipeline.pipelines.report.songs import Programme
from sep_pipeline.pipelines.report.voices import Voice, load, load_voice, record
from sep_pipeline.pipelines.version import code_version
from sep_pipeline.reporting.page import (
    Figure,
    Page,
    Recording,
    Table,
    load_listening,
    loss_charts,
    main_metric,
    render_page,
)
from sep_pipeline.scoring.methods import separators_below

FIGURE_PREFIX = "figure_"
REDRAWN = ("figure_training_curves", "figure_spectrograms")
"""The page draws these curves itself, and the spectrograms of all its songs."""


def cut_songs(
    scores: pd.DataFrame,
    stem_store: Path,
    run: RunParameters,
    page: PageParameters,
    execution: ExecutionParameters,
    **sources: Path,
) -> Programme:
    """Cut test songs with the estimates of each arm, from its folder of estimates or its separator."""
    first = store_tracks(stem_store, "test")[0]
    voices = {arm: load_voice(source, first.track_id, execution) for arm, source in sources.items()}
    return _programme(scores, stem_store, run.seeds[0], page, voices)


def _programme(
    scores: pd.DataFrame, stem_store: Path, seed: int, page: PageParameters, voices: Mapping[str, Voice]
) -> Programme:
    tracks = {track.track_id: track for track in store_tracks(stem_store, "test")}
    references = {stem for voice in voices.values() for stem in voice.stems}
    return Programme(
        scores=scores,
        arms=tuple(voices),
        seed=seed,
        num_clips=1 + len(references) + sum(len(voice.stems) for voice in voices.values()),
        record=lambda name: record(tracks[name], voices),
        data_hashes={stem_store.name: store_hash(stem_store)},
        page=page,
    )


def cut_songs_of_leaderboard(
    scores: pd.DataFrame,
    stem_store: Path,
    leaderboard: LeaderboardParameters,
    page: PageParameters,
    execution: ExecutionParameters,
) -> Programme:
    """Cut test songs with the estimates of the trained separators that score highest.

    Raises:
        NoInputError: None of the separators below the folder was scored.
    """
    stems = tuple(scores["stem"].unique())
    methods = separators_below(leaderboard.separators, stems)
    seed = min((method.seed for method in methods), default=0)
    own = scores[(scores["metric"] == main_metric(scores)) & (scores["seed"] == seed)]
    means = own.groupby("arm")["value"].mean().sort_values(ascending=False, kind="stable")
    folders = {method.name: method.folder for method in methods if method.seed == seed and method.folder}
    best = [str(arm) for arm in means.index if arm in folders][: page.max_arms]
    first = store_tracks(stem_store, "test")[0]
    voices = {arm: load_voice(folders[arm], first.track_id, execution) for arm in best}
    return _programme(scores, stem_store, seed, page, voices)


def cut_excerpts(
    scores: pd.DataFrame,
    mixture: MixtureParameters,
    evaluation: ChimeraEvaluationParameters,
    run: RunParameters,
    page: PageParameters,
    execution: ExecutionParameters,
    **folders: Path,
) -> Programme:
    """Cut scored excerpts of a downstream set: `folders` are its stores by name, then the arms' separators."""
    stores = {name: folders.pop(name) for name in mixture.stores}
    drawn = excerpt_examples(mixture, evaluation, stores)
    separators = {arm: load(folder, execution) for arm, folder in folders.items()}

    def record_excerpt(name: str) -> Recording:
        sources = scored_excerpt(mixture, drawn, int(name.rpartition(" ")[2])).sources
        whole = sources.sum(axis=0, dtype=np.float32)
        estimates = {
            arm: dict(zip(separator.stems, separator.separate(whole, mode="published"), strict=True))
            for arm, separator in separators.items()
        }
        references = dict(zip(mixture.sources, sources, strict=True))
        return Recording(
            mixture=whole, references=references, estimates=estimates, sample_rate=drawn.sample_rate
        )

    return Programme(
        scores=scores,
        arms=tuple(separators),
        seed=run.seeds[0],
        num_clips=1 + len(mixture.sources) * (1 + len(separators)),
        record=record_excerpt,
        data_hashes={name: store_hash(store) for name, store in stores.items()},
        page=page,
    )


def write_page(
    listening: Path,
    scores: pd.DataFrame,
    page: PageParameters,
    titles: dict[str, str],
    **results: Any,
) -> str:
    """Join the study's results to one HTML page.

    Args:
        listening: Excerpts of songs; its folder is called like the study.
        scores: A scores frame.
        page: How large it may become.
        titles: Study to the heading of its page.
        results: `table_<n>`, `table_<n>_markdown`, `figure_<name>` and, where something was trained, `curves`.
    """
    heard = load_listening(listening)
    study = listening.parent.name
    names = sorted(name for name in results if re.fullmatch(r"table_\d+", name))
    tables = [
        Table(name=name, markdown=results.get(f"{name}_markdown", ""), frame=results[name]) for name in names
    ]
    curves = results.get("curves")
    shown = Page(
        title=titles.get(study, study),
        facts=_facts(scores, [results[name] for name in names], heard.data_hashes),
        tables=tables,
        charts=() if curves is None else loss_charts(curves, heard.arms, max_arms=page.max_arms),
        figures=[
            Figure(name.removeprefix(FIGURE_PREFIX).replace("_", " "), file.read_bytes())
            for name, file in sorted(results.items())
            if name.startswith(FIGURE_PREFIX) and name not in REDRAWN
        ],
        listening=heard,
    )
    return render_page(shown, max_megabytes=page.max_megabytes)


def _facts(
    scores: pd.DataFrame, tables: list[pd.DataFrame], data_hashes: Mapping[str, str]
) -> list[tuple[str, str]]:
    """What was run, as names and texts."""
    stems = [stem for stem in scores["stem"].unique() if stem != ALL_STEMS]
    codes = {
        str(code) for table in tables if "code_version" in table for code in table["code_version"].dropna()
    }
    facts = {
        "Arms": _listed(scores["arm"].unique()),
        "Stems": _listed(stems),
        "Seeds": _listed(sorted(scores["seed"].unique())),
        "Scored tracks or excerpts": str(scores["track"].nunique()),
        "Test data": _listed(f"{name} ({code})" for name, code in data_hashes.items()),
        "Code of the tables": _listed(sorted(codes)),
        "Code of this page": code_version(),
    }
    return [(name, text) for name, text in facts.items() if text]


def _listed(values: Iterable[object]) -> str:
    return ", ".join(map(str, values))
