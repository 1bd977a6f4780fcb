"""Tables of study 2 as text: ours beside the printed figures, marks, and words for what is missing."""

from __future__ import annotations

import io
import math
from typing import Any

import pandas as pd
import pytest

from sep_pipeline.pipelines.chimera_transfer import texts
from sep_pipeline.pipelines.chimera_transfer.claims import CLAIM_COLUMNS, STATEMENTS, claim_table
from sep_pipeline.pipelines.chimera_transfer.tables import (
    CURVE_COLUMNS,
    LEVEL_COLUMNS,
    MASK_COLUMNS,
    level_table,
    mask_table,
    model_table,
)
from sep_pipeline.reporting.grids import TextTable

NOTHING = [{"result": "not run"}]
PRINTED = {"slakh": {"none": {"remixpacks": -4.04, "choirset": 1.16, "bach10": -4.5}}}
MASK_CELL = {"kind": "mask", "variant": "mask"}


def through_csv(table: pd.DataFrame) -> pd.DataFrame:
    return pd.read_csv(io.StringIO(table.to_csv(index=False)))


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("musdb_slakh", "MUSDB+Slakh"),
        ("", "none"),
        ("none", "none"),
        ("pitch_shift", "pitch shift"),
        ("x", "x"),
    ],
)
def test_names_stand_in_tables_as_in_the_paper(name: str, shown: str) -> None:
    assert texts.label(name) == shown


class TestModels:
    def test_a_row_has_figures_and_counts(self, make_scores: Any, make_facts: Any) -> None:
        excerpts = make_scores("bach10_musdb_pitch_shift_mask", [-1.5, math.nan, -1.5], mixture=-0.25)
        facts = make_facts(("musdb", "pitch_shift", "bach10", "mask"))
        assert texts.model_text(model_table(excerpts, facts)).rows == [
            {
                "downstream": "Bach10",
                "pre-training": "MUSDB",
                "condition": "pitch shift",
                "variant": "mask",
                "SI-SDR": "−1.50",
                "interval": "[−1.50, −1.50]",
                "SI-SDRi": "−1.25",
                "used": "2",
                "dropped": "1",
                "songs": "2",
                "seeds": "1",
            }
        ]

    def test_one_song_has_a_dash_for_an_interval(self, make_scores: Any, make_facts: Any) -> None:
        facts = make_facts(("", "none", "bach10", "scratch"))
        (row,) = texts.model_text(model_table(make_scores("bach10_scratch", [2]), facts)).rows
        assert (row["pre-training"], row["interval"], row["SI-SDRi"]) == ("none", "–", "+2.00")


class TestMask:
    @pytest.fixture
    def make_table(self, make_comparisons: Any) -> Any:
        def make(*changes: Any) -> TextTable:
            return texts.mask_text(
                mask_table(make_comparisons(*(MASK_CELL | row for row in changes)), PRINTED)
            )

        return make

    def test_what_was_not_run_says_so_beside_the_printed_figure(self, make_table: Any) -> None:
        assert make_table().rows == [
            {
                "pre-training": "Slakh",
                "condition": "none",
                "Remixpacks": "not run / −4.04",
                "Dagstuhl ChoirSet": "not run / +1.16",
                "Bach10": "not run / −4.50",
            }
        ]

    def test_ours_stands_beside_the_printed_figure_and_its_interval_below(self, make_table: Any) -> None:
        figures, intervals = make_table({"difference": -3.25}).rows
        assert (figures["Bach10"], intervals["Bach10"]) == ("−3.25 / −4.50", "[−4.25, −2.25]")
        assert intervals["Remixpacks"] == intervals["pre-training"] == ""

    @pytest.mark.parametrize(("p_value", "shown"), [(0.0009, "+0.50* / −4.50"), (0.001, "+0.50 / −4.50")])
    def test_what_is_higher_by_the_papers_rule_has_a_mark(
        self, make_table: Any, p_value: float, shown: str
    ) -> None:
        assert make_table({"difference": 0.5, "p_value": p_value}).rows[0]["Bach10"] == shown

    def test_what_was_not_printed_has_a_dash(self, make_table: Any) -> None:
        rows = make_table({"difference": 1.0, "condition": "time_stretch"}).rows
        assert [row["condition"] for row in rows] == ["none", "time stretch", ""]
        assert (rows[1]["Bach10"], rows[1]["Remixpacks"]) == ("+1.00 / –", "–")

    def test_without_an_interval_there_is_no_second_line(self, make_table: Any) -> None:
        (row,) = make_table({"difference": 1.0, "low": math.nan, "high": math.nan}).rows
        assert row["Bach10"] == "+1.00 / −4.50"


