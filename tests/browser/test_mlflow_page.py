"""MLflow's page over the runs of a study: arms by stem, curves, one run's page, the study's tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from sep_pipeline.tracking import TrackingSession, TrackingSettings, log_study_results
from sep_pipeline.tracking.views import MAIN_SCORE, VIEW, VIEW_NAME

STUDY = "jukebox_transfer"
SCORES = {"pretrained": 3.5, "scratch": 3.25, "no_finetune": 1.75, "scratch_as_published": 0.125}
STEMS = ("drums", "bass", "guitar")
STEPS = 5
TALL = 3000
"""Height in pixels at which no chart lies below the edge, where none is drawn."""

TABLE = "# Table 1: arms by stem\n\n| arm | drums |\n|---|---|\n| pretrained | 3.50 |\n"


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, TrackingSession]:
    """A finished study with more cells than MLflow's charts show by themselves."""
    folder = tmp_path_factory.mktemp("tracking")
    settings = TrackingSettings(f"sqlite:///{folder / 'mlflow.db'}", (folder / "mlruns").as_uri())
    session = TrackingSession.begin(settings, STUDY, "study-1", {"environment": "test"})
    for arm in SCORES:
        for stem in STEMS:
            _train(session, arm, stem)
    rows = [(arm, stem, 0, "one", "SDR whole song", value) for arm, value in SCORES.items() for stem in STEMS]
    (folder / "table_1.md").write_text(TABLE)
    frame = pd.DataFrame(rows, columns=["arm", "stem", "seed", "track", "metric", "value"])
    log_study_results(session, frame, [folder / "table_1.md"])
    session.study_tracker().end("FINISHED")
    return folder, session


def _train(session: TrackingSession, arm: str, stem: str) -> None:
    cell = session.cell_tracker(arm=arm, stem=stem, seed=0, identity=f"{arm} {stem}")
    cell.log_parameters({"arm": arm, "stem": stem, "phase_one": {"codebook": "ema"}})
    for phase in ("phase_one", "phase_two"):
        curve = cell.within(phase)
        for step in range(1, STEPS + 1):
            curve.on_scalars(step, {"loss": 1.0 / step})
        curve.on_end("finished")
    cell.end("FINISHED")


@pytest.fixture(scope="module")
def experiment(study: tuple[Path, TrackingSession], serve_mlflow: Callable[[Path], Any]) -> Iterator[str]:
    """Address of the study's experiment."""
    folder, session = study
    found = session_client(session).get_experiment_by_name(STUDY)
    with serve_mlflow(folder) as address:
        yield f"{address}/#/experiments/{found.experiment_id}"


def session_client(session: TrackingSession) -> Any:
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=session.settings.uri)


@pytest.fixture
def go(browser: Any) -> Callable[[str], Any]:
    """Opens a page from scratch: MLflow's addresses differ only behind the #."""

    def open_page(address: str) -> Any:
        browser.open("about:blank")
        browser.open(address)
        return browser

    return open_page


def test_the_saved_view_lists_every_cell_with_arm_stem_and_score(
    go: Callable[[str], Any], experiment: str, faults: Callable[..., list[str]]
) -> None:
    page = go(f"{experiment}/runs?viewStateShareKey={VIEW}")
    names = [f"{stem} {arm} seed 0" for arm in SCORES for stem in STEMS]
    text = page.wait_for_text(VIEW_NAME, f"{len(names)} matching runs", "arm", "stem", MAIN_SCORE, *names)
    assert f"{STUDY} (whole study)" not in text
    assert {str(score) for score in SCORES.values()} <= set(text.splitlines())
    stems = [line.split()[0] for line in text.splitlines() if line in names]
    assert stems == sorted(stems)
    assert faults(page) == []


def test_the_charts_begin_with_the_scores_of_all_cells(
    go: Callable[[str], Any], experiment: str, faults: Callable[..., list[str]]
) -> None:
    go("about:blank").resize(1600, TALL)
    page = go(f"{experiment}/runs?viewStateShareKey={VIEW}&compareRunsMode=CHART")
    text = page.wait_for_text(MAIN_SCORE, "phase_one/loss", "phase_two/loss")
    assert text.index(MAIN_SCORE) < text.index("phase_one/loss") < text.index("phase_two/loss")
    assert "Unhide run" not in text
    bars = "document.querySelectorAll('.barlayer .point').length"
    assert page.wait_for(f"{bars} >= {len(SCORES) * len(STEMS)}")
    assert faults(page) == []


def test_one_run_shows_its_scores_parameters_and_tags(
    go: Callable[[str], Any],
    experiment: str,
    study: tuple[Path, TrackingSession],
    faults: Callable[..., list[str]],
) -> None:
    cell = study[1].latest_cell(arm="scratch", stem="bass", seed=0)
    assert cell is not None
    page = go(f"{experiment}/runs/{cell.run_id}")
    text = page.wait_for_text("bass scratch seed 0", MAIN_SCORE, "phase_two/loss", "phase_one.codebook")
    assert "3.25" in text
    assert "Finished" in text
    assert faults(page) == []


def test_the_run_of_the_study_shows_its_table(
    go: Callable[[str], Any],
    experiment: str,
    study: tuple[Path, TrackingSession],
    faults: Callable[..., list[str]],
) -> None:
    page = go(f"{experiment}/runs/{study[1].study_run_id}")
    page.wait_for_text(f"{STUDY} (whole study)", "Table 1: arms by stem", "total_SDR_whole_song/pretrained")
    page = go(f"{experiment}/runs/{study[1].study_run_id}/artifacts/table_1.md")
    page.wait_for_text("Path: ", "Table 1: arms by stem", "3.50")
    assert faults(page) == []
