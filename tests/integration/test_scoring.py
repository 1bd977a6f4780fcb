"""`score` and `leaderboard` on a finished study, as a user runs them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sep_pipeline.audio.io import read_audio, write_audio
from sep_pipeline.errors import NoInputError
from sep_pipeline.separation.oracles import ORACLES

ESTIMATES = "data/test/07_model_output/jukebox_transfer/pretrained/seed_0"
REFERENCES = "data/test/03_primary/rendered"
ARMS = ["pretrained", "scratch", "no_finetune", "scratch_as_published"]
METRICS = ["SDR", "ISR", "SIR", "SAR"]


def excerpt(project: Any) -> None:
    """Leave the middle two seconds of every test song."""
    for path in (project.path / REFERENCES / "test").rglob("*.wav"):
        audio, rate = read_audio(path)
        write_audio(path, audio[:, 3 * rate : 5 * rate], rate)


def scored(project: Any, *more: str) -> Any:
    parameters = ",".join(
        [f"estimates={ESTIMATES}", f"references={REFERENCES}", "score.channels=mono", *more]
    )
    return project.command("run", "--pipeline=score", "--env=test", f"--params={parameters}")


def shown(table: pd.DataFrame, arm: str) -> pd.DataFrame:
    """Figures of one arm, stem by metric."""
    own = table[(table["arm"] == arm) & table["metric"].isin(METRICS)]
    return own.set_index(["stem", "metric"])["value"].unstack().sort_index()


@pytest.fixture(scope="module")
def scored_project(study: Any, project_type: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A project in which the estimates of one arm were scored on the command line."""
    folders = [path.name for path in study.data.iterdir()]
    project = project_type(tmp_path_factory.mktemp("scored") / "project").with_data_of(study, *folders)
    result = scored(project)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "Scores of pretrained_seed_0" in result.stdout
    return project


def test_score_gives_the_figures_of_the_study(scored_project: Any) -> None:
    ours = pd.read_csv(scored_project.data / "08_reporting" / "score_pretrained_seed_0" / "table_1.csv")
    studys = pd.read_csv(scored_project.reports / "table_3.csv")
    pd.testing.assert_frame_equal(
        shown(ours, "pretrained_seed_0"), shown(studys, "pretrained"), atol=1e-6, rtol=0
    )


def test_the_second_run_writes_nothing(scored_project: Any) -> None:
    def times() -> dict[str, int]:
        return {name: time for name, time in scored_project.times().items() if name.startswith("data/")}

    before = times()
    result = scored(scored_project)
    assert result.returncode == 0, result.stdout + result.stderr
    assert times() == before


def test_a_changed_estimate_is_noticed(study_copy: Any) -> None:
    excerpt(study_copy)
    for path in (study_copy.path / ESTIMATES).rglob("*.wav"):
        audio, rate = read_audio(path)
        write_audio(path, audio[:, 3 * rate : 5 * rate], rate, subtype="FLOAT")
    parameters = {
        "estimates": ESTIMATES,
        "references": REFERENCES,
        "score": {"channels": "mono", "name": "mine"},
    }
    study_copy.run("score", parameters=parameters)
    kept = study_copy.data / "08_reporting" / "score_mine"
    records = sorted((kept / "museval" / "mine" / "tracks").iterdir())
    before = {path.name: path.read_bytes() for path in records}
    first = sorted((study_copy.path / ESTIMATES / "test").iterdir())[0] / "bass.wav"
    audio, rate = read_audio(first)
    write_audio(first, 0.5 * audio, rate, subtype="FLOAT")
    study_copy.run("score", parameters=parameters)
    changed = [path.stem for path in records if path.read_bytes() != before[path.name]]
    assert changed == [first.parent.name]


def test_missing_estimates_are_named_in_one_line(study_copy: Any) -> None:
    result = study_copy.command("run", "--pipeline=score", "--env=test", f"--params=references={REFERENCES}")
    assert result.returncode == 1
    (line,) = [line for line in result.stderr.splitlines() if line.startswith("Error: ")]
    assert line.startswith(
        "Error: ConfigurationError: no folder of estimates is named (parameter: score.estimates;"
    )