class TestComparisons:
    def test_a_row_has_both_p_values_and_the_signs_of_both_rules(self, make_comparisons: Any) -> None:
        change = {"difference": -0.5, "p_value": 1.0, "p_value_lower": 0.0002, "by_excerpts": "lower"}
        (row,) = texts.comparison_text(make_comparisons(change)).rows
        assert row == {
            "arm": "bach10_slakh_none_whole",
            "against": "bach10_scratch",
            "difference": "−0.50",
            "interval": "[−1.50, +0.50]",
            "p higher": "1.00",
            "p lower": "< 0.001",
            "excerpts": "20 −",
            "songs": "10",
            "seeds": "2",
        }

    def test_higher_has_a_plus(self, make_comparisons: Any) -> None:
        (row,) = texts.comparison_text(make_comparisons({"by_excerpts": "higher", "by_songs": "higher"})).rows
        assert (row["excerpts"], row["songs"]) == ("20 +", "10 +")

    def test_a_missing_p_value_has_a_dash(self, make_comparisons: Any) -> None:
        (row,) = texts.comparison_text(make_comparisons({"p_value": math.nan})).rows
        assert (row["p higher"], row["p lower"]) == ("–", "0.50")

    def test_the_note_counts_what_comes_by_chance(self, make_comparisons: Any) -> None:
        missing = {"low": math.nan, "high": math.nan}
        note = texts.comparison_text(make_comparisons(*[{}] * 30, missing)).note
        assert note.splitlines()[-1].startswith("Were there no difference at all, 1.5 of 30 intervals")

    def test_verdicts_stand_one_a_line(self, make_comparisons: Any) -> None:
        comparisons = make_comparisons({"verdict": "a is higher"}, {"verdict": "b is not"})
        assert texts.verdict_lines(comparisons) == "a is higher\nb is not"


class TestClaims:
    @pytest.fixture
    def make_claims(self, make_comparisons: Any, make_curve: Any, make_facts: Any) -> Any:
        def make(*changes: Any, printed: Any = None) -> pd.DataFrame:
            curves = pd.concat(
                [make_curve("choirset_slakh_none_whole", {1: 5}), make_curve("choirset_scratch", {1: 4})]
            )
            facts = make_facts(("slakh", "none", "choirset", "whole"), ("", "none", "choirset", "scratch"))
            return claim_table(make_comparisons(*changes), curves, facts, level_db=5, printed=printed or {})

        return make

    @pytest.fixture
    def make_table(self, make_claims: Any) -> Any:
        return lambda *changes, **options: texts.claim_text(make_claims(*changes, **options))

    def test_the_papers_answer_stands_beside_ours(self, make_table: Any) -> None:
        table = make_table(
            {"by_excerpts": "higher", "difference": 2.0, "p_value": 0.0001},
            {"pretraining": "musdb", "by_excerpts": "lower", "difference": -1.0, "p_value": 0.004},
            printed={"H1": {"bach10": "from Slakh alone"}},
        )
        assert table.rows[0] == {
            "claim": "H1",
            "where": "Bach10",
            "paper": "from Slakh alone",
            "by excerpts": "in part",
            "by songs": "not decided",
            "cells": "1+ 1− of 2",
            "difference": "+0.50",
            "interval": "[−2.00, +3.00]",
            "p": "0.004",
        }

    def test_what_was_not_run_has_dashes(self, make_table: Any) -> None:
        row = make_table(printed={"H1": {"bach10": "yes"}}).rows[0]
        assert (row["paper"], row["by excerpts"], row["by songs"]) == ("yes", "not run", "not run")
        assert {row[name] for name in ("cells", "difference", "interval", "p")} == {"–"}

    def test_what_was_not_printed_has_a_dash(self, make_table: Any) -> None:
        assert make_table({}).rows[0]["paper"] == "–"

    @pytest.mark.parametrize("printed", [{}, {"H2": {"pitch_shift": "not shown"}}])
    def test_a_table_from_a_file_reads_the_same(self, make_claims: Any, printed: Any) -> None:
        claims = make_claims({"p_value": math.nan}, printed=printed)
        direct, stored = texts.claim_text(claims), texts.claim_text(through_csv(claims))
        assert (stored.rows, stored.note) == (direct.rows, direct.note)

    def test_statements_and_details_stand_in_the_note(self, make_table: Any) -> None:
        lines = make_table().note.splitlines()
        assert lines[0] == "H1: pre-training helps at equal iterations."
        assert len([line for line in lines if line.split(": ")[0] in STATEMENTS]) == len(STATEMENTS)
        assert lines[-1] == "Dagstuhl ChoirSet: choirset_slakh_none_whole: 1 iteration, scratch: never."


