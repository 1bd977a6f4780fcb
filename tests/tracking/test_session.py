import json
import pickle
from typing import Any

import pytest

from sep_pipeline.tracking import RunTracker, TrackingSession, TrackingSettings
from sep_pipeline.tracking.views import MAIN_SCORE, VIEW, VIEW_NAME

DRUMS: dict[str, Any] = {"arm": "scratch", "stem": "drums", "seed": 0}


def cell(session: TrackingSession, identity: str = "cell-1", **changed: Any) -> RunTracker:
    return session.cell_tracker(**{**DRUMS, **changed}, identity=identity)


def begin(settings: TrackingSettings, identity: str) -> TrackingSession:
    return TrackingSession.begin(settings, "toy_study", identity, {"environment": "test"})


def test_a_study_has_one_run_of_its_own(session: TrackingSession, runs: Any) -> None:
    (run,) = runs.all()
    assert run.info.run_id == session.study_run_id
    assert (run.info.run_name, run.info.status) == ("toy_study (whole study)", "RUNNING")


def test_the_study_run_is_tagged(session: TrackingSession, runs: Any) -> None:
    tags = runs.client.get_run(session.study_run_id).data.tags
    assert {name: tags[name] for name in ("kind", "identity", "environment")} == {
        "kind": "study",
        "identity": "study-1",
        "environment": "test",
    }


@pytest.mark.parametrize("status", [None, "FAILED", "KILLED"])
def test_an_unfinished_study_is_continued(
    settings: TrackingSettings, session: TrackingSession, runs: Any, status: str | None
) -> None:
    if status is not None:
        session.study_tracker().end(status)
    again = begin(settings, "study-1")
    assert again.study_run_id == session.study_run_id
    assert runs.status(again.study_run_id) == "RUNNING"


def test_a_finished_study_is_not_continued(settings: TrackingSettings, session: TrackingSession) -> None:
    session.study_tracker().end("FINISHED")
    assert begin(settings, "study-1").study_run_id != session.study_run_id


def test_the_latest_run_of_a_study_is_found_however_it_ended(
    settings: TrackingSettings, session: TrackingSession
) -> None:
    session.study_tracker().end("FINISHED")
    newer = begin(settings, "study-2")
    newer.study_tracker().end("FAILED")
    found = TrackingSession.latest(settings, "toy_study", {"environment": "test"})
    assert found == newer


@pytest.mark.parametrize(("study", "environment"), [("other", "test"), ("toy_study", "paper")])
def test_a_study_that_was_never_tracked_has_no_latest_run(
    settings: TrackingSettings, session: TrackingSession, study: str, environment: str
) -> None:
    assert TrackingSession.latest(settings, study, {"environment": environment}) is None


def test_a_study_of_another_identity_is_a_new_run(
    settings: TrackingSettings, session: TrackingSession
) -> None:
    assert begin(settings, "study-2").study_run_id != session.study_run_id


def test_studies_have_experiments_of_their_own(
    settings: TrackingSettings, session: TrackingSession, runs: Any
) -> None:
    other = TrackingSession.begin(settings, "other_study", "study-1", {})
    assert other.study_run_id != session.study_run_id
    assert len(runs.all()) == 1


def test_files_of_a_study_lie_in_its_own_folder(session: TrackingSession, runs: Any) -> None:
    uri = runs.client.get_run(session.study_run_id).info.artifact_uri
    assert "/artifacts/toy_study/" in uri


def test_a_cell_is_a_top_level_run_tagged_for_comparison(session: TrackingSession, runs: Any) -> None:
    run = runs.client.get_run(cell(session).run_id)
    expected = {
        "kind": "cell",
        "arm": "scratch",
        "stem": "drums",
        "seed": "0",
        "identity": "cell-1",
        "study_run": session.study_run_id,
    }
    assert {name: run.data.tags[name] for name in expected} == expected
    assert "mlflow.parentRunId" not in run.data.tags
    assert run.info.run_name == "drums scratch seed 0"


def test_both_phases_of_a_cell_report_to_one_run(session: TrackingSession, runs: Any) -> None:
    assert cell(session).run_id == cell(session).run_id
    assert len(runs.all()) == 2


def test_a_cell_of_another_identity_is_a_new_run(session: TrackingSession) -> None:
    assert cell(session, "cell-1").run_id != cell(session, "cell-2").run_id


@pytest.mark.parametrize("changed", [{"arm": "pretrained"}, {"stem": "bass"}, {"seed": 1}])
def test_every_cell_has_its_own_run(session: TrackingSession, changed: dict[str, Any]) -> None:
    assert cell(session).run_id != cell(session, **changed).run_id


def test_a_later_run_of_the_study_continues_its_cells(
    settings: TrackingSettings, session: TrackingSession, runs: Any
) -> None:
    first = cell(session)
    first.end("FAILED")
    session.study_tracker().end("FINISHED")
    later = begin(settings, "study-2")
    second = cell(later)
    assert second.run_id == first.run_id
    assert runs.status(second.run_id) == "RUNNING"
    assert runs.client.get_run(second.run_id).data.tags["study_run"] == later.study_run_id


def test_the_latest_run_of_a_cell_is_found(session: TrackingSession) -> None:
    cell(session, "cell-1")
    newest = cell(session, "cell-2")
    found = session.latest_cell(**DRUMS)
    assert found is not None
    assert found.run_id == newest.run_id


def test_a_cell_that_was_never_run_is_not_found(session: TrackingSession) -> None:
    assert session.latest_cell(arm="scratch", stem="vocals", seed=0) is None


def test_a_failure_marks_the_study_and_what_was_running(session: TrackingSession, runs: Any) -> None:
    running = cell(session, stem="drums")
    session.fail()
    assert runs.status(running.run_id) == "FAILED"
    assert runs.status(session.study_run_id) == "FAILED"


def test_a_failure_leaves_finished_cells_alone(session: TrackingSession, runs: Any) -> None:
    finished = cell(session, stem="bass")
    finished.end("FINISHED")
    session.fail()
    assert runs.status(finished.run_id) == "FINISHED"


def test_a_failure_leaves_other_studies_alone(
    settings: TrackingSettings, session: TrackingSession, runs: Any
) -> None:
    other = begin(settings, "study-2")
    running = cell(other)
    session.fail()
    assert (runs.status(other.study_run_id), runs.status(running.run_id)) == ("RUNNING", "RUNNING")


def test_a_session_reaches_worker_processes(session: TrackingSession) -> None:
    assert pickle.loads(pickle.dumps(session)) == session


def test_quotes_in_a_name_do_not_break_the_search(session: TrackingSession) -> None:
    assert cell(session, stem="singer's").run_id == cell(session, stem="singer's").run_id


def test_the_page_of_an_experiment_compares_its_arms(session: TrackingSession, runs: Any) -> None:
    tags = runs.client.get_experiment_by_name(session.study).tags
    view = json.loads(tags[f"mlflow.sharedViewState.{VIEW}"])
    assert view["name"] == VIEW_NAME
    assert {"tags.`arm`", "tags.`stem`", f"metrics.`{MAIN_SCORE}`"} <= set(
        json.loads(view["state"])["selectedColumns"]
    )


def test_an_older_experiment_gets_the_view_too(settings: TrackingSettings, runs: Any) -> None:
    runs.client.create_experiment("older")
    TrackingSession.begin(settings, "older", "study-1", {})
    assert f"mlflow.sharedViewState.{VIEW}" in runs.client.get_experiment_by_name("older").tags