@pytest.mark.parametrize(
    ("folders", "problem"),
    [
        ({"estimates": "nowhere", "references": REFERENCES}, "there is no folder of estimates"),
        ({"estimates": ESTIMATES, "references": "nowhere"}, "there is no track manifest"),
    ],
)
def test_folders_that_are_not_there_are_named(study_copy: Any, folders: Any, problem: str) -> None:
    with pytest.raises(NoInputError, match=problem) as raised:
        study_copy.run("score", parameters=folders)
    assert "nowhere" in str(raised.value.file)


@pytest.fixture(scope="module")
def ranked(study: Any, project_type: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A project with the leaderboard of the study's four arms on short songs."""
    folders = ("03_primary", "02_intermediate", "06_models")
    project = project_type(tmp_path_factory.mktemp("ranked") / "project").with_data_of(study, *folders)
    excerpt(project)
    result = project.command(
        "run", "--pipeline=leaderboard", "--env=test", "--params=leaderboard.channels=mono"
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return project


@pytest.fixture
def board(ranked: Any) -> Path:
    folder: Path = ranked.data / "08_reporting" / "leaderboard"
    return folder


def test_the_leaderboard_holds_all_arms_oracles_and_floors(board: Path) -> None:
    table = pd.read_csv(board / "table_1.csv")
    assert set(table["arm"]) == {
        *(f"jukebox_transfer {arm}" for arm in ARMS),
        *ORACLES,
        *("zero", "mixture", "scaled_mixture"),
    }


def test_oracles_are_on_top_of_everything(board: Path) -> None:
    table = pd.read_csv(board / "table_1.csv")
    totals = table[(table["stem"] == "total") & (table["metric"] == "SDR")].set_index("arm")["value"]
    assert totals[list(ORACLES)].min() > totals.drop(list(ORACLES)).max()
    text = (board / "table_1.md").read_text().partition("## total")[2].partition("## ")[0]
    rows = [line.split("|")[1].strip() for line in text.splitlines() if line.startswith("| ")][1:]
    assert set(rows[: len(ORACLES)]) == set(ORACLES)
    assert rows[-1] == "zero"


def test_trained_methods_have_their_facts(board: Path) -> None:
    table = pd.read_csv(board / "table_1.csv")
    steps = table.dropna(subset=["steps"]).groupby("arm")["steps"].first().to_dict()
    assert {arm.removeprefix("jukebox_transfer "): int(count) for arm, count in steps.items()} == {
        "pretrained": 6,
        "scratch": 6,
        "no_finetune": 3,
        "scratch_as_published": 2,
    }


def test_the_figure_shows_something(board: Path) -> None:
    from matplotlib.image import imread

    pixels = imread(board / "figure_ranking.png")
    assert min(pixels.shape[:2]) > 200
    assert np.std(pixels[..., :3]) > 0.05


def test_the_leaderboard_is_fresh_afterwards(ranked: Any) -> None:
    with ranked.context(leaderboard={"channels": "mono"}) as context:
        from kedro.framework.project import pipelines

        from sep_pipeline.fingerprints import expect_fingerprints, stale_nodes

        catalog = context.catalog
        expect_fingerprints(pipelines["leaderboard"], catalog)
        assert stale_nodes(pipelines["leaderboard"], catalog) == {}


def test_mlflow_has_one_finished_run_with_the_files(ranked: Any, board: Path) -> None:
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{ranked.path / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("leaderboard")
    assert experiment is not None
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.info.status == "FINISHED"
    folder = Path(run.info.artifact_uri.removeprefix("file://"))
    for name in ("table_1.csv", "table_1.md", "scores.parquet", "figure_ranking.png"):
        assert (folder / name).read_bytes() == (board / name).read_bytes()
