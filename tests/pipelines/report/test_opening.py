"""A study opened for a notebook: its programme, or what is to be run first."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Pipeline, node

from sep_pipeline.configuration.report import PageParameters
from sep_pipeline.errors import NoInputError
from sep_pipeline.pipelines.report import open_programme
from sep_pipeline.pipelines.report.songs import Programme

SCORES = pd.DataFrame(
    [
        (arm, "drums", 0, track, "SDR whole song", value)
        for arm, values in {"low": [1.0, 3.0], "high": [5.0, 4.0]}.items()
        for track, value in zip(["one", "two"], values, strict=True)
    ],
    columns=["arm", "stem", "seed", "track", "metric", "value"],
)


def cut(scores: pd.DataFrame, page: PageParameters) -> Programme:
    return Programme(
        scores=scores,
        arms=("low", "high"),
        seed=0,
        num_clips=3,
        record=lambda name: pytest.fail("no song is asked for"),
        data_hashes={},
        page=page,
    )


@pytest.fixture
def pages() -> Pipeline:
    step = node(cut, {"scores": "demo.scores", "page": "demo.page"}, "demo.listening", name="cut_songs_demo")
    return Pipeline([step])


@pytest.fixture
def catalog() -> Any:
    return DataCatalog({"demo.scores": MemoryDataset(SCORES), "demo.page": MemoryDataset(PageParameters())})


def test_the_best_song_of_the_first_arm_comes_first(pages: Pipeline, catalog: DataCatalog) -> None:
    programme = open_programme("demo", pages, catalog)
    assert programme.arms == ("low", "high")
    assert list(programme.songs()) == ["two", "one"]


def test_a_study_that_has_not_run_is_answered_with_its_command(pages: Pipeline, catalog: DataCatalog) -> None:
    message = r"open_unmix has no results.*kedro run --pipeline=open_unmix.*found: results of demo"
    with pytest.raises(NoInputError, match=message):
        open_programme("open_unmix", pages, catalog)
