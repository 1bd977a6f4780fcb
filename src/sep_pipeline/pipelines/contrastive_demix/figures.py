"""The study's curves: losses of both stages, and what pre-training does to held-out embeddings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd

from sep_pipeline.configuration.contrastive_demix import encoder_name
from sep_pipeline.pipelines.contrastive_demix.embeddings import MEASURES
from sep_pipeline.reporting.figures import COLOURS, finished, panels
from sep_pipeline.training.loop import EVALUATION_PREFIX

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LOSS = "loss"
VALIDATION_LOSS = f"{EVALUATION_PREFIX}{LOSS}"
_ENCODER_PREFIX = encoder_name("")


def pretraining_figure(curves: pd.DataFrame, margin: float) -> Figure:
    """Loss in training, and the held-out triplet loss, accuracy and norm, a line per pre-training.

    Args:
        curves: All curves of the study; without a pre-training the panels are empty.
        margin: Held-out triplet loss of a collapsed encoder, which is drawn as a dashed line.
    """
    own = curves[curves["phase"] == "pretraining"]
    shown = {LOSS: "loss, training"} | {
        f"{EVALUATION_PREFIX}{name}": f"{name.replace('_', ' ')}, held out" for name in MEASURES
    }
    figure, axes = panels(1, len(shown), size=(2.9, 2.6))
    names = [str(name) for name in own["arm"].unique()]
    for panel, (name, title) in zip(axes[0], shown.items(), strict=True):
        _draw_means(panel, own[own["name"] == name], names)
        panel.set_title(title)
        panel.set_xlabel("updates")
    axes[0][1].axhline(margin, color="#888888", linestyle="--", linewidth=0.9)
    finished(figure, axes[0][0], "Pre-training, mean over seeds")
    return figure


def separation_figure(curves: pd.DataFrame) -> Figure:
    """Loss in training and of the validation, a line per arm."""
    own = curves[curves["phase"] == "separation"]
    figure, axes = panels(1, 2, size=(4.4, 2.8))
    names = [str(name) for name in own["arm"].unique()]
    for panel, (name, title) in zip(
        axes[0], {LOSS: "training", VALIDATION_LOSS: "validation"}.items(), strict=True
    ):
        _draw_means(panel, own[own["name"] == name], names)
        panel.set_title(title)
        panel.set_xlabel("updates")
    axes[0][0].set_ylabel("mean absolute error of magnitudes")
    finished(figure, axes[0][0], "Separation, mean over seeds")
    return figure


def _draw_means(panel: Axes, curves: pd.DataFrame, arms: Sequence[str]) -> None:
    for index, arm in enumerate(arms):
        line = curves[curves["arm"] == arm].groupby("step")["value"].mean()
        label = arm.removeprefix(_ENCODER_PREFIX).replace("_", " ")
        panel.plot(
            line.index, line.to_numpy(), color=COLOURS[index % len(COLOURS)], linewidth=1.2, label=label
        )
