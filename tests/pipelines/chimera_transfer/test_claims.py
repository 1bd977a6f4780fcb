"""Every claim's answer from made-up comparisons and curves, by both rules."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
import pytest

from sep_pipeline.pipelines.chimera_transfer.claims import CLAIM_COLUMNS, STATEMENTS, answer, claim_table
from sep_pipeline.pipelines.chimera_transfer.tables import CURVE_COLUMNS, FACT_COLUMNS

NO_CURVES = pd.DataFrame(columns=list(CURVE_COLUMNS))
NO_FACTS = pd.DataFrame(columns=list(FACT_COLUMNS))
HIGHER = {"by_excerpts": "higher", "by_songs": "higher"}
LOWER = {"by_excerpts": "lower", "by_songs": "lower"}
MASK_CELL = {"kind": "mask", "variant": "mask"}
SOON, LATE, NEVER = {100: 5.0, 200: 6.0}, {100: 1.0, 200: 5.0}, {100: 1.0, 200: 2.0}


@pytest.fixture
def claim_of(make_comparisons: Any) -> Any:
    """One row of table 4 from changes of comparisons."""

    def make(claim: str, place: str, *changes: Any, printed: Any = None) -> dict[str, Any]:
        table = claim_table(
            make_comparisons(*changes), NO_CURVES, NO_FACTS, level_db=5.0, printed=printed or {}
        )
        (row,) = table[(table["claim"] == claim) & (table["where"] == place)].to_dict("records")
        return {str(name): value for name, value in row.items()}

    return make


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        ([], "not run"),
        (["higher"], "yes"),
        (["higher", "higher"], "yes"),
        (["lower", "lower"], "no"),
        (["not decided", "not decided"], "not decided"),
        (["higher", "not decided"], "in part"),
        (["lower", "higher"], "in part"),
        (["lower", "not decided"], "not decided"),
    ],
)
def test_cells_add_up_to_an_answer(outcomes: list[str], expected: str) -> None:
    assert answer(iter(outcomes)) == expected


class TestTable:
    def test_printed_places_stand_in_it_though_not_run(self, make_comparisons: Any) -> None:
        printed = {
            "H1": {"bach10": "yes"},
            "H1, speed": {"choirset": "yes, soon"},
            "H2": {"incoherent": "not shown"},
            "R1": {"choirset": "yes"},
            "R2": {"bach10": "yes"},
        }
        table = claim_table(make_comparisons(), NO_CURVES, NO_FACTS, level_db=5.0, printed=printed)
        assert tuple(table.columns) == CLAIM_COLUMNS
        assert table["claim"].tolist() == list(STATEMENTS)
        assert table["statement"].tolist() == list(STATEMENTS.values())
        assert table["published"].tolist() == ["yes", "yes, soon", "not shown", "yes", "yes"]
        assert set(table["by_excerpts"]) == set(table["by_songs"]) == {"not run"}
        assert table["num_cells"].tolist() == [0] * 5
        assert table[["difference", "low", "high", "p_value"]].isna().all(axis=None)

    def test_places_that_were_not_printed_come_after(self, make_comparisons: Any) -> None:
        comparisons = make_comparisons({"downstream": "remixpacks"}, {"downstream": "bach10"})
        printed = {"H1": {"bach10": "yes"}}
        table = claim_table(comparisons, NO_CURVES, NO_FACTS, level_db=5.0, printed=printed)
        assert table["where"].tolist() == ["bach10", "remixpacks"]
        assert table["published"].tolist() == ["yes", ""]

    def test_without_anything_the_columns_remain(self, make_comparisons: Any) -> None:
        table = claim_table(make_comparisons(), NO_CURVES, NO_FACTS, level_db=5.0, printed={})
        assert table.empty
        assert tuple(table.columns) == CLAIM_COLUMNS


class TestPretraining:
    @pytest.mark.parametrize(
        ("first", "second", "expected"),
        [
            (HIGHER, HIGHER, "yes"),
            (LOWER, LOWER, "no"),
            (HIGHER, {}, "in part"),
            (HIGHER, LOWER, "in part"),
            ({}, {}, "not decided"),
            (LOWER, {}, "not decided"),
        ],
    )
    def test_the_answer_is_that_of_its_cells(
        self, claim_of: Any, first: Any, second: Any, expected: str
    ) -> None:
        row = claim_of("H1", "bach10", first, {**second, "pretraining": "musdb"})
        assert (row["by_excerpts"], row["by_songs"]) == (expected, expected)

    def test_the_rules_answer_apart(self, claim_of: Any) -> None:
        row = claim_of("H1", "bach10", {"by_excerpts": "higher"}, {**HIGHER, "pretraining": "musdb"})
        assert (row["by_excerpts"], row["by_songs"]) == ("yes", "in part")

    def test_cells_are_whole_models_without_augmentation_against_scratch(self, claim_of: Any) -> None:
        row = claim_of(
            "H1",
            "bach10",
            HIGHER,
            {**LOWER, "condition": "incoherent"},
            {**LOWER, "kind": "mask", "variant": "mask"},
            {**LOWER, "downstream": "choirset"},
        )
        assert (row["num_cells"], row["by_excerpts"]) == (1, "yes")

    def test_figures_are_the_median_the_span_and_the_largest_p_value(self, claim_of: Any) -> None:
        row = claim_of(
            "H1",
            "bach10",
            {**HIGHER, "difference": 4.0, "p_value": 0.001},
            {**LOWER, "difference": -2.0, "p_value": 0.9, "pretraining": "musdb"},
            {"difference": 1.0, "p_value": 0.2, "pretraining": "musdb_slakh"},
        )
        assert [row[name] for name in ("difference", "low", "high", "p_value")] == [1.0, -3.0, 5.0, 0.9]
        assert [row[name] for name in ("num_cells", "num_higher", "num_lower")] == [3, 1, 1]


def test_augmentation_is_asked_by_condition_of_whole_models(claim_of: Any) -> None:
    changes = [
        {"kind": "condition", "condition": "incoherent", **HIGHER, "difference": 0.5},
        {"kind": "condition", "condition": "incoherent", "downstream": "choirset", **HIGHER},
        {"kind": "condition", "condition": "incoherent", "variant": "mask", **LOWER},
        {"kind": "condition", "condition": "pitch_shift", **LOWER},
        {"condition": "incoherent", **LOWER},
    ]
    found = claim_of("H2", "incoherent", *changes)
    assert (found["by_excerpts"], found["num_cells"], found["difference"]) == ("yes", 2, 0.25)
    assert claim_of("H2", "pitch_shift", *changes)["by_songs"] == "no"


class TestWholeAgainstMask:
    def test_mask_minus_whole_is_turned_round(self, claim_of: Any) -> None:
        row = claim_of(
            "R2", "bach10", {**MASK_CELL, **LOWER, "difference": -3.0, "p_value": 0.99, "p_value_lower": 0.01}
        )
        assert (row["by_excerpts"], row["by_songs"]) == ("yes", "yes")
        assert [row[name] for name in ("difference", "low", "high", "p_value")] == [3.0, 2.0, 4.0, 0.01]

    def test_a_mask_model_that_is_higher_speaks_against_it(self, claim_of: Any) -> None:
        assert claim_of("R2", "bach10", {**MASK_CELL, **HIGHER})["by_excerpts"] == "no"

    def test_all_conditions_count(self, claim_of: Any) -> None:
        other = {**MASK_CELL, **HIGHER, "condition": "incoherent"}
        row = claim_of("R2", "bach10", {**MASK_CELL, **LOWER}, other, {**MASK_CELL, "condition": "other"})
        assert (row["by_excerpts"], row["num_cells"]) == ("in part", 3)
        assert (row["num_higher"], row["num_lower"]) == (1, 1)


class TestDomain:
    @pytest.fixture
    def domain(self, claim_of: Any) -> Any:
        """The answer from the gain on Bach10 and that on ChoirSet."""

        def make(there: Any, here: Any, *more: Any) -> dict[str, Any]:
            row: dict[str, Any] = claim_of(
                "R1",
                "choirset",
                there,
                {**here, "downstream": "choirset"},
                *more,
                printed={"R1": {"choirset": "yes"}},
            )
            return row

        return make

    @pytest.mark.parametrize(
        ("there", "here", "expected"),
        [
            (HIGHER, {}, "yes"),
            (HIGHER, LOWER, "yes"),
            ({}, HIGHER, "no"),
            (HIGHER, HIGHER, "not decided"),
            ({}, {}, "not decided"),
            (LOWER, {}, "not decided"),
        ],
    )
    def test_by_excerpts_pretraining_helps_there_and_not_here(
        self, domain: Any, there: Any, here: Any, expected: str
    ) -> None:
        assert domain(there, here)["by_excerpts"] == expected

    @pytest.mark.parametrize(
        ("there", "here", "expected"),
        [(4.0, 1.0, "yes"), (1.0, 4.0, "no"), (3.0, 1.0, "not decided"), (2.5, 1.0, "not decided")],
    )
    def test_by_songs_the_intervals_do_not_overlap(
        self, domain: Any, there: float, here: float, expected: str
    ) -> None:
        """Made-up intervals reach 1 dB to both sides."""
        assert domain({"difference": there}, {"difference": here})["by_songs"] == expected

    @pytest.mark.parametrize("few", [{"num_songs": 5}, {"num_seeds": 1}])
    def test_few_songs_or_seeds_on_either_side_decide_nothing(self, domain: Any, few: Any) -> None:
        assert domain({"difference": 9.0, **few}, {"difference": 1.0})["by_songs"] == "not decided"
        assert domain({"difference": 9.0}, {"difference": 1.0, **few})["by_songs"] == "not decided"

    def test_the_interval_is_that_of_the_difference_of_gains(self, domain: Any) -> None:
        row = domain({"difference": 4.0}, {"difference": 1.5})
        assert [row[name] for name in ("difference", "low", "high")] == [2.5, 0.5, 4.5]
        assert math.isnan(row["p_value"])

    def test_gains_are_compared_from_the_same_pretraining(self, domain: Any) -> None:
        row = domain(
            HIGHER,
            {},
            {"downstream": "remixpacks"},
            {**LOWER, "pretraining": "musdb"},
        )
        assert (row["num_cells"], row["by_excerpts"]) == (2, "in part")

    def test_it_is_asked_of_printed_places_alone(self, make_comparisons: Any) -> None:
        comparisons = make_comparisons(HIGHER, {"downstream": "choirset"})
        table = claim_table(comparisons, NO_CURVES, NO_FACTS, level_db=5.0, printed={})
        assert "R1" not in set(table["claim"])


class TestSpeed:
    FINE_TUNED = "choirset_slakh_none_whole"

    @pytest.fixture
    def speed(self, make_curve: Any, make_facts: Any, make_comparisons: Any) -> Any:
        """The answer from curves by seed of a fine-tuned arm and of one from scratch."""
        facts = make_facts(("slakh", "none", "choirset", "whole"), ("", "none", "choirset", "scratch"))

        def make(ours: list[dict[int, float]], theirs: list[dict[int, float]]) -> dict[Any, Any]:
            curves = pd.concat(
                make_curve(arm, values, seed=seed)
                for arm, side in ((self.FINE_TUNED, ours), ("choirset_scratch", theirs))
                for seed, values in enumerate(side)
            )
            table = claim_table(make_comparisons(), curves, facts, level_db=5.0, printed={})
            (row,) = table.to_dict("records")
            assert (row["claim"], row["where"]) == ("H1, speed", "choirset")
            return row

        return make

    @pytest.mark.parametrize(
        ("ours", "theirs", "expected"),
        [
            (SOON, LATE, "yes"),
            (SOON, NEVER, "yes"),
            (LATE, SOON, "no"),
            (NEVER, LATE, "no"),
            (LATE, LATE, "not decided"),
            (NEVER, NEVER, "not decided"),
        ],
    )
    def test_fewer_iterations_to_the_level_are_sooner(
        self, speed: Any, ours: Any, theirs: Any, expected: str
    ) -> None:
        row = speed([ours] * 2, [theirs] * 2)
        assert (row["by_excerpts"], row["by_songs"]) == (expected, expected)

    def test_one_seed_decides_by_the_papers_rule_alone(self, speed: Any) -> None:
        row = speed([SOON], [LATE])
        assert (row["by_excerpts"], row["by_songs"]) == ("yes", "not decided")

    def test_seeds_that_disagree_decide_by_the_mean_alone(self, speed: Any) -> None:
        row = speed([{100: 9.0, 200: 9.0}, LATE], [NEVER, SOON])
        assert (row["by_excerpts"], row["by_songs"]) == ("yes", "not decided")

    def test_only_seeds_of_both_count(self, speed: Any) -> None:
        row = speed([SOON, SOON, LATE], [LATE, LATE])
        assert row["by_songs"] == "yes"

    def test_iterations_stand_beside_and_no_decibels(self, speed: Any) -> None:
        row = speed([SOON], [NEVER])
        assert row["detail"] == f"{self.FINE_TUNED}: 100 iterations, scratch: never"
        assert all(math.isnan(row[name]) for name in ("difference", "low", "high", "p_value"))

    def test_a_set_without_a_curve_from_scratch_is_not_asked(
        self, make_curve: Any, make_facts: Any, make_comparisons: Any
    ) -> None:
        facts = make_facts(("slakh", "none", "choirset", "whole"), ("", "none", "choirset", "scratch"))
        curves = make_curve(self.FINE_TUNED, SOON)
        assert claim_table(make_comparisons(), curves, facts, level_db=5.0, printed={}).empty
