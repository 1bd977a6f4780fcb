"""Figures: files that exist, pictures that show their data."""

import numpy as np
import pandas as pd
import pytest
from matplotlib import image

from sep_pipeline.errors import DataError, NoInputError, StemMismatchError
from sep_pipeline.reporting.figures import (
    COLOURS,
    checkpoint_figure,
    spectrogram_figure,
    training_figure,
)

ARMS, STEMS, RATE = ("pretrained", "scratch"), ("drums", "bass"), 8000


def _curve(**more):
    return pd.DataFrame(
        {"arm": arm, "stem": stem, "step": step, "value": 1.0 + step / 20000 + index, **more}
        for arm in ARMS
        for index, stem in enumerate(STEMS)
        for step in (1, 20001, 40001)
    )


def _song():
    time = np.arange(RATE) / RATE
    stems = {
        stem: np.sin(2 * np.pi * hertz * time)[None] for stem, hertz in zip(STEMS, (200, 1500), strict=True)
    }
    return sum(stems.values()), stems


def _pixels(figure, path):
    figure.savefig(path, dpi=60, facecolor="white")
    return image.imread(path)[..., :3]


def _count_of_colour(pixels, colour):
    wanted = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    return int((np.abs(pixels - wanted).max(axis=-1) < 0.02).sum())


def test_checkpoints_have_a_panel_per_arm_and_a_line_per_stem(tmp_path):
    figure = checkpoint_figure(_curve(), title="SDR against checkpoint")
    panels = figure.axes
    assert [panel.get_title() for panel in panels] == list(ARMS)
    line = panels[1].get_lines()[1]
    assert line.get_label() == "bass"
    assert line.get_xdata().tolist() == [1, 20001, 40001]
    assert line.get_ydata().tolist() == pytest.approx([2.00005, 3.00005, 4.00005])
    assert panels[0].get_ylabel() == "SDR (dB)"
    pixels = _pixels(figure, tmp_path / "figure_checkpoints.png")
    assert _count_of_colour(pixels, COLOURS[0]) > 50
    assert _count_of_colour(pixels, COLOURS[1]) > 50


def test_seeds_are_averaged():
    curve = pd.concat([_curve(seed=0), _curve(seed=1).assign(value=lambda frame: frame["value"] + 2)])
    line = checkpoint_figure(curve).axes[0].get_lines()[0]
    assert line.get_ydata()[0] == pytest.approx(2.00005)


def test_training_has_a_panel_per_phase_and_stem_and_a_line_per_arm(tmp_path):
    curves = pd.concat([_curve(phase="phase 1"), _curve(phase="phase 2")])
    figure = training_figure(curves, title="Training loss")
    assert [panel.get_title() for panel in figure.axes] == [
        "drums, phase 1", "bass, phase 1", "drums, phase 2", "bass, phase 2",
    ]  # fmt: skip
    assert [line.get_label() for line in figure.axes[3].get_lines()] == list(ARMS)
    assert all(panel.get_yscale() == "log" for panel in figure.axes)
    assert _pixels(figure, tmp_path / "figure_training.png").std() > 0.02


def test_losses_that_reach_zero_stay_on_a_linear_axis():
    figure = training_figure(_curve().assign(value=0.0))
    assert figure.axes[0].get_yscale() == "linear"


def test_spectrograms_show_every_signal_where_its_energy_is(tmp_path):
    mixture, stems = _song()
    figure = spectrogram_figure(mixture, stems, {stem: 0 * signal for stem, signal in stems.items()}, RATE)
    pictures = {
        panel.get_title(): panel.get_images()[0].get_array() for panel in figure.axes if panel.get_images()
    }
    assert list(pictures) == [
        "mixture",
        "drums, reference",
        "drums, estimate",
        "bass, reference",
        "bass, estimate",
    ]
    rows = np.geomspace(40, RATE / 2, len(pictures["mixture"]))
    loudest = {name: rows[picture.mean(axis=1).argmax()] for name, picture in pictures.items()}
    assert loudest["drums, reference"] == pytest.approx(200, rel=0.05)
    assert loudest["bass, reference"] == pytest.approx(1500, rel=0.05)
    assert pictures["drums, estimate"].max() < -100
    pixels = _pixels(figure, tmp_path / "figure_spectrograms.png")
    assert pixels.std() > 0.1


def test_the_picture_stops_after_the_given_seconds():
    mixture, stems = _song()
    figure = spectrogram_figure(mixture, stems, stems, RATE, max_seconds=0.5)
    assert figure.axes[0].get_images()[0].get_extent()[1] == 0.5


@pytest.mark.parametrize("draw", [checkpoint_figure, training_figure])
def test_curves_without_rows_or_columns_are_refused(draw):
    with pytest.raises(NoInputError, match="nothing to draw"):
        draw(_curve().iloc[:0])
    with pytest.raises(DataError, match="columns"):
        draw(_curve().drop(columns="stem"))


def test_estimates_of_other_stems_are_refused():
    mixture, stems = _song()
    with pytest.raises(StemMismatchError, match="different stems"):
        spectrogram_figure(mixture, stems, {"drums": stems["drums"]}, RATE)
