import pandas as pd
import pytest

from sep_pipeline.reporting.page import loss_charts
from sep_pipeline.reporting.page.charts import HEIGHT, WIDTH


def curve(arm, values, *, stem="drums", phase="phase_one", name="loss", seed=0, steps=None):
    return pd.DataFrame(
        {
            "step": steps or range(1, len(values) + 1),
            "name": name,
            "value": [float(value) for value in values],
            "arm": arm,
            "stem": stem,
            "seed": seed,
            "phase": phase,
        }
    )


def charts(*curves, heard=("a", "b"), max_arms=4):
    return loss_charts(pd.concat(curves, ignore_index=True), heard, max_arms=max_arms)


def points(line):
    return [tuple(map(float, pair.split(","))) for pair in line.points.split()]


def test_a_chart_per_phase_and_a_panel_per_stem():
    found = charts(curve("a", [2, 1]), curve("a", [2, 1], stem="bass"), curve("a", [2, 1], phase="phase_two"))
    assert [(chart.title, [panel.title for panel in chart.panels]) for chart in found] == [
        ("phase one", ["drums", "bass"]),
        ("phase two", ["drums"]),
    ]


def test_a_line_falls_from_one_corner_to_the_other():
    ((panel,),) = (chart.panels for chart in charts(curve("a", [3, 2, 1])))
    (line,) = panel.lines
    assert points(line) == [(40.0, 8.0), (166.0, 78.0), (292.0, 148.0)]


def test_a_wide_range_of_losses_is_logarithmic():
    ((panel,),) = (chart.panels for chart in charts(curve("a", [100, 10, 1])))
    assert points(panel.lines[0])[1] == (166.0, 78.0)
    assert [label for _, label in panel.y_ticks] == ["1", "2", "5", "10", "20", "50", "100"]


def test_updates_are_whole_numbers():
    ((panel,),) = (chart.panels for chart in charts(curve("a", [3, 2, 1])))
    assert [label for _, label in panel.x_ticks] == ["1", "2", "3"]


def test_seeds_are_averaged():
    ((one,),) = (chart.panels for chart in charts(curve("a", [3, 1]), curve("b", [2, 0])))
    ((two,),) = (
        chart.panels for chart in charts(curve("a", [4, 1]), curve("a", [2, 1], seed=1), curve("b", [2, 0]))
    )
    assert {line.arm: line.points for line in two.lines}["a"] == one.lines[0].points


def test_training_and_validation_of_an_arm_share_its_colour():
    ((panel,),) = (
        chart.panels for chart in charts(curve("b", [3, 1]), curve("b", [2], name="evaluation/loss"))
    )
    assert {(line.colour, line.is_validation) for line in panel.lines} == {(1, False), (1, True)}


def test_a_single_value_is_a_dot():
    ((panel,),) = (chart.panels for chart in charts(curve("a", [3])))
    first, second = points(panel.lines[0])
    assert first == second


def test_arms_that_are_not_heard_stay_in_the_background():
    (chart,) = charts(curve("c", [5, 4]), curve("b", [3, 1]))
    assert chart.legend == (("b", 1),)
    assert chart.num_others == 1
    assert [(line.arm, line.colour) for line in chart.panels[0].lines] == [("c", None), ("b", 1)]


def test_a_phase_of_other_arms_has_colours_of_its_own():
    (chart,) = charts(*(curve(f"pretraining_{name}", [5, 4]) for name in "xyz"), max_arms=2)
    assert chart.legend == (("pretraining_x", 0), ("pretraining_y", 1))
    assert chart.num_others == 1


def test_a_long_curve_is_thinned_and_keeps_its_ends():
    ((panel,),) = (chart.panels for chart in charts(curve("a", range(5000, 0, -1))))
    found = points(panel.lines[0])
    assert len(found) == 200
    assert (found[0][0], found[-1][0]) == (40.0, 292.0)


@pytest.mark.parametrize("value", [float("inf"), float("nan")])
def test_what_is_not_finite_is_left_out(value):
    ((panel,),) = (chart.panels for chart in charts(curve("a", [3, value, 1])))
    assert len(points(panel.lines[0])) == 2


def test_everything_lies_within_the_picture():
    ((panel,),) = (chart.panels for chart in charts(curve("a", [3, 900, 0.01, 7])))
    assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in points(panel.lines[0]))


def test_without_losses_there_is_no_chart():
    assert charts(curve("a", [1, 2], name="gradient_norm")) == ()
