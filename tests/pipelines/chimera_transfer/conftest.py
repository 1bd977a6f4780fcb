"""Made-up scores, facts, comparisons and curves, small enough to work out by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd
import pytest

MakeScores = Callable[..., pd.DataFrame]
MakeFacts = Callable[..., pd.DataFrame]
MakeComparisons = Callable[..., pd.DataFrame]
MakeCurve = Callable[..., pd.DataFrame]


def name_of(pretraining: str, condition: str, downstream: str, variant: str) -> str:
    if variant == "scratch":
        return f"{downstream}_scratch"
    return f"{downstream}_{pretraining}_{condition}_{variant}"


@pytest.fixture
def make_scores() -> MakeScores:
    """Scores of one arm, seed and stem by excerpt, from 0 on or by number; every excerpt is a song of its own."""

    def make(
        arm: str,
        values: Sequence[float] | Mapping[int, float],
        *,
        seed: int = 0,
        downstream: str = "bach10",
        stem: str = "violin",
        songs: Sequence[str] | Mapping[int, str] | None = None,
        mixture: float = 0.0,
    ) -> pd.DataFrame:
        by_number = values if isinstance(values, Mapping) else dict(enumerate(values))
        return pd.DataFrame(
            {
                "arm": arm,
                "seed": seed,
                "downstream": downstream,
                "excerpt": number,
                "song": f"song {number}" if songs is None else songs[number],
                "stem": stem,
                "si_sdr": float(value),
                "si_sdr_mixture": mixture,
            }
            for number, value in by_number.items()
        )

    return make


@pytest.fixture
def make_facts() -> MakeFacts:
    """Facts of arms given as (pretraining, condition, downstream, variant); their names follow."""

    def make(*cells: tuple[str, str, str, str]) -> pd.DataFrame:
        columns = ["arm", "pretraining", "condition", "downstream", "variant"]
        return pd.DataFrame([(name_of(*cell), *cell) for cell in cells], columns=columns)

    return make


@pytest.fixture
def make_comparisons() -> MakeComparisons:
    """Rows of table 3 from what differs from a whole-model on Bach10 that is not decided against scratch."""

    def make(*changes: Mapping[str, Any]) -> pd.DataFrame:
        from sep_pipeline.pipelines.chimera_transfer.tables import COMPARISON_COLUMNS

        return pd.DataFrame([_comparison(change) for change in changes], columns=list(COMPARISON_COLUMNS))

    return make


def _comparison(change: Mapping[str, Any]) -> dict[str, Any]:
    row: dict[str, Any] = {
        "kind": "scratch",
        "pretraining": "slakh",
        "condition": "none",
        "downstream": "bach10",
        "variant": "whole",
        "difference": 0.0,
        "p_value": 0.5,
        "p_value_lower": 0.5,
        "num_excerpts": 20,
        "num_songs": 10,
        "num_seeds": 2,
        "by_excerpts": "not decided",
        "by_songs": "not decided",
        "verdict": "nothing",
        **change,
    }
    arm = name_of(*(row[name] for name in ("pretraining", "condition", "downstream", "variant")))
    around = {"low": row["difference"] - 1.0, "high": row["difference"] + 1.0}
    return {"arm": arm, "baseline": f"{row['downstream']}_scratch"} | around | row


@pytest.fixture
def make_curve() -> MakeCurve:
    """The curve of one arm and seed by iteration."""

    def make(
        arm: str, values: Mapping[int, float], *, seed: int = 0, downstream: str = "choirset"
    ) -> pd.DataFrame:
        return pd.DataFrame(
            {"arm": arm, "seed": seed, "downstream": downstream, "step": step, "value": float(value)}
            for step, value in values.items()
        )

    return make
