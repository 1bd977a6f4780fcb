"""The study's curves: the loss of every training, and its error on chunks that no training hears."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sep_pipeline.reporting.figures import COLOURS, finished, panels
from sep_pipeline.training.loop import EVALUATION_PREFIX

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

PANELS = {
    "loss": "loss, training",
    f"{EVALUATION_PREFIX}mae": "mean absolute error, held out",
    f"{EVALUATION_PREFIX}mse": "mean squared error, held out",
    f"{EVALUATION_PREFIX}spectrogram": "error of spectrograms, held out",
}


def loss_figure(curves: pd.DataFrame) -> Figure:
    """A panel per row of the curves, a line per arm, the mean over seeds.

    Args:
        curves: All curves of the study.
    """
    figure, axes = panels(2, 2, size=(4.2, 2.6))
    places = [panel for row in axes for panel in row]
    for panel, (name, title) in zip(places, PANELS.items(), strict=True):
        for index, arm in enumerate(curves["arm"].unique()):
            line = curves[(curves["arm"] == arm) & (curves["name"] == name)].groupby("step")["value"].mean()
            colour = COLOURS[index % len(COLOURS)]
            panel.plot(line.index, line.to_numpy(), color=colour, linewidth=1.2, label=str(arm))
        # Losses with spectrograms in dB are hundreds of times those without.
        if (curves[curves["name"] == name]["value"] > 0).all():
            panel.set_yscale("log")
        panel.set_title(title)
        panel.set_xlabel("updates")
    finished(figure, places[0], "Training, mean over seeds")
    return figure
