"""Comparisons of arms and pictures of one song, for every study."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from sep_pipeline.configuration.execution import ExecutionParameters
from sep_pipeline.configuration.study import ArmRun
from sep_pipeline.data.manifest import Track
from sep_pipeline.data.stem_store import store_tracks
from sep_pipeline.metrics.track_scores import SDR_WHOLE_SONG
from sep_pipeline.pipelines.data.store import Audio, read_estimates, read_stems
from sep_pipeline.pipelines.study.evaluation import FLOORS, Channels
from sep_pipeline.pipelines.study.separators import loaded_separator
from sep_pipeline.reporting.comparisons import comparison_table, paired_difference
from sep_pipeline.reporting.figures import spectrogram_figure
from sep_pipeline.reporting.grids import TextTable
from sep_pipeline.reporting.scores import TOTAL
from sep_pipeline.separation import separate

MUSDB_STEMS = {"drums", "bass", "other", "vocals"}


def compare_pairs(
    scores: pd.DataFrame,
    pairs: Iterable[tuple[str, str]],
    *,
    metric: str = SDR_WHOLE_SONG,
    stems: Sequence[str] = (TOTAL,),
) -> tuple[pd.DataFrame, str]:
    """What arms show against each other, as a table and in sentences; pairs without scores are left out."""
    present = set(scores["arm"])
    differences = [
        paired_difference(scores, arm, other, metric=metric, stem=stem, has_test=True)
        for arm, other in pairs
        if {arm, other} <= present
        for stem in stems
    ]
    return comparison_table(differences), "\n".join(difference.verdict for difference in differences)


def against_each_other_and_floors(arms: Iterable[str]) -> list[tuple[str, str]]:
    """Every pair of arms once, then every arm with every floor."""
    listed = list(arms)
    pairs = [(arm, other) for index, arm in enumerate(listed) for other in listed[index + 1 :]]
    return pairs + [(arm, floor) for arm in listed for floor in FLOORS]


def as_list(lines: str) -> str:
    """Lines as a Markdown list."""
    return "".join(f"- {line}\n" for line in lines.splitlines())


def with_empty_texts(table: pd.DataFrame, columns: Iterable[str]) -> pd.DataFrame:
    """A table as it was before a CSV file, which does not tell empty from missing text.

    Args:
        table: As it was read.
        columns: Names of columns whose texts may be empty; those that the table has not are left out.
    """
    present = [name for name in columns if name in table.columns]
    return table.astype(dict.fromkeys(present, object)).fillna(dict.fromkeys(present, ""))


def written_tables(tables: Sequence[TextTable], sentences: str, *, below: int) -> tuple[str, ...]:
    """Tables as Markdown, and then all of them as text for a terminal.

    Args:
        tables: The tables.
        sentences: What they show, a sentence per line.
        below: Index of the table below which the sentences stand as a list.
    """
    markdown = [table.markdown() for table in tables]
    markdown[below] += f"\n{as_list(sentences)}"
    plain = "\n".join(table.plain() for table in tables)
    return (*markdown, f"\n{plain}\n{sentences}\n")


def draw_first_test_song(
    stem_store: Path, estimates: Path, arm_run: ArmRun, num_channels: Channels
) -> Figure:
    """Spectrograms of mixture, references and estimates of the first test song."""
    track = store_tracks(stem_store, "test")[0]
    mixture, references = read_stems(track, arm_run.stems, num_channels)
    guesses = read_estimates(estimates / "test" / track.track_id, arm_run.stems)
    return _song_figure(track, arm_run, mixture, references, guesses)


def draw_separated_song(
    separator: Path, stem_store: Path, arm_run: ArmRun, execution: ExecutionParameters
) -> Figure:
    """The same for a study that keeps no estimates, of the mono mixture."""
    loaded = loaded_separator(separator, execution)
    track = store_tracks(stem_store, "test")[0]
    mixture, references = read_stems(track, arm_run.stems, 1)
    estimates = separate(loaded, mixture, track.sample_rate)
    return _song_figure(track, arm_run, mixture, references, estimates)


def _song_figure(
    track: Track,
    arm_run: ArmRun,
    mixture: Audio,
    references: Mapping[str, Audio],
    estimates: Audio,
) -> Figure:
    return spectrogram_figure(
        mixture,
        references,
        dict(zip(arm_run.stems, estimates, strict=True)),
        track.sample_rate,
        title=f"{track.track_id}, arm {arm_run.arm}, seed {arm_run.seed}",
    )
