"""A run killed while rendering, in a training step and in a checkpoint write ends as an unbroken one."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

ARM = "pretrained"
STUDY = "jukebox_transfer"
HALTING_RUN = Path(__file__).with_name("halting_run.py")
FOLDER = "drums/phase_two_work"
ARGUMENTS = ["run", f"--pipeline={STUDY}", "--env=test"]


@dataclass
class Story:
    """One project, killed three times and then finished."""

    project: Any
    kills: dict[str, Any]


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory, study: Any, project_type: Any, killed_when: Any) -> Story:
    project = project_type(tmp_path_factory.mktemp("killed") / "project")
    project.configure("jukebox_transfer.run.arms", [ARM])
    kedro = [str(Path(sys.executable).with_name("kedro")), *ARGUMENTS]
    rendered = project.data / "02_intermediate" / "rendered"
    kills = {"rendering": killed_when(project, kedro, lambda: any(rendered.glob("*/Track*")))}
    for moment in ("step", "checkpoint"):
        marker = project.path / f"{moment}.marker"
        command = [sys.executable, str(HALTING_RUN), moment, str(marker), FOLDER, *ARGUMENTS]
        kills[moment] = killed_when(project, command, marker.exists)
    project.run()
    return Story(project, kills)


MOMENTS = ["rendering", "step", "checkpoint"]


@pytest.mark.parametrize("moment", MOMENTS)
def test_the_run_was_killed_at_the_moment(story: Story, moment: str) -> None:
    assert story.kills[moment].had_come


@pytest.mark.parametrize("moment", MOMENTS)
def test_no_worker_outlives_the_killed_run(story: Story, moment: str) -> None:
    assert story.kills[moment].orphans == []


@pytest.mark.parametrize("moment", MOMENTS)
def test_what_bears_a_final_name_is_whole(story: Story, moment: str) -> None:
    assert story.kills[moment].partial == []
    assert all(count > 0 for count in story.kills[moment].weights.values())


def test_the_killed_training_had_begun_and_not_ended(story: Story) -> None:
    names = {
        path.relative_to(story.project.data / "06_models").as_posix() for path in story.kills["step"].weights
    }
    assert f"{STUDY}/{ARM}/seed_0/drums/phase_one.safetensors" in names
    assert f"{STUDY}/{ARM}/seed_0/drums/phase_two.safetensors" not in names


def test_rendered_songs_equal_those_of_an_unbroken_run(story: Story, study: Any) -> None:
    files = [path for path in (study.data / "02_intermediate").rglob("*") if path.is_file()]
    audio = [path for path in files if path.suffix in (".flac", ".mid", ".yaml")]
    assert audio
    for path in audio:
        assert (story.project.data / path.relative_to(study.data)).read_bytes() == path.read_bytes()


def test_weights_equal_those_of_an_unbroken_run_to_the_bit(story: Story, study: Any, content_of: Any) -> None:
    files = sorted((study.data / "06_models" / STUDY / ARM).rglob("*.safetensors"))
    assert len(files) >= 4 * 5
    for path in files:
        assert content_of(story.project.data / path.relative_to(study.data)) == content_of(path)


def test_the_table_shows_the_numbers_of_an_unbroken_run(story: Story, study: Any) -> None:
    ours, theirs = (pd.read_csv(project.reports / "table_1.csv") for project in (story.project, study))
    shown = ["arm", "stem", "metric", "value", "low", "high"]
    theirs = theirs[theirs["arm"].isin(ours["arm"].unique())].reset_index(drop=True)
    assert ARM in set(theirs["arm"])
    pd.testing.assert_frame_equal(ours[shown], theirs[shown], check_exact=True)


def test_mlflow_runs_were_continued_and_not_doubled(story: Story, mlflow_runs: Any) -> None:
    runs = mlflow_runs(story.project)
    cells = [run for run in runs if run.data.tags["kind"] == "cell"]
    assert sorted(run.data.tags["stem"] for run in cells) == ["bass", "drums", "guitar", "other"]
    assert len(runs) == len(cells) + 1
    assert {run.info.status for run in runs} == {"FINISHED"}


@pytest.mark.parametrize("phase", ["phase_one", "phase_two"])
def test_curves_in_mlflow_are_complete_in_spite_of_the_kills(
    story: Story, mlflow_runs: Any, phase: str
) -> None:
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{story.project.path / 'mlflow.db'}")
    for run in mlflow_runs(story.project):
        if run.data.tags["kind"] == "cell":
            points = client.get_metric_history(run.info.run_id, f"{phase}/loss")
            assert sorted({point.step for point in points}) == [1, 2, 3], run.data.tags["stem"]


def test_curves_on_disk_equal_those_of_an_unbroken_run(story: Story, study: Any) -> None:
    keys = ["arm", "stem", "phase", "name", "step"]
    ours, theirs = (
        pd.read_parquet(project.reports / "curves.parquet").sort_values(keys).reset_index(drop=True)
        for project in (story.project, study)
    )
    theirs = theirs[theirs["arm"] == ARM].reset_index(drop=True)
    pd.testing.assert_frame_equal(ours, theirs, check_exact=True)
