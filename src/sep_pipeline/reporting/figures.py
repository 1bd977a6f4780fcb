"""Figures: scores against checkpoints, training curves, spectrograms of one song.

Nothing here opens a window; figures are drawn on the Agg canvas.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from sep_pipeline.errors import DataError, NoInputError, StemMismatchError

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000", "#999999")
"""Colours that remain apart for the common forms of colour blindness (Okabe and Ito 2008)."""

_DASHES = ("-", "--", ":")

_MARKERS = "os^Dvp*X"
_STYLE: dict[Any, Any] = {
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "font.size": 9.0,
    "axes.titlesize": 10.0,
    "legend.frameon": False,
}
_PANEL_INCHES = (2.9, 2.2)
DYNAMIC_RANGE_DB = 80.0
"""Of spectrograms, below the loudest bin of the mixture."""

_LOWEST_HZ = 40.0
_NUM_PICTURE_ROWS = 256
_NUM_PICTURE_COLUMNS = 1000

Audio = npt.NDArray[np.floating[Any]]


def checkpoint_figure(curve: pd.DataFrame, *, metric: str = "SDR", title: str = "") -> Figure:
    """Score against checkpoint: one panel per arm, one line per stem, one scale for all.

    Args:
        curve: Columns arm, stem, step, value (dB); rows of several seeds or songs are averaged.
        metric: Name on the axis.
        title: Text above the panels.

    Returns:
        The figure.

    Raises:
        DataError: Columns are missing.
        NoInputError: There are no rows.
    """
    _require(curve, ("arm", "stem", "step", "value"))
    arms, stems = list(curve["arm"].unique()), list(curve["stem"].unique())
    figure, axes = panels(1, len(arms), size=(3.4, 2.8), shares_y=True)
    for panel, arm in zip(axes[0], arms, strict=True):
        for index, stem in enumerate(stems):
            chosen = curve[(curve["arm"] == arm) & (curve["stem"] == stem)]
            line = chosen.groupby("step")["value"].mean()
            panel.plot(line.index, line.to_numpy(), label=stem, **_line_style(index))
        panel.axhline(0.0, color="#888888", linewidth=0.8)
        panel.set_title(arm)
        panel.set_xlabel("checkpoint (steps)")
        panel.xaxis.set_major_formatter(short_steps)
    axes[0][0].set_ylabel(f"{metric} (dB)")
    finished(figure, axes[0][0], title)
    return figure


def training_figure(
    curves: pd.DataFrame, *, title: str = "", has_log_scale: bool = True, x_label: str = "step"
) -> Figure:
    """Training loss: one panel per phase and stem, one line per arm, so that arms are compared in one place.

    Args:
        curves: Columns arm, stem, step, value and, optionally, phase; rows of several seeds are averaged.
        title: Text above the panels.
        has_log_scale: Whether the loss axis is logarithmic; panels with values of 0 or less stay linear.
        x_label: What `step` counts.

    Returns:
        The figure.

    Raises:
        DataError: Columns are missing.
        NoInputError: There are no rows.
    """
    _require(curves, ("arm", "stem", "step", "value"))
    table = curves if "phase" in curves.columns else curves.assign(phase="")
    phases, stems, arms = (list(table[name].unique()) for name in ("phase", "stem", "arm"))
    figure, axes = panels(len(phases), len(stems), size=_PANEL_INCHES)
    for row, phase in enumerate(phases):
        for column, stem in enumerate(stems):
            panel = axes[row][column]
            chosen = table[(table["phase"] == phase) & (table["stem"] == stem)]
            _draw_losses(panel, chosen, arms)
            if has_log_scale and len(chosen) and (chosen["value"] > 0).all():
                _set_log_scale(panel)
            panel.set_title(f"{stem}, {phase}" if phase else stem)
            panel.xaxis.set_major_formatter(short_steps)
        axes[row][0].set_ylabel("loss")
    for panel in axes[-1]:
        panel.set_xlabel(x_label)
    finished(figure, axes[0][0], title)
    return figure


def spectrogram_figure(
    mixture: Audio,
    references: Mapping[str, Audio],
    estimates: Mapping[str, Audio],
    sample_rate: int,
    *,
    title: str = "",
    max_seconds: float = 20.0,
) -> Figure:
    """Spectrograms of one song: the mixture above, then reference and estimate of every stem side by side.

    All panels share one colour scale, 80 dB below the loudest bin of the mixture.

    Args:
        mixture: (channel, time); channels are averaged for the picture.
        references: Stem name to the true signal, of the same shape.
        estimates: Stem name to the estimate.
        sample_rate: In Hz.
        title: Text above the panels.
        max_seconds: The picture stops here.

    Returns:
        The figure.

    Raises:
        StemMismatchError: References and estimates name different stems.
    """
    if set(references) != set(estimates) or not references:
        raise StemMismatchError(
            "references and estimates name different stems",
            expected=sorted(references),
            found=sorted(estimates),
        )
    stop = max(1, int(max_seconds * sample_rate))
    named = {"mixture": mixture}
    for stem in references:
        named |= {f"{stem}, reference": references[stem], f"{stem}, estimate": estimates[stem]}
    pictures = [(name, level_db(signal[:, :stop], sample_rate)) for name, signal in named.items()]
    loudest = float(pictures[0][1].max())
    figure, axes = panels(len(references) + 1, 2, size=(4.6, 1.7), shares_y=True)
    axes[0][1].set_axis_off()
    places = [axes[0][0], *(panel for row in axes[1:] for panel in row)]
    seconds = min(stop, mixture.shape[-1]) / sample_rate
    for panel, (name, level) in zip(places, pictures, strict=True):
        image = _draw_spectrogram(panel, name, level, seconds, sample_rate, loudest)
    for panel in axes[-1]:
        panel.set_xlabel("time (s)")
    for row in axes:
        row[0].set_ylabel("Hz")
    bar = axes[0][1].inset_axes((0.1, 0.5, 0.8, 0.12))
    figure.colorbar(image, cax=bar, orientation="horizontal", label="level (dB)")
    figure.suptitle(title, fontsize=11)
    return figure


def panels(
    num_rows: int, num_columns: int, *, size: tuple[float, float], shares_y: bool = False
) -> tuple[Figure, Sequence[Sequence[Axes]]]:
    """An empty figure in the project's style and its axes, (row, column); `size` is that of a panel in inches."""
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with rc_context(_STYLE):
        figure = Figure(figsize=(size[0] * num_columns + 0.6, size[1] * num_rows + 0.7), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots(num_rows, num_columns, squeeze=False, sharey=shares_y)
    return figure, axes.tolist()


def _draw_losses(panel: Axes, curves: pd.DataFrame, arms: Sequence[str]) -> None:
    for index, arm in enumerate(arms):
        line = curves[curves["arm"] == arm].groupby("step")["value"].mean()
        panel.plot(
            line.index,
            line.to_numpy(),
            color=COLOURS[index % len(COLOURS)],
            # Lines that share a colour differ in their dashes.
            linestyle=_DASHES[index // len(COLOURS) % len(_DASHES)],
            linewidth=1.1,
            label=str(arm),
        )


def _set_log_scale(panel: Axes) -> None:
    """Plain numbers at the ticks, of which a narrow range of losses would otherwise have one."""
    from matplotlib.ticker import LogLocator, NullFormatter

    panel.set_yscale("log")
    panel.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    panel.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    panel.yaxis.set_minor_formatter(NullFormatter())


def _draw_spectrogram(
    panel: Axes, name: str, level: npt.NDArray[np.float64], seconds: float, sample_rate: int, loudest: float
) -> Any:
    panel.grid(visible=False)
    panel.set_title(name)
    decades = np.log10([_LOWEST_HZ, sample_rate / 2])
    ticks = [hertz for hertz in (100, 1000, 10000) if hertz < sample_rate / 2]
    panel.set_yticks(np.log10(ticks), [short_steps(hertz) for hertz in ticks])
    return panel.imshow(
        level,
        origin="lower",
        aspect="auto",
        extent=(0.0, seconds, decades[0], decades[1]),
        vmin=loudest - DYNAMIC_RANGE_DB,
        vmax=loudest,
        cmap="magma",
        interpolation="nearest",
    )


def level_db(
    audio: Audio,
    sample_rate: int,
    *,
    num_rows: int = _NUM_PICTURE_ROWS,
    num_columns: int = _NUM_PICTURE_COLUMNS,
    n_fft: int = 4096,
) -> npt.NDArray[np.float64]:
    """Level of the mean over channels, for pictures.

    Args:
        audio: (channel, time).
        sample_rate: Hz.
        num_rows: Frequencies, spaced by equal ratios from 40 Hz to half the sample rate.
        num_columns: About so many frames, fewer for a short signal.
        n_fft: Samples per frame.

    Returns:
        float64, (row, frame), dB, low frequencies first.
    """
    import torch

    mono = torch.from_numpy(np.ascontiguousarray(audio.mean(axis=0), dtype=np.float32))
    hop = max(n_fft // 8, mono.shape[-1] // num_columns)
    spectrum = torch.stft(
        mono, n_fft, hop, window=torch.hann_window(n_fft), pad_mode="constant", return_complex=True
    )
    hertz = np.geomspace(_LOWEST_HZ, sample_rate / 2, num_rows)
    bins = np.round(hertz * n_fft / sample_rate).astype(np.int64)
    return np.asarray(20.0 * torch.log10(spectrum[bins].abs().double() + 1e-7))


def _line_style(index: int) -> dict[str, Any]:
    return {
        "color": COLOURS[index % len(COLOURS)],
        "marker": _MARKERS[index % len(_MARKERS)],
        "markersize": 4.0,
        "linewidth": 1.4,
    }


def short_steps(value: float, _position: float | None = None) -> str:
    """20000 as "20K", as the study's figure has it."""
    return f"{value / 1000:g}K" if abs(value) >= 1000 else f"{value:g}"


def finished(figure: Figure, first_panel: Axes, title: str) -> None:
    """Add the legend of a panel below all of them, and a title."""
    handles, labels = first_panel.get_legend_handles_labels()
    figure.legend(
        handles, labels, loc="outside lower center", ncols=max(1, min(len(labels), 6)), frameon=False
    )
    if title:
        figure.suptitle(title, fontsize=11)


def _require(table: pd.DataFrame, columns: Sequence[str]) -> None:
    if any(name not in table.columns for name in columns):
        raise DataError("the curve lacks columns", expected=list(columns), found=list(table.columns))
    if table.empty:
        raise NoInputError("there is nothing to draw", expected="at least one row")
