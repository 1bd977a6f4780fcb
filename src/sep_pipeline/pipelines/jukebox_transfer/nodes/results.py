"""Nodes that turn scores and curves into tables, text and figures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from sep_pipeline.configuration.jukebox_transfer import ArmParameters, ModelParameters
from sep_pipeline.configuration.study import ArmRun
from sep_pipeline.metrics.aggregate import MEAN_OVER_SONGS, MEDIAN_OF_MEDIANS
from sep_pipeline.metrics.track_scores import SDR_WHOLE_SONG, SI_SDR
from sep_pipeline.pipelines.data.store import (
    store_hash,
)
from sep_pipeline.pipelines.jukebox_transfer.nodes.evaluation import NUM_CHANNELS, WIENER_SUFFIX
from sep_pipeline.pipelines.study.evaluation import FLOORS
from sep_pipeline.pipelines.study.results import (
    MUSDB_STEMS,
    against_each_other_and_floors,
    as_list,
    compare_pairs,
    draw_first_test_song,
)
from sep_pipeline.pipelines.version import code_version
from sep_pipeline.reporting.figures import checkpoint_figure, training_figure
from sep_pipeline.reporting.rendering import render_markdown, render_plain
from sep_pipeline.reporting.silence import silence_note
from sep_pipeline.reporting.tables import Provenance, result_table

FRAME_METRICS = ("SDR", "ISR", "SIR", "SAR")
SHARED_STEMS = {"drums", "bass"}
"""Stems that mean the same in the demo and in MUSDB18, so that a printed figure may stand beside ours."""

FAIR_ARMS = ("pretrained", "scratch", "no_finetune")
LABELS = {
    "scratch_as_published": "scratch, as published",
    "pretrained_as_published": "pretrained, as published",
    "zero": "floor: silence",
    "scaled_mixture": "floor: scaled mixture",
    "demucs": "Demucs (cited)",
    "wave_u_net": "Wave-U-Net (cited)",
    "scaled_mixture_predictor": "scaled mixture (cited)",
}


def make_tables(
    scores: pd.DataFrame,
    published_results: Mapping[str, Any],
    arms: Mapping[str, Any],
    model: ModelParameters,
    stem_store: Path,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Aggregate the scores.

    Returns:
        Table 1: the study's SDR by arm and stem, beside the printed figures. Table 2: the first arm and the
        floors beside the figures that the paper cites. Table 3: museval's four metrics.
    """
    printed = published_results["jukebox_transfer"]
    stems = set(scores["stem"])
    common: dict[str, Any] = {
        "provenance": _provenance(scores, arms, model, store_hash(stem_store)),
        "code_version": code_version(),
    }
    table_1 = result_table(
        scores,
        aggregations={SDR_WHOLE_SONG: MEAN_OVER_SONGS, SI_SDR: MEAN_OVER_SONGS},
        published={SDR_WHOLE_SONG: _comparable(printed["table_1"], stems)},
        **common,
    )
    table_3 = result_table(scores, aggregations=dict.fromkeys(FRAME_METRICS, MEDIAN_OF_MEDIANS), **common)
    return table_1, _beside_cited(table_1, _comparable(printed["table_2"], stems)), table_3


def _provenance(
    scores: pd.DataFrame, arms: Mapping[str, Any], model: ModelParameters, data_hash: str
) -> dict[str, Provenance]:
    found = {}
    for name in scores["arm"].unique():
        arm = arms.get(str(name).removesuffix(WIENER_SUFFIX))
        if arm is None:
            continue
        parsed = ArmParameters.model_validate(arm)
        source = parsed.phase_one.initial_weights
        found[str(name)] = Provenance(
            steps=parsed.phase_one.training.num_steps + parsed.phase_two.training.num_steps,
            weights=f"{source} ({model.weights_name})" if source == "pretrained" else source,
            data_hash=data_hash,
        )
    return found


def _comparable(printed: Mapping[str, Any], stems: set[str]) -> dict[str, dict[str, float]]:
    """The printed figures of stems that mean the same here; the total only when all four do."""
    allowed = {*MUSDB_STEMS, "total"} if stems == MUSDB_STEMS else SHARED_STEMS
    return {
        arm: {stem: value for stem, value in figures.items() if stem in allowed}
        for arm, figures in printed.items()
        if arm != "caption"
    }


def _beside_cited(table_1: pd.DataFrame, cited: Mapping[str, Mapping[str, float]]) -> pd.DataFrame:
    first_arm = table_1["arm"].iloc[0]
    ours = table_1[(table_1["metric"] == SDR_WHOLE_SONG) & table_1["arm"].isin([first_arm, *FLOORS])]
    rows = [
        {"arm": arm, "stem": stem, "metric": SDR_WHOLE_SONG, "aggregation": "as cited", "published": value}
        for arm, figures in cited.items()
        for stem, value in figures.items()
    ]
    return pd.concat([ours, pd.DataFrame(rows)], ignore_index=True)[list(table_1.columns)]


def write_tables(
    scores: pd.DataFrame, verdicts: str, table_1: pd.DataFrame, table_2: pd.DataFrame, table_3: pd.DataFrame
) -> tuple[str, str, str, str]:
    """The tables as Markdown, and the text printed at the end of a run."""
    title = "Study 1, table 1: transfer learning with a Jukebox VQ-VAE per stem"
    labels = LABELS | _wiener_labels(table_1["arm"].unique())
    markdown_1 = render_markdown(table_1, metric=SDR_WHOLE_SONG, title=title, labels=labels)
    markdown_2 = render_markdown(
        table_2,
        metric=SDR_WHOLE_SONG,
        title="Study 1, table 2: beside the figures that the paper cites",
        labels=LABELS,
    )
    markdown_3 = "\n".join(
        render_markdown(table_3, metric=metric, title=f"Study 1, table 3: {metric} of museval", labels=LABELS)
        for metric in FRAME_METRICS
    )
    markdown_3 += f"\n{silence_note(scores)}\n"
    plain = render_plain(table_1, metric=SDR_WHOLE_SONG, title=title, labels=labels)
    return f"{markdown_1}\n{as_list(verdicts)}", markdown_2, markdown_3, f"\n{plain}\n{verdicts}\n"


def _wiener_labels(arms: Iterable[str]) -> dict[str, str]:
    """The extra row of an arm reads as that arm's, whatever it is called."""
    return {arm: "  + Wiener masks" for arm in arms if arm.endswith(WIENER_SUFFIX)}


def compare_arms(scores: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """What the fair arms show against each other and against the floors, as a table and in sentences."""
    present = [arm for arm in FAIR_ARMS if arm in set(scores["arm"])]
    return compare_pairs(scores, against_each_other_and_floors(present))


def draw_training_curves(curves: pd.DataFrame) -> Figure:
    """Loss against step, a panel per phase and stem, a line per arm."""
    return training_figure(curves[curves["name"] == "loss"], title="Training loss")


def draw_score_against_step(*step_scores: pd.DataFrame) -> Figure:
    """Study SDR against steps of phase 2 (the paper's figure 2), on an excerpt of every test song."""
    return checkpoint_figure(
        pd.concat(step_scores, ignore_index=True),
        metric="SDR of excerpts",
        title="SDR against checkpoint of phase 2",
    )


def draw_spectrograms(stem_store: Path, estimates: Path, arm_run: ArmRun) -> Figure:
    """Mixture, references and estimates of the first test song."""
    return draw_first_test_song(stem_store, estimates, arm_run, NUM_CHANNELS)
