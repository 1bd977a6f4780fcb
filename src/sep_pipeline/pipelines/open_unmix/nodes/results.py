"""Nodes that turn scores, losses and speed into tables, text and figures."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from sep_pipeline.configuration.open_unmix import ArmParameters, ExcerptParameters
from sep_pipeline.configuration.study import ArmRun
from sep_pipeline.metrics.aggregate import MEAN_OVER_SONGS, MEDIAN_OF_MEDIANS
from sep_pipeline.metrics.track_scores import SDR_WHOLE_SONG, SI_SDR
from sep_pipeline.pipelines.data.store import store_hash
from sep_pipeline.pipelines.open_unmix import losses as loss_tables
from sep_pipeline.pipelines.open_unmix import texts
from sep_pipeline.pipelines.open_unmix.nodes.training import SECONDS
from sep_pipeline.pipelines.study.evaluation import FLOORS
from sep_pipeline.pipelines.study.results import compare_pairs, draw_first_test_song, written_tables
from sep_pipeline.pipelines.version import code_version
from sep_pipeline.reporting.figures import training_figure
from sep_pipeline.reporting.scores import TOTAL
from sep_pipeline.reporting.tables import Provenance, result_table

Arms = Mapping[str, Any]

MAX_DRAWN_ARMS = 12


def make_score_table(
    scores: pd.DataFrame,
    published_results: Mapping[str, Any],
    curves: pd.DataFrame,
    stem_store: Path,
    arms: Arms,
) -> pd.DataFrame:
    """Table 1: museval's metrics and those of whole songs, by arm and target.

    The printed figures stand beside the target they probably belong to, or else beside the total.
    """
    printed = published_results["open_unmix"]["table_1"]
    place = texts.PRINTED_TARGET if texts.PRINTED_TARGET in set(scores["stem"]) else TOTAL
    steps = curves.groupby("arm")["step"].max().to_dict()
    data_hash = store_hash(stem_store)
    return result_table(
        scores,
        aggregations=dict.fromkeys(texts.FRAME_METRICS, MEDIAN_OF_MEDIANS)
        | {SDR_WHOLE_SONG: MEAN_OVER_SONGS, SI_SDR: MEAN_OVER_SONGS},
        provenance={
            str(arm): Provenance(
                steps=int(count), weights=_parsed(arms)[str(arm)].model.origin, data_hash=data_hash
            )
            for arm, count in steps.items()
        },
        code_version=code_version(),
        published={
            metric: {arm: {place: figures[metric]} for arm, figures in printed.items() if arm != "caption"}
            for metric in texts.FRAME_METRICS
        },
    )


def make_loss_tables(
    curves: pd.DataFrame,
    published_results: Mapping[str, Any],
    arms: Arms,
    examples: ExcerptParameters,
    comparison_updates: Sequence[int],
    inputs_checked: Mapping[str, Any],
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Losses and time.

    Returns:
        Table 2: settings, losses and time of every arm, beside the printed ones. Table 3: losses at equal
        updates and at equal epochs, target by target and seed by seed.
    """
    parsed = _parsed(arms)
    at_points = loss_tables.losses_at_comparison_points(
        curves, parsed, comparison_updates, inputs_checked["train_tracks"]
    )
    means = loss_tables.last_epochs(loss_tables.means_over_cells(at_points)).set_index("arm")
    seconds = loss_tables.seconds_per_epoch(curves, at_points, SECONDS)
    printed = published_results["open_unmix"]["table_2"]
    rows = [
        {"arm": name, **_settings(parsed[name]), "workers": examples.num_workers}
        | {column: means.at[name, column] for column in ("updates", "train_loss", "validation_loss")}
        | {"seconds_per_epoch": seconds[name], **_printed_row(printed.get(name, {}))}
        for name in means.index
    ]
    return pd.DataFrame(rows, columns=list(texts.SETTING_COLUMNS)), at_points


