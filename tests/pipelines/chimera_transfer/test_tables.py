"""Tables 1 to 3 and the levels: which arms are compared, what stands beside the printed figures, first iterations."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
import pytest

from sep_pipeline.errors import DataError
from sep_pipeline.pipelines.chimera_transfer.tables import (
    COMPARISON_COLUMNS,
    CURVE_COLUMNS,
    FACT_COLUMNS,
    LEVEL_COLUMNS,
    MASK_COLUMNS,
    comparison_table,
    first_iteration_above,
    level_table,
    mask_table,
    mean_curve,
    model_table,
)

CELLS = (
    ("slakh", "pitch_shift", "bach10", "mask"),
    ("slakh", "pitch_shift", "bach10", "whole"),
    ("slakh", "none", "bach10", "mask"),
    ("slakh", "none", "bach10", "whole"),
    ("", "none", "bach10", "scratch"),
    ("musdb", "none", "choirset", "whole"),
    ("", "none", "choirset", "scratch"),
)
PITCHED_MASK, PITCHED, MASK, WHOLE, SCRATCH = (
    f"bach10_{name}"
    for name in (
        "slakh_pitch_shift_mask",
        "slakh_pitch_shift_whole",
        "slakh_none_mask",
        "slakh_none_whole",
        "scratch",
    )
)

PRINTED = {"caption": "dB", "slakh": {"none": {"remixpacks": -2.5, "bach10": -4.04}}}


@pytest.fixture
def facts(make_facts: Any) -> pd.DataFrame:
    frame: pd.DataFrame = make_facts(*CELLS)
    return frame


@pytest.fixture
def excerpts(facts: pd.DataFrame, make_scores: Any) -> pd.DataFrame:
    """The arms of the facts from below; the lowest scores 0 on every excerpt, the next 1 and so on."""
    arms = reversed(list(zip(facts["arm"], facts["downstream"], strict=True)))
    return pd.concat(
        [make_scores(arm, [level] * 3, downstream=place) for level, (arm, place) in enumerate(arms)],
        ignore_index=True,
    )


class TestModels:
    def test_rows_stand_in_the_order_of_the_facts(self, excerpts: pd.DataFrame, facts: pd.DataFrame) -> None:
        table = model_table(excerpts, facts)
        pd.testing.assert_frame_equal(table[list(FACT_COLUMNS)], facts)
        assert table["si_sdr"].tolist() == [6, 5, 4, 3, 2, 1, 0]
        assert table["num_songs"].tolist() == [3] * 7

    def test_arms_without_scores_are_left_out(self, excerpts: pd.DataFrame, facts: pd.DataFrame) -> None:
        table = model_table(excerpts[excerpts["arm"] == MASK], facts)
        assert table["arm"].tolist() == [MASK]

    def test_a_missing_column_is_named(self, excerpts: pd.DataFrame, facts: pd.DataFrame) -> None:
        with pytest.raises(DataError, match=r"the facts lack columns .*'variant'"):
            model_table(excerpts, facts.drop(columns="variant"))

    def test_an_arm_that_is_described_twice_is_named(
        self, excerpts: pd.DataFrame, facts: pd.DataFrame
    ) -> None:
        with pytest.raises(DataError, match=f"described twice .*found: {MASK}"):
            model_table(excerpts, pd.concat([facts, facts.iloc[[2]]]))


class TestComparisons:
    def test_arms_that_belong_together_are_compared(
        self, excerpts: pd.DataFrame, facts: pd.DataFrame
    ) -> None:
        table = comparison_table(excerpts, facts)
        found = list(zip(table["kind"], table["arm"], table["baseline"], strict=True))
        assert found == [
            ("scratch", PITCHED, SCRATCH),
            ("scratch", WHOLE, SCRATCH),
            ("scratch", "choirset_musdb_none_whole", "choirset_scratch"),
            ("condition", PITCHED_MASK, MASK),
            ("condition", PITCHED, WHOLE),
            ("mask", PITCHED_MASK, PITCHED),
            ("mask", MASK, WHOLE),
        ]
        assert table["difference"].tolist() == [3, 1, 1, 2, 2, 1, 1]

    def test_a_row_has_the_cell_of_its_arm(self, excerpts: pd.DataFrame, facts: pd.DataFrame) -> None:
        table = comparison_table(excerpts, facts)
        assert tuple(table.columns) == COMPARISON_COLUMNS
        row = table.iloc[3]
        assert [row[name] for name in ("pretraining", "condition", "downstream", "variant")] == list(CELLS[0])

    @pytest.mark.parametrize("missing", [WHOLE, SCRATCH])
    def test_without_one_of_both_there_is_no_row(
        self, excerpts: pd.DataFrame, facts: pd.DataFrame, missing: str
    ) -> None:
        table = comparison_table(excerpts[excerpts["arm"] != missing], facts)
        assert missing not in {*table["arm"], *table["baseline"]}
        assert len(table) == {WHOLE: 4, SCRATCH: 5}[missing]

    def test_arms_alone_give_columns_without_rows(self, excerpts: pd.DataFrame, facts: pd.DataFrame) -> None:
        table = comparison_table(excerpts[excerpts["arm"] == SCRATCH], facts)
        assert table.empty
        assert tuple(table.columns) == COMPARISON_COLUMNS


class TestMaskTable:
    @pytest.fixture
    def rows(self, make_comparisons: Any) -> list[dict[Any, Any]]:
        comparisons = make_comparisons(
            {"kind": "mask", "variant": "mask", "difference": -3.0, "p_value": 0.9},
            {"kind": "mask", "variant": "mask", "condition": "incoherent", "difference": 1.0},
            {"kind": "scratch", "downstream": "choirset"},
        )
        table = mask_table(comparisons, PRINTED)
        assert tuple(table.columns) == MASK_COLUMNS
        return table.to_dict("records")

    def test_printed_cells_come_first(self, rows: Any) -> None:
        cells = [(row["pretraining"], row["condition"], row["downstream"]) for row in rows]
        assert cells == [
            ("slakh", "none", "remixpacks"),
            ("slakh", "none", "bach10"),
            ("slakh", "incoherent", "bach10"),
        ]

    def test_ours_stands_beside_the_printed_figure(self, rows: Any) -> None:
        names = ("difference", "low", "high", "p_value", "num_songs", "num_seeds", "published")
        assert [rows[1][name] for name in names] == [-3.0, -4.0, -2.0, 0.9, 10, 2, -4.04]

    def test_what_was_not_run_has_no_figure_and_no_song(self, rows: Any) -> None:
        assert (rows[0]["published"], rows[0]["num_songs"], rows[0]["num_seeds"]) == (-2.5, 0, 0)
        assert all(math.isnan(rows[0][name]) for name in ("difference", "low", "high", "p_value"))

    def test_what_was_not_printed_has_no_printed_figure(self, rows: Any) -> None:
        assert rows[2]["difference"] == 1.0
        assert math.isnan(rows[2]["published"])

    def test_without_anything_the_columns_remain(self, make_comparisons: Any) -> None:
        table = mask_table(make_comparisons(), {})
        assert table.empty
        assert tuple(table.columns) == MASK_COLUMNS


class TestFirstIteration:
    @pytest.mark.parametrize(("level_db", "step"), [(-9.0, 100), (4.0, 200), (4.5, 300), (5.0, 300)])
    def test_the_first_step_at_or_above_the_level_counts(
        self, make_curve: Any, level_db: float, step: int
    ) -> None:
        curve = make_curve("a", {300: 5, 100: 1, 200: 4, 400: 2})
        assert first_iteration_above(curve, level_db) == step

    def test_a_level_that_is_never_reached_has_none(self, make_curve: Any) -> None:
        assert first_iteration_above(make_curve("a", {100: 1, 200: 4}), 4.001) is None

    def test_seeds_are_averaged(self, make_curve: Any) -> None:
        both = pd.concat([make_curve("a", {100: 5, 200: 6}), make_curve("a", {100: 1, 200: 5}, seed=1)])
        assert first_iteration_above(both, 5.0) == 200
        assert first_iteration_above(both.drop(columns="seed"), 5.0) == 200

    def test_steps_that_a_seed_lacks_do_not_count(self, make_curve: Any) -> None:
        both = pd.concat(
            [make_curve("a", {100: 9, 200: 9, 300: 9}), make_curve("a", {200: math.nan, 300: 7}, seed=1)]
        )
        assert mean_curve(both).to_dict() == {300: 8.0}
        assert first_iteration_above(both, 5.0) == 300


class TestLevels:
    @pytest.fixture
    def table(self, make_curve: Any, make_facts: Any) -> pd.DataFrame:
        facts = make_facts(
            ("slakh", "none", "choirset", "whole"),
            ("musdb", "none", "choirset", "whole"),
            ("", "none", "choirset", "scratch"),
            ("", "none", "bach10", "scratch"),
        )
        curves = pd.concat(
            [
                make_curve("choirset_scratch", {100: 1, 200: 2, 300: 3}),
                make_curve("choirset_slakh_none_whole", {100: 2, 200: 6, 300: 7}),
                make_curve("choirset_slakh_none_whole", {100: 6, 200: 3, 300: 8}, seed=1),
                make_curve("choirset_musdb_none_whole", {100: 5, 200: 4}),
                make_curve("choirset_musdb_none_whole", {100: 1, 200: 2}, seed=1),
            ]
        )
        return level_table(curves, facts, 5.0).set_index("arm")

    def test_arms_with_a_curve_stand_in_the_order_of_the_facts(self, table: pd.DataFrame) -> None:
        order = ["choirset_slakh_none_whole", "choirset_musdb_none_whole", "choirset_scratch"]
        assert table.index.tolist() == order
        assert ("arm", *table.columns) == LEVEL_COLUMNS

    def test_the_mean_and_single_seeds_have_iterations_of_their_own(self, table: pd.DataFrame) -> None:
        row = table.loc["choirset_slakh_none_whole"]
        assert (row["first_iteration"], row["earliest"], row["latest"]) == (300, 100, 200)
        assert (row["num_reached"], row["num_seeds"], row["last_iteration"]) == (2, 2, 300)
        assert (row["level_db"], row["best"]) == (5.0, 7.5)

    def test_one_seed_may_get_there_without_the_mean(self, table: pd.DataFrame) -> None:
        row = table.loc["choirset_musdb_none_whole"]
        assert row["first_iteration"] is pd.NA
        assert (row["earliest"], row["latest"], row["num_reached"], row["num_seeds"]) == (100, 100, 1, 2)

    def test_who_never_gets_there_has_no_iteration(self, table: pd.DataFrame) -> None:
        row = table.loc["choirset_scratch"]
        assert all(row[name] is pd.NA for name in ("first_iteration", "earliest", "latest"))
        assert (row["num_reached"], row["num_seeds"], row["best"]) == (0, 1, 3.0)

    def test_without_curves_the_columns_remain(self, facts: pd.DataFrame) -> None:
        table = level_table(pd.DataFrame(columns=list(CURVE_COLUMNS)), facts, 5.0)
        assert table.empty
        assert tuple(table.columns) == LEVEL_COLUMNS

    @pytest.mark.parametrize("column", CURVE_COLUMNS)
    def test_a_missing_column_is_named(self, make_curve: Any, facts: pd.DataFrame, column: str) -> None:
        with pytest.raises(DataError, match=rf"the curves lack columns .*'{column}'"):
            level_table(make_curve("a", {1: 1}).drop(columns=column), facts, 5.0)
