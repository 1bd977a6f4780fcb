"""Train and validation losses of the arms, read off their curves at equal updates and at equal epochs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import pandas as pd

from sep_pipeline.configuration.open_unmix import ArmParameters
from sep_pipeline.training.loop import EVALUATION_PREFIX

LOSS = "loss"
VALIDATION_LOSS = f"{EVALUATION_PREFIX}{LOSS}"
LOSS_COLUMNS = ("arm", "stem", "seed", "basis", "at", "updates", "train_loss", "validation_loss")
"""Columns of a table of losses: `at` so many `updates` or `epochs`."""

CELL = ["arm", "stem", "seed"]


def losses_at_comparison_points(
    curves: pd.DataFrame,
    arms: Mapping[str, ArmParameters],
    comparison_updates: Sequence[int],
    num_tracks: int,
) -> pd.DataFrame:
    """Losses of every cell after its epochs and after given numbers of updates.

    The train loss of an epoch is the mean over its batches while the weights were changing, as the
    `openunmix` package reports it; that at a number of updates is the mean over the updates since the number
    before. The validation loss is that of the weights at that moment over whole songs.

    Args:
        curves: All curves of the study.
        arms: Arm to its parameters.
        comparison_updates: Numbers of updates.
        num_tracks: Training tracks, which fix the length of an epoch.

    Returns:
        `LOSS_COLUMNS`, one row per cell and point that it reached.
    """
    rows: list[dict[str, object]] = []
    for (arm, stem, seed), curve in curves.groupby(CELL, sort=False):
        if arms[str(arm)].model.released is not None:
            continue
        per_epoch = arms[str(arm)].training.updates_per_epoch(num_tracks)
        place = {"arm": arm, "stem": stem, "seed": seed}
        last = curve["step"].max()
        for epoch in range(1, last // per_epoch + 1):
            losses = _losses(curve, (epoch - 1) * per_epoch, epoch * per_epoch)
            rows.append(place | {"basis": "epochs", "at": epoch} | losses)
        for start, updates in pairwise([0, *sorted(comparison_updates)]):
            if updates <= last:
                rows.append(place | {"basis": "updates", "at": updates} | _losses(curve, start, updates))
    return pd.DataFrame(rows, columns=list(LOSS_COLUMNS))


def _losses(curve: pd.DataFrame, start: int, stop: int) -> dict[str, object]:
    train = curve[(curve["name"] == LOSS) & (curve["step"] > start) & (curve["step"] <= stop)]
    validation = curve[(curve["name"] == VALIDATION_LOSS) & (curve["step"] == stop)]
    return {
        "updates": stop,
        "train_loss": train["value"].mean(),
        "validation_loss": validation["value"].mean(),
    }


def means_over_cells(losses: pd.DataFrame) -> pd.DataFrame:
    """Means over targets and seeds: arm, basis, at, updates, train_loss, validation_loss."""
    keys = ["arm", "basis", "at", "updates"]
    return losses.groupby(keys, sort=False)[["train_loss", "validation_loss"]].mean().reset_index()


def last_epochs(losses: pd.DataFrame) -> pd.DataFrame:
    """Of `means_over_cells` the last epoch of every arm."""
    epochs = losses[losses["basis"] == "epochs"]
    return epochs.loc[epochs.groupby("arm", sort=False)["at"].idxmax()]


def seconds_per_epoch(curves: pd.DataFrame, losses: pd.DataFrame, seconds_name: str) -> dict[str, float]:
    """Arm to the mean time of an epoch of one target, in seconds, with its evaluations."""
    epochs = losses[losses["basis"] == "epochs"].groupby(CELL, sort=False)["at"].max()
    times = curves[curves["name"] == seconds_name].set_index(CELL)["value"].reindex(epochs.index)
    means = times.groupby("arm", sort=False).sum() / epochs.groupby("arm", sort=False).sum()
    return {str(arm): float(seconds) for arm, seconds in means.items()}
