"""Tables of study 4 as text: ours beside the printed figures, dashes, and the row of the package."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from sep_pipeline.pipelines.open_unmix import texts
from sep_pipeline.pipelines.open_unmix.losses import losses_at_comparison_points
from sep_pipeline.pipelines.open_unmix.nodes import (
    compare_directions,
    draw_losses,
    make_loss_tables,
    write_tables,
)

CONF = Path(__file__).parents[3] / "conf"
METRICS = ("SDR", "SIR", "ISR", "SAR")
PRINTED_SCORES = {
    "umx": (7.537, 12.091, 14.586, 8.679),
    "open_unmix": (2.326, 3.028, 6.588, 5.347),
    "open_unmix2": (2.746, 2.954, 7.706, 6.288),
    "open_unmix3": (1.934, 2.849, 5.579, 4.07),
    "open_unmix4": (2.767, 3.052, 9.831, 7.201),
    "open_unmix5": (2.898, 3.628, 9.272, 6.63),
}
PRINTED_LOSSES = {
    "open_unmix": (9.536, 470, 1),
    "open_unmix2": (8.55, 463, 1),
    "open_unmix3": (11.2, 462, 1),
    "open_unmix4": (3.2, 31 * 60 + 9, 4),
    "open_unmix5": (2.26, 78 * 60, 5),
    "open_unmix6": (9.56, 20 * 60, 1),
}


@pytest.fixture
def published() -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((CONF / "base" / "published.yml").read_text(encoding="utf-8"))
    return content


def result(arm: str, stem: str, metric: str, value: float) -> dict[str, Any]:
    place = {"arm": arm, "stem": stem, "metric": metric, "value": value}
    return {**place, "low": value - 1, "high": value + 1, "num_tracks": 5, "num_seeds": 2}


@pytest.fixture
def make_results() -> Any:
    """Rows of table 1: every arm has the values 1, 2, 3, 4 for the stem and half of it for the total."""

    def make(*arms: str, stems: tuple[str, ...] = ("drums", "vocals")) -> pd.DataFrame:
        return pd.DataFrame(
            [
                result(arm, stem, metric, value / (2 if stem == "total" else 1))
                for arm in arms
                for stem in (*stems, "total")
                for value, metric in enumerate(METRICS, start=1)
            ]
        )

    return make


def test_printed_scores_are_those_of_the_paper(published: Any) -> None:
    table = {arm: row for arm, row in published["open_unmix"]["table_1"].items() if arm != "caption"}
    assert {arm: tuple(row[metric] for metric in METRICS) for arm, row in table.items()} == PRINTED_SCORES


def test_printed_losses_and_times_are_those_of_the_paper(published: Any) -> None:
    table = published["open_unmix"]["table_2"]
    found = {arm: (row["loss"], row["seconds"], row["epochs"]) for arm, row in table.items()}
    assert found == PRINTED_LOSSES


class TestScoreTable:
    @pytest.fixture
    def rows(self, make_results: Any, published: Any) -> dict[str, Any]:
        table = texts.score_table(
            make_results("open_unmix4", "mine", "zero"), published["open_unmix"]["table_1"]
        )
        return {row["arm"]: row for row in table.rows}

    def test_ours_stands_beside_the_printed_figure(self, rows: Any) -> None:
        shown = [rows["open_unmix4"][metric] for metric in METRICS]
        assert shown == ["1.00 / 2.767", "2.00 / 3.052", "3.00 / 9.831", "4.00 / 7.201"]

    def test_what_was_not_printed_has_a_dash(self, rows: Any) -> None:
        assert rows["mine"]["SDR"] == "1.00 / –"

    def test_what_was_not_run_has_a_dash(self, rows: Any) -> None:
        assert rows["UMX"]["SDR"] == "– / 7.537"
        assert rows["open_unmix5"]["SAR"] == "– / 6.63"
        assert rows["UMX"]["SDR interval"] == rows["UMX"]["SDR drums"] == "–"

    def test_floors_are_called_so(self, rows: Any) -> None:
        assert rows["floor: silence"]["ISR"] == "3.00 / –"

    def test_printed_rows_that_were_not_run_come_first(self, rows: Any) -> None:
        order = ["UMX", "open_unmix", "open_unmix2", "open_unmix3", "open_unmix5"]
        assert list(rows) == [*order, "open_unmix4", "mine", "floor: silence"]

    def test_every_target_has_its_sdr(self, rows: Any) -> None:
        assert rows["mine"]["SDR drums"] == rows["mine"]["SDR vocals"] == "1.00"

    def test_a_released_model_stands_in_the_row_of_the_package(
        self, make_results: Any, published: Any
    ) -> None:
        table = texts.score_table(make_results("umx"), published["open_unmix"]["table_1"])
        (row,) = (row for row in table.rows if row["arm"] == "UMX")
        assert row["SIR"] == "2.00 / 12.091"

    def test_without_vocals_the_mean_over_targets_is_shown(self, make_results: Any, published: Any) -> None:
        results = make_results("open_unmix", stems=("drums", "bass"))
        table = texts.score_table(results, published["open_unmix"]["table_1"])
        (row,) = (row for row in table.rows if row["arm"] == "open_unmix")
        assert row["SDR"] == "0.50 / 2.326"
        assert "the mean over targets" in table.note

    def test_the_note_counts_songs_and_seeds(self, make_results: Any, published: Any) -> None:
        note = texts.score_table(make_results("mine"), published["open_unmix"]["table_1"]).note
        assert "of vocals; 5 songs, 2 seeds" in note


@pytest.fixture
def loss_tables(curves: pd.DataFrame, arms: Any) -> Any:
    from sep_pipeline.configuration.open_unmix import ExcerptParameters

    def make(frame: pd.DataFrame = curves) -> tuple[pd.DataFrame, pd.DataFrame]:
        published = {"open_unmix": {"table_2": {"large": {"loss": 3.2, "seconds": 1869, "epochs": 4}}}}
        plain = {name: arm.model_dump(mode="json") for name, arm in arms.items()}
        return make_loss_tables(
            frame, published, plain, ExcerptParameters(num_workers=4), (2, 4), {"train_tracks": 3}
        )

    return make


class TestLossTable:
    def test_settings_losses_and_time_stand_beside_the_printed_ones(self, loss_tables: Any) -> None:
        rows = {row["model"]: row for row in texts.loss_table(loss_tables()[0]).rows}
        assert rows["large"] == {
            "model": "large",
            "batch": "4",
            "hidden": "8",
            "samples/track": "2",
            "epochs": "2",
            "direction": "both",
            "workers": "4",
            "updates": "4",
            "train loss": "3",
            "validation loss": "3",
            "printed loss": "3.2",
            "time/epoch": "0:05",
            "printed": "7:47",
        }

    def test_unprinted_arms_have_dashes(self, loss_tables: Any) -> None:
        rows = {row["model"]: row for row in texts.loss_table(loss_tables()[0]).rows}
        assert (rows["small"]["printed loss"], rows["small"]["printed"]) == ("–", "–")

    def test_arms_keep_the_order_of_the_run(self, loss_tables: Any) -> None:
        assert loss_tables()[0]["arm"].tolist() == ["small", "large", "longer"]

    def test_without_a_training_there_are_columns_and_no_rows(
        self, loss_tables: Any, curves: pd.DataFrame
    ) -> None:
        table, points = loss_tables(curves[curves["arm"] == "umx"])
        assert table.empty
        assert points.empty
        assert list(table.columns) == list(texts.SETTING_COLUMNS)
        assert texts.loss_table(table).rows == [{"model": "–"}]


class TestComparisonPoints:
    @pytest.fixture
    def rows(self, curves: pd.DataFrame, arms: Any) -> dict[str, Any]:
        losses = losses_at_comparison_points(curves, arms, (2, 4, 6), 3)
        return {row["model"]: row for row in texts.comparison_points_table(losses).rows}

    def test_points_that_two_arms_reached_are_columns_updates_first(self, rows: Any) -> None:
        assert list(rows["small"]) == ["model", "2 updates", "4 updates", "6 updates", "1 epoch", "2 epochs"]

    def test_a_cell_has_train_and_validation_loss(self, rows: Any) -> None:
        assert rows["large"]["2 updates"] == "7 / 5"
        assert rows["small"]["1 epoch"] == "3.5 / 7"
        assert rows["small"]["4 updates"] == "3.5 / –"

    def test_a_point_that_was_not_reached_has_a_dash(self, rows: Any) -> None:
        assert rows["small"]["2 epochs"] == "–"
        assert rows["large"]["6 updates"] == "–"

    def test_a_point_of_one_arm_alone_compares_nothing(self, curves: pd.DataFrame, arms: Any) -> None:
        losses = losses_at_comparison_points(curves[curves["arm"] == "small"], arms, (2,), 3)
        (row,) = texts.comparison_points_table(losses).rows
        assert row == {"model": "small"}


def score_rows(arm: str, offset: float) -> list[dict[str, Any]]:
    common = {"arm": arm, "seed": 0, "metric": "SDR whole song"}
    return [
        {**common, "stem": stem, "track": f"song {track}", "value": base + offset + 0.1 * track}
        for stem, base in (("drums", 1.0), ("bass", 3.0))
        for track in range(6)
    ]


@pytest.fixture
def scores() -> pd.DataFrame:
    arms = {"both": 0.0, "one": -0.5, "zero": -1.0, "scaled_mixture": -0.8}
    return pd.DataFrame([row for arm, offset in arms.items() for row in score_rows(arm, offset)])


@pytest.fixture
def speed() -> pd.DataFrame:
    rows = [("both", "num_parameters", 8893348.0), ("both", "real_time_factor", 0.25)]
    rows += [("one", "num_parameters", 10466212.0), ("one", "real_time_factor", 0.125)]
    rows += [("one", "latency_ms", 92.8798), ("one", "p99_ms_per_hop", 3.456)]
    return pd.DataFrame(rows, columns=["arm", "quantity", "value"])


class TestDirections:
    @pytest.fixture
    def rows(self, scores: pd.DataFrame, speed: pd.DataFrame) -> dict[str, Any]:
        table, _ = compare_directions(scores, speed, "both", "one")
        return {row["quantity"]: row for row in texts.direction_table(table).rows}

    def test_quality_is_the_mean_over_songs_of_both_and_their_difference(self, rows: Any) -> None:
        total = rows["SDR whole song (dB), total"]
        assert (total["bidirectional"], total["unidirectional"]) == ("2.25", "1.75")
        assert total["difference"] == "−0.50"
        assert total["interval"] == "[−0.50, −0.50]"
        assert total["p"] == "p = 1.00"

    def test_every_target_has_a_row(self, rows: Any) -> None:
        assert rows["SDR whole song (dB), drums"]["bidirectional"] == "1.25"
        assert rows["SDR whole song (dB), bass"]["unidirectional"] == "2.75"

    def test_speed_stands_beside_and_streaming_only_where_it_can_be(self, rows: Any) -> None:
        assert rows["num_parameters"]["bidirectional"] == "8,893,348"
        assert rows["real_time_factor"]["unidirectional"] == "0.125"
        assert (rows["latency_ms"]["bidirectional"], rows["latency_ms"]["unidirectional"]) == ("–", "92.9")
        assert rows["p99_ms_per_hop"]["unidirectional"] == "3.46"

    def test_sentences_compare_with_the_bidirectional_arm_and_the_floors(
        self, scores: pd.DataFrame, speed: pd.DataFrame
    ) -> None:
        _, text = compare_directions(scores, speed, "both", "one")
        floors = ("zero", "scaled_mixture")
        against_floors = [f"{arm} minus {floor}" for arm in ("both", "one") for floor in floors]
        assert [line.split(":")[0] for line in text.splitlines()] == ["one minus both", *against_floors]

    def test_without_the_pair_the_table_has_columns_and_no_rows(self, scores: pd.DataFrame) -> None:
        nothing = pd.DataFrame(columns=["arm", "quantity", "value"])
        table, _ = compare_directions(scores, nothing, "other", "another")
        assert table.empty
        assert list(table.columns) == list(texts.DIRECTION_COLUMNS)
        assert texts.direction_table(table).rows == [{"quantity": "–"}]


def test_all_tables_are_written_twice(
    make_results: Any, published: Any, loss_tables: Any, scores: pd.DataFrame, speed: pd.DataFrame
) -> None:
    table_4, verdicts = compare_directions(scores, speed, "both", "one")
    *markdown, plain = write_tables(verdicts, published, make_results("open_unmix"), *loss_tables(), table_4)
    assert len(markdown) == 4
    assert all(
        text.startswith(f"### Study 4, table {number}") for number, text in enumerate(markdown, start=1)
    )
    assert "- one minus both" in markdown[0]
    assert all(f"Study 4, table {number}" in plain for number in (1, 2, 3, 4))


class TestFigures:
    def test_a_panel_per_target_and_loss_and_a_line_per_arm(self, curves: pd.DataFrame, arms: Any) -> None:
        plain = {name: arm.model_dump(mode="json") for name, arm in arms.items()}
        by_updates, by_epochs = draw_losses(curves, plain, {"train_tracks": 3})
        assert len(by_updates.axes) == len(by_epochs.axes) == 2 * 2
        panels = {panel.get_title(): panel for panel in by_epochs.axes}
        (line,) = (line for line in panels["drums, train"].lines if line.get_label() == "large")
        assert line.get_xdata().tolist() == [0.5, 1.0, 1.5, 2.0]
        assert line.get_ydata().tolist() == [8, 6, 4, 2]

    def test_no_more_arms_than_can_be_told_apart_are_drawn(self, make_arm: Any, make_curve: Any) -> None:
        names = [f"arm{number}" for number in range(20)]
        curves = pd.concat([make_curve(name, [2, 1], {2: 1}) for name in names])
        plain = {name: make_arm().model_dump(mode="json") for name in names}
        figure, _ = draw_losses(curves, plain, {"train_tracks": 1})
        assert [line.get_label() for line in figure.axes[0].lines] == names[:12]
        assert "the first 12 of 20 arms" in figure.get_suptitle()

    def test_released_models_alone_give_an_empty_figure(self, curves: pd.DataFrame, arms: Any) -> None:
        plain = {name: arm.model_dump(mode="json") for name, arm in arms.items()}
        figure, _ = draw_losses(curves[curves["arm"] == "umx"], plain, {"train_tracks": 3})
        assert all(math.isnan(value) for line in figure.axes[0].lines for value in line.get_ydata())