class TestLevels:
    @pytest.fixture
    def make_row(self, make_curve: Any, make_facts: Any) -> Any:
        """The row of one arm from curves by seed."""

        def make(*by_seed: dict[int, float]) -> Any:
            curves = pd.concat(
                make_curve("choirset_scratch", values, seed=seed) for seed, values in enumerate(by_seed)
            )
            levels = level_table(curves, make_facts(("", "none", "choirset", "scratch")), 5.0)
            (row,) = texts.level_text(levels).rows
            return row

        return make

    def test_a_row_has_the_iterations_of_the_mean_and_of_seeds(self, make_row: Any) -> None:
        assert make_row({100: 5, 200: 6, 300: 6}, {100: 1, 200: 3, 300: 5}) == {
            "downstream": "Dagstuhl ChoirSet",
            "arm": "choirset_scratch",
            "level (dB)": "5",
            "first iteration": "300",
            "of single seeds": "100 to 300",
            "seeds that reach it": "2 of 2",
            "best (dB)": "5.50",
            "iterations": "300",
        }

    def test_equal_seeds_have_one_iteration(self, make_row: Any) -> None:
        assert make_row({100: 5}, {100: 6})["of single seeds"] == "100"

    def test_who_never_gets_there_has_a_word_and_a_dash(self, make_row: Any) -> None:
        row = make_row({100: -4})
        assert (row["first iteration"], row["of single seeds"]) == ("never", "–")
        assert (row["seeds that reach it"], row["best (dB)"]) == ("0 of 1", "−4.00")


def test_levels_from_a_file_read_the_same(make_curve: Any, make_facts: Any) -> None:
    curves = pd.concat(
        [
            make_curve("choirset_scratch", {100: 1}),
            make_curve("choirset_slakh_none_whole", {100: 5, 200: 9}),
            make_curve("choirset_slakh_none_whole", {100: 3, 200: 6}, seed=1),
        ]
    )
    facts = make_facts(("", "none", "choirset", "scratch"), ("slakh", "none", "choirset", "whole"))
    levels = level_table(curves, facts, 5.0)
    stored = texts.level_text(through_csv(levels)).rows
    assert stored == texts.level_text(levels).rows
    assert [row["first iteration"] for row in stored] == ["never", "200"]
    assert [row["of single seeds"] for row in stored] == ["–", "100 to 200"]


class TestNothingRun:
    @pytest.mark.parametrize(
        ("text_of", "columns"),
        [
            (texts.mask_text, MASK_COLUMNS),
            (texts.claim_text, CLAIM_COLUMNS),
            (texts.level_text, LEVEL_COLUMNS),
        ],
    )
    def test_a_table_without_rows_says_so(self, text_of: Any, columns: tuple[str, ...]) -> None:
        table = text_of(pd.DataFrame(columns=list(columns)))
        assert table.rows == NOTHING
        assert "not run" in table.markdown()
        assert "not run" in table.plain()

    def test_comparisons_without_rows_speak_of_no_chance(self, make_comparisons: Any) -> None:
        table = texts.comparison_text(make_comparisons())
        assert table.rows == NOTHING
        assert "by chance" not in table.note
        assert texts.verdict_lines(make_comparisons()) == ""

    def test_models_without_rows_say_so(self, make_scores: Any, make_facts: Any) -> None:
        models = model_table(make_scores("other", [1]), make_facts(("", "none", "bach10", "scratch")))
        assert texts.model_text(models).rows == NOTHING


def test_levels_of_no_curve_say_so(make_facts: Any) -> None:
    levels = level_table(
        pd.DataFrame(columns=list(CURVE_COLUMNS)), make_facts(("", "none", "bach10", "scratch")), 5.0
    )
    assert texts.level_text(levels).rows == NOTHING