def _settings(arm: ArmParameters) -> dict[str, object]:
    return {
        "batch_size": arm.training.batch_size,
        "hidden_size": arm.model.hidden_size,
        "samples_per_track": arm.training.samples_per_track,
        "epochs": arm.training.epochs,
        "direction": "one" if arm.model.unidirectional else "both",
    }


def _printed_row(printed: Mapping[str, float]) -> dict[str, float]:
    seconds, epochs = printed.get("seconds", math.nan), printed.get("epochs", math.nan)
    return {"published_loss": printed.get("loss", math.nan), "published_seconds_per_epoch": seconds / epochs}


def compare_directions(
    scores: pd.DataFrame, speed: pd.DataFrame, bidirectional: str, unidirectional: str
) -> tuple[pd.DataFrame, str]:
    """What a unidirectional model costs and gains.

    Returns:
        Table 4: the unidirectional arm against the bidirectional, in quality and speed. And every arm against
        the bidirectional one and the floors, in sentences.
    """
    pair = [(unidirectional, bidirectional)]
    stems = [str(stem) for stem in scores["stem"].unique()]
    quality, _ = compare_pairs(scores, pair, stems=(TOTAL, *stems))
    table = pd.concat(
        [texts.quality_rows(quality, scores), texts.speed_rows(speed, bidirectional, unidirectional)]
    )
    arms = [arm for arm in scores["arm"].unique() if arm not in FLOORS]
    pairs = [(arm, bidirectional) for arm in arms if arm != bidirectional]
    pairs += [(arm, floor) for arm in arms for floor in FLOORS]
    return table.reset_index(drop=True), compare_pairs(scores, pairs)[1]


def write_tables(
    verdicts: str,
    published_results: Mapping[str, Any],
    table_1: pd.DataFrame,
    table_2: pd.DataFrame,
    table_3: pd.DataFrame,
    table_4: pd.DataFrame,
) -> tuple[str, ...]:
    """The tables as Markdown, and the text printed at the end of a run."""
    printed = published_results["open_unmix"]
    written = (
        texts.score_table(table_1, printed["table_1"]),
        texts.loss_table(table_2),
        texts.comparison_points_table(table_3),
        texts.direction_table(table_4),
    )
    return written_tables(written, verdicts, below=0)


def draw_losses(curves: pd.DataFrame, arms: Arms, inputs_checked: Mapping[str, Any]) -> tuple[Figure, Figure]:
    """Train and validation loss against updates, and against epochs, a panel per target, a line per arm.

    No more than `MAX_DRAWN_ARMS` are shown, the first ones of the run, since more lines cannot be told apart.
    """
    parsed = _parsed(arms)
    names = {loss_tables.LOSS: "train", loss_tables.VALIDATION_LOSS: "validation"}
    shown = curves[curves["name"].isin(names)]
    shown = shown.assign(phase=shown["name"].map(names))
    trained = shown["arm"].unique()
    which = f", the first {MAX_DRAWN_ARMS} of {len(trained)} arms" if len(trained) > MAX_DRAWN_ARMS else ""
    shown = shown[shown["arm"].isin(trained[:MAX_DRAWN_ARMS])]
    if shown.empty:
        shown = pd.DataFrame([{"arm": "none", "stem": TOTAL, "step": 0, "value": math.nan, "phase": "train"}])
    per_epoch = {
        name: arm.training.updates_per_epoch(inputs_checked["train_tracks"]) for name, arm in parsed.items()
    }
    by_epoch = shown.assign(step=shown["step"] / shown["arm"].map(per_epoch))
    return (
        training_figure(shown, title=f"Loss against updates{which}", x_label="updates"),
        training_figure(by_epoch, title=f"Loss against epochs{which}", x_label="epochs"),
    )


def draw_spectrograms(stem_store: Path, estimates: Path, arm_run: ArmRun) -> Figure:
    """Mixture, references and estimates of the first test song."""
    return draw_first_test_song(stem_store, estimates, arm_run, None)


def _parsed(arms: Arms) -> dict[str, ArmParameters]:
    return {name: ArmParameters.model_validate(arm) for name, arm in arms.items()}
