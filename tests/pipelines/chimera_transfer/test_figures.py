"""Figures of study 2 by what is drawn in them: bars and marks, points and medians, curves and the level."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import same_color

from sep_pipeline.pipelines.chimera_transfer.figures import condition_figure, curve_figure, gain_figure
from sep_pipeline.pipelines.chimera_transfer.tables import CURVE_COLUMNS, model_table
from sep_pipeline.reporting.figures import COLOURS

GREY = "#999999"


def written(panel: Any) -> list[str]:
    return [text.get_text() for text in panel.texts if text.get_text()]


def legend_of(figure: Any) -> list[str]:
    (legend,) = figure.legends
    return [text.get_text() for text in legend.get_texts()]


class TestGain:
    @pytest.fixture
    def models(self, make_scores: Any, make_facts: Any) -> pd.DataFrame:
        """Three bars on Bach10, two on ChoirSet; a mask-model and a condition that are not shown."""
        cells = (
            ("", "none", "bach10", "scratch", 1.0),
            ("musdb", "none", "bach10", "whole", 4.0),
            ("slakh", "none", "bach10", "whole", 3.0),
            ("slakh", "none", "bach10", "mask", 9.0),
            ("slakh", "pitch_shift", "bach10", "whole", 8.0),
            ("", "none", "choirset", "scratch", -2.0),
            ("slakh", "none", "choirset", "whole", -1.0),
        )
        facts = make_facts(*(cell[:4] for cell in cells))
        excerpts = pd.concat(
            make_scores(arm, [cell[4] - 1, cell[4] + 1], downstream=cell[2])
            for arm, cell in zip(facts["arm"], cells, strict=True)
        )
        return model_table(excerpts, facts)

    @pytest.fixture
    def figure(self, models: pd.DataFrame, make_comparisons: Any) -> Any:
        comparisons = make_comparisons(
            {"pretraining": "musdb", "by_excerpts": "higher", "by_songs": "higher"},
            {"pretraining": "slakh", "by_songs": "lower"},
            {"pretraining": "slakh", "downstream": "choirset", "by_excerpts": "lower"},
            {"pretraining": "slakh", "condition": "pitch_shift", "by_excerpts": "higher"},
            {"kind": "condition", "pretraining": "slakh", "by_excerpts": "higher"},
        )
        return gain_figure(models, comparisons, title="Figure 1")

    def test_every_plain_whole_model_and_scratch_has_a_bar(self, figure: Any) -> None:
        (panel,) = figure.axes
        bars = {
            container.get_label(): [patch.get_height() for patch in container.patches]
            for container in panel.containers
            if hasattr(container, "patches")
        }
        assert bars == {"scratch": [1, -2], "MUSDB": [4], "Slakh": [3, -1]}

    def test_bars_of_a_set_stand_around_its_name(self, figure: Any) -> None:
        (panel,) = figure.axes
        assert [tick.get_text() for tick in panel.get_xticklabels()] == ["Bach10", "Dagstuhl ChoirSet"]
        middles = sorted(patch.get_x() + patch.get_width() / 2 for patch in panel.patches)
        assert middles == pytest.approx([-0.8 / 3, 0, 0.8 / 3, 1 - 0.8 / 3, 1 + 0.8 / 3])

    def test_intervals_reach_from_low_to_high(self, figure: Any, models: pd.DataFrame) -> None:
        (panel,) = figure.axes
        drawn = [segment for lines in panel.collections for segment in lines.get_segments()]
        ends = sorted(tuple(segment[:, 1]) for segment in drawn)
        shown = models[(models["variant"] != "mask") & (models["condition"] == "none")]
        np.testing.assert_allclose(ends, sorted(zip(shown["low"], shown["high"], strict=True)))

    def test_marks_are_those_of_the_comparison_with_scratch(self, figure: Any) -> None:
        (panel,) = figure.axes
        assert sorted(written(panel)) == sorted(["*†", "†", "−"])
        (both,) = (text for text in panel.texts if text.get_text() == "*†")
        assert both.xy == pytest.approx((0.0, 5.0))

    def test_marks_of_bars_below_zero_stand_above_it(self, figure: Any) -> None:
        (mark,) = (text for text in figure.axes[0].texts if text.get_text() == "−")
        assert mark.xy == pytest.approx((1 + 0.8 / 3, 0.0))

    def test_scratch_is_grey_and_explained_first(self, figure: Any) -> None:
        assert legend_of(figure) == ["scratch", "MUSDB", "Slakh"]
        first = figure.axes[0].patches[0]
        assert same_color(first.get_facecolor(), GREY)
        assert same_color(figure.axes[0].patches[2].get_facecolor(), COLOURS[0])
        assert figure.get_suptitle() == "Figure 1"
        assert figure.axes[0].get_ylabel() == "SI-SDR (dB)"

    def test_a_model_without_an_interval_has_a_bar(
        self, make_scores: Any, make_facts: Any, make_comparisons: Any
    ) -> None:
        facts = make_facts(("", "none", "bach10", "scratch"))
        models = model_table(make_scores("bach10_scratch", [2]), facts)
        figure = gain_figure(models, make_comparisons())
        assert [patch.get_height() for patch in figure.axes[0].patches] == [2]
        figure.canvas.draw()

    def test_without_models_it_says_so(self, models: pd.DataFrame, make_comparisons: Any) -> None:
        figure = gain_figure(models.iloc[:0], make_comparisons())
        assert written(figure.axes[0]) == ["not run"]
        assert not figure.axes[0].patches
        assert not figure.legends


class TestConditions:
    @pytest.fixture
    def figure(self, make_comparisons: Any) -> Any:
        base = {"kind": "condition", "condition": "pitch_shift"}
        return condition_figure(
            make_comparisons(
                {**base, "difference": 1.0},
                {**base, "downstream": "choirset", "difference": 2.0},
                {**base, "pretraining": "musdb", "difference": -0.5},
                {**base, "condition": "incoherent", "difference": -2.0},
                {**base, "variant": "mask", "difference": 50.0},
                {"difference": 70.0},
            ),
            title="Figure 2",
        )

    def test_every_comparison_of_whole_models_is_a_point(self, figure: Any) -> None:
        points = [line for line in figure.axes[0].get_lines() if line.get_linestyle() == "None"]
        drawn = {
            (line.get_color(), line.get_marker()): [float(value) for value in line.get_ydata()]
            for line in points
        }
        assert drawn == {
            (COLOURS[0], "o"): [1.0, -2.0],
            (COLOURS[0], "s"): [2.0],
            (COLOURS[1], "o"): [-0.5],
        }

    def test_points_stay_in_the_column_of_their_condition(self, figure: Any) -> None:
        (panel,) = figure.axes
        assert [tick.get_text() for tick in panel.get_xticklabels()] == ["pitch shift", "incoherent"]
        places = [
            round(float(at))
            for line in panel.get_lines()
            if line.get_linestyle() == "None"
            for at in line.get_xdata()
        ]
        assert sorted(places) == [0, 0, 0, 1]

    def test_points_have_their_intervals(self, figure: Any) -> None:
        segments = [segment for lines in figure.axes[0].collections for segment in lines.get_segments()]
        assert sorted(tuple(segment[:, 1]) for segment in segments) == [(-3, -1), (-1.5, 0.5), (0, 2), (1, 3)]

    def test_a_line_stands_at_the_median_of_every_condition(self, figure: Any) -> None:
        lines = [
            list(line.get_ydata()) for line in figure.axes[0].get_lines() if line.get_color() == "#000000"
        ]
        assert lines == [[1.0, 1.0], [-2.0, -2.0]]
        assert written(figure.axes[0]) == ["+1.00", "−2.00"]

    def test_colours_and_markers_are_explained(self, figure: Any) -> None:
        names = {name for name in legend_of(figure) if name.strip()}
        assert names == {"from Slakh", "from MUSDB", "to Bach10", "to Dagstuhl ChoirSet"}
        assert figure.get_suptitle() == "Figure 2"

    def test_without_conditions_it_says_so(self, make_comparisons: Any) -> None:
        figure = condition_figure(make_comparisons({}))
        assert written(figure.axes[0]) == ["not run"]
        assert not figure.legends


class TestCurves:
    @pytest.fixture
    def figure(self, make_curve: Any, make_facts: Any) -> Any:
        facts = make_facts(
            ("slakh", "none", "choirset", "whole"),
            ("", "none", "choirset", "scratch"),
            ("", "none", "bach10", "scratch"),
            ("musdb", "none", "bach10", "whole"),
        )
        curves = pd.concat(
            [
                make_curve("choirset_slakh_none_whole", {100: 4, 200: 6}),
                make_curve("choirset_slakh_none_whole", {100: 2, 200: 5}, seed=1),
                make_curve("choirset_scratch", {100: 1, 200: 2, 300: math.nan, 400: 3}),
                make_curve("bach10_scratch", {100: 0}, downstream="bach10"),
            ]
        )
        return curve_figure(curves, facts, 5.0, title="Figure 3")

    def test_every_set_with_a_curve_has_a_panel(self, figure: Any) -> None:
        assert [panel.get_title() for panel in figure.axes] == ["Dagstuhl ChoirSet", "Bach10"]
        assert figure.get_suptitle() == "Figure 3"
        assert figure.axes[0].get_ylabel() == "test SI-SDR (dB)"

    def test_every_arm_is_a_line_of_means_over_seeds(self, figure: Any) -> None:
        lines = {line.get_label(): line for line in figure.axes[0].get_lines()}
        assert list(lines) == ["Slakh, none, whole", "scratch", "5 dB"]
        tuned, scratch = lines["Slakh, none, whole"], lines["scratch"]
        assert (list(tuned.get_xdata()), list(tuned.get_ydata())) == ([100, 200], [3.0, 5.5])
        assert (list(scratch.get_xdata()), list(scratch.get_ydata())) == ([100, 200, 400], [1, 2, 3])

    def test_scratch_is_grey_and_dashed(self, figure: Any) -> None:
        tuned, scratch, _ = figure.axes[0].get_lines()
        assert (scratch.get_color(), scratch.get_linestyle()) == (GREY, "--")
        assert (tuned.get_color(), tuned.get_linestyle()) == (COLOURS[0], "-")

    def test_the_level_is_a_line_across(self, figure: Any) -> None:
        for panel in figure.axes:
            level = panel.get_lines()[-1]
            assert (level.get_label(), list(level.get_ydata())) == ("5 dB", [5.0, 5.0])

    def test_a_band_reaches_from_the_lowest_seed_to_the_highest(self, figure: Any) -> None:
        band = figure.axes[0].collections[0].get_paths()[0].vertices
        assert set(map(tuple, band)) == {(100, 2), (100, 4), (200, 5), (200, 6)}

    def test_every_panel_explains_its_lines(self, figure: Any) -> None:
        texts = [[text.get_text() for text in panel.get_legend().get_texts()] for panel in figure.axes]
        assert texts == [["Slakh, none, whole", "scratch", "5 dB"], ["scratch", "5 dB"]]

    def test_without_curves_it_says_so(self, make_facts: Any) -> None:
        facts = make_facts(("", "none", "choirset", "scratch"))
        figure = curve_figure(pd.DataFrame(columns=list(CURVE_COLUMNS)), facts, 5.0)
        assert written(figure.axes[0]) == ["not run"]
        assert not figure.axes[0].get_lines()
