"""Study 4 on chunks that are rendered while training instead of cut from its store, in `conf/test`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sep_pipeline.errors import ConfigurationError

STEMS = ["drums", "bass", "guitar", "other"]
UPDATES = 4
"""Of two training songs, four chunks of each and batches of two."""


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory, open_unmix: Any, project_type: Any) -> Any:
    """A project that has trained the arm `rendered` on the finished store of the study."""
    project = project_type(tmp_path_factory.mktemp("rendered") / "project", study="open_unmix")
    project.with_data_of(open_unmix, "02_intermediate", "03_primary", "05_model_input")
    project.configure("open_unmix.run.arms", ["rendered"])
    project.run()
    return project


def test_every_stem_is_trained_on_rendered_chunks(rendered: Any) -> None:
    curves = pd.read_parquet(rendered.reports / "curves.parquet")
    losses = curves[curves["name"] == "loss"]
    assert losses.groupby("stem")["step"].agg(list).to_dict() == {
        stem: list(range(1, UPDATES + 1)) for stem in STEMS
    }
    assert np.isfinite(losses["value"]).all()
    ledgers = list((rendered.data / "06_models").rglob("pool_ledger*"))
    assert {path.parent.parent.name for path in ledgers} == set(STEMS)


def test_the_training_songs_alone_are_rendered(rendered: Any) -> None:
    index = json.loads((rendered.data / "02_intermediate" / "rendered_corpus" / "corpus.json").read_text())
    lines = (rendered.path / "data/01_raw/midi/songs.csv").read_text().splitlines()
    part_of = {line.split(",")[0]: line.split(",")[1] for line in lines[1:]}
    files = [entry["file"] for entry in (*index["songs"], *index["rejections"])]
    assert files
    assert {part_of[file] for file in files} == {"train"}
    assert {song["split"] for song in index["songs"]} == {"train"}


def test_the_arm_is_scored_like_the_others(rendered: Any) -> None:
    table = pd.read_csv(rendered.reports / "table_1.csv")
    assert {"rendered", "zero", "scaled_mixture"} <= set(table["arm"])
    assert set(table[table["arm"] == "rendered"]["stem"]) == {*STEMS, "total"}


def test_a_folder_of_audio_has_nothing_to_render(make_project: Any, tmp_path: Path) -> None:
    project = make_project(study="open_unmix")
    project.configure("open_unmix.run.arms", ["rendered"])
    root = tmp_path / "songs" / "train" / "one"
    root.mkdir(parents=True)
    given = {"root": str(tmp_path / "songs"), "layout": "musdb_hq", "stems": "drums+bass"}
    with pytest.raises(ConfigurationError, match="a pool renders MIDI files"):
        project.run(parameters=given)
