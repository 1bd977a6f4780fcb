"""A training of study 4 that is killed twice ends as an unbroken one."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

NODE = "open_unmix4.drums.seed_0.train_model"
CELL = "06_models/open_unmix/open_unmix4/seed_0/drums"
HALTING_RUN = Path(__file__).with_name("halting_run.py")
MOMENTS = ["step", "checkpoint"]
ARGUMENTS = ["run", "--pipeline=open_unmix", "--env=test", f"--to-nodes={NODE}"]


@pytest.fixture(scope="module")
def killed(
    tmp_path_factory: pytest.TempPathFactory, open_unmix: Any, project_type: Any, killed_when: Any
) -> tuple[Any, dict[str, Any]]:
    """A project, killed before the third update and while writing a checkpoint, and then finished."""
    folder = tmp_path_factory.mktemp("killed") / "project"
    project = project_type(folder, study="open_unmix")
    project.with_data_of(open_unmix, "02_intermediate", "03_primary", "05_model_input")
    # A checkpoint after every update; how often they are written does not count for the result.
    project.configure("open_unmix.defaults.training.checkpoint_every_seconds", 1.0e-6)
    kills = {}
    for moment in MOMENTS:
        marker = folder / f"{moment}.marker"
        halting = [sys.executable, str(HALTING_RUN), moment, str(marker), "drums/model_work"]
        kills[moment] = killed_when(project, [*halting, *ARGUMENTS], marker.exists)
    project.run(to_nodes=[NODE])
    return project, kills


@pytest.mark.parametrize("moment", MOMENTS)
def test_it_was_killed_at_the_moment_and_left_nothing_half_made(killed: Any, moment: str) -> None:
    seen = killed[1][moment]
    assert seen.had_come
    assert seen.orphans == []
    assert seen.partial == []
    assert not [path for path in seen.weights if path.name == "model.safetensors"]


def test_weights_equal_those_of_an_unbroken_training_to_the_bit(
    killed: Any, open_unmix: Any, content_of: Any
) -> None:
    file = f"{CELL}/model.safetensors"
    assert content_of(killed[0].data / file) == content_of(open_unmix.data / file)


def test_curves_equal_those_of_an_unbroken_training(killed: Any, open_unmix: Any) -> None:
    ours, theirs = (
        pd.read_parquet(project.data / CELL / "model_curves.parquet").query("name != 'seconds'")
        for project in (killed[0], open_unmix)
    )
    pd.testing.assert_frame_equal(ours, theirs, check_exact=True)


def test_the_run_in_mlflow_was_continued_and_not_doubled(killed: Any, mlflow_runs: Any) -> None:
    from mlflow import MlflowClient

    (run,) = (run for run in mlflow_runs(killed[0]) if run.data.tags["kind"] == "cell")
    assert run.info.status == "FINISHED"
    client = MlflowClient(f"sqlite:///{killed[0].path / 'mlflow.db'}")
    points = client.get_metric_history(run.info.run_id, "model/loss")
    assert sorted({point.step for point in points}) == [1, 2, 3, 4, 5, 6]
