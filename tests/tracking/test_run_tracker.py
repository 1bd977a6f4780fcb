import math
import multiprocessing
from pathlib import Path
from typing import Any

import pytest

from sep_pipeline.tracking import NullTracker, RunTracker, TrackingSession, tracker
from sep_pipeline.training.callback import Callback


@pytest.fixture
def cell(session: TrackingSession) -> RunTracker:
    """The tracker of one cell."""
    return session.cell_tracker(arm="scratch", stem="drums", seed=0, identity="cell-1")


def test_curves_are_kept_back_and_then_complete(cell: RunTracker, runs: Any) -> None:
    for step in range(1, 51):
        cell.on_scalars(step, {"loss": 1 / step, "rate": 0.1})
    assert runs.metrics(cell.run_id) == {}
    cell.on_end("finished")
    assert runs.curve(cell.run_id, "loss") == [(step, 1 / step) for step in range(1, 51)]
    assert runs.curve(cell.run_id, "rate") == [(step, 0.1) for step in range(1, 51)]


def test_what_waits_is_sent_after_a_while(
    cell: RunTracker, runs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracker, "SECONDS_BETWEEN_BATCHES", -1.0)
    cell.on_scalars(1, {"loss": 0.5})
    assert runs.curve(cell.run_id, "loss") == [(1, 0.5)]


def test_what_waits_is_sent_before_a_checkpoint(cell: RunTracker, runs: Any) -> None:
    cell.on_scalars(1, {"loss": 0.5})
    cell.on_checkpoint(1)
    assert runs.curve(cell.run_id, "loss") == [(1, 0.5)]


def test_more_values_than_one_batch_takes_are_sent_whole(
    cell: RunTracker, runs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracker, "METRICS_PER_BATCH", 3)
    for step in range(8):
        cell.on_scalars(step, {"loss": float(step)})
    cell.flush()
    assert len(runs.curve(cell.run_id, "loss")) == 8


def test_nothing_is_sent_twice(cell: RunTracker, runs: Any) -> None:
    cell.on_scalars(1, {"loss": 0.5})
    cell.flush()
    cell.flush()
    assert runs.curve(cell.run_id, "loss") == [(1, 0.5)]


def test_an_evaluation_is_sent_at_once_under_its_own_name(cell: RunTracker, runs: Any) -> None:
    cell.on_evaluation(7, {"loss": 0.25})
    assert runs.curve(cell.run_id, "validation/loss") == [(7, 0.25)]


def test_phases_have_names_of_their_own(cell: RunTracker, runs: Any) -> None:
    phase = cell.within("phase_one")
    phase.on_evaluation(1, {"loss": 0.5})
    phase.log_metrics({"loss": 0.75})
    assert runs.metrics(cell.run_id) == {"phase_one/validation/loss": 0.5, "phase_one/loss": 0.75}


def test_phases_can_be_nested(cell: RunTracker, runs: Any) -> None:
    cell.within("phase_one").within("warm_up").log_metrics({"loss": 0.5})
    assert runs.metrics(cell.run_id) == {"phase_one/warm_up/loss": 0.5}


def test_values_that_are_not_finite_are_left_out(cell: RunTracker, runs: Any) -> None:
    cell.log_metrics({"a": math.nan, "b": math.inf, "c": -math.inf, "d": 1.0})
    assert runs.metrics(cell.run_id) == {"d": 1.0}


def test_names_that_mlflow_refuses_are_made_acceptable(cell: RunTracker, runs: Any) -> None:
    cell.log_metrics({"loss (2048 largest)": 1.0})
    assert runs.metrics(cell.run_id) == {"loss _2048 largest_": 1.0}


def test_parameters_are_flattened(cell: RunTracker, runs: Any) -> None:
    cell.log_parameters({"phase": {"training": {"num_steps": 5}, "codebook": "ema"}, "steps": (1, 2)})
    assert runs.client.get_run(cell.run_id).data.params == {
        "phase.training.num_steps": "5",
        "phase.codebook": "ema",
        "steps": "(1, 2)",
    }


def test_a_parameter_that_is_known_keeps_its_value(cell: RunTracker, runs: Any) -> None:
    cell.log_parameters({"device": "cuda"})
    cell.log_parameters({"device": "cpu", "seed": 0})
    assert runs.client.get_run(cell.run_id).data.params == {"device": "cuda", "seed": "0"}


def test_more_parameters_than_one_batch_takes_are_logged(cell: RunTracker, runs: Any) -> None:
    cell.log_parameters({f"name_{number}": number for number in range(250)})
    assert len(runs.client.get_run(cell.run_id).data.params) == 250


def test_a_long_parameter_is_cut(cell: RunTracker, runs: Any) -> None:
    cell.log_parameters({"tracks": "x" * 9000})
    assert len(runs.client.get_run(cell.run_id).data.params["tracks"]) == 6000


def test_names_of_parameters_are_made_acceptable(cell: RunTracker, runs: Any) -> None:
    cell.log_parameters({"grouping": {"piano (left)": "keys"}})
    assert runs.client.get_run(cell.run_id).data.params == {"grouping.piano _left_": "keys"}


@pytest.mark.parametrize(
    ("training", "run"), [("finished", "RUNNING"), ("interrupted", "RUNNING"), ("failed", "FAILED")]
)
def test_the_end_of_one_training_fails_the_run_or_leaves_it_open(
    cell: RunTracker, runs: Any, training: str, run: str
) -> None:
    cell.on_end(training)
    assert runs.status(cell.run_id) == run


def test_a_failed_training_keeps_its_curve(cell: RunTracker, runs: Any) -> None:
    cell.on_scalars(1, {"loss": 0.5})
    cell.on_end("failed")
    assert runs.curve(cell.run_id, "loss") == [(1, 0.5)]


@pytest.mark.parametrize("status", ["FINISHED", "FAILED"])
def test_the_end_of_the_run_is_its_status(cell: RunTracker, runs: Any, status: str) -> None:
    cell.end(status)
    assert runs.status(cell.run_id) == status


def test_files_are_copied_into_the_run(cell: RunTracker, runs: Any, tmp_path: Path) -> None:
    (tmp_path / "table.md").write_text("| a |")
    cell.log_file(tmp_path / "table.md", "tables")
    assert [item.path for item in runs.client.list_artifacts(cell.run_id, "tables")] == ["tables/table.md"]


def write_curve(uri: str, run_id: str, name: str) -> None:
    """What a worker process does."""
    worker = RunTracker(uri, run_id)
    for step in range(300):
        worker.on_scalars(step, {name: float(step)})
        if step % 20 == 0:
            worker.flush()
    worker.on_end("finished")


def test_two_processes_writing_at_once_lose_nothing(session: TrackingSession, runs: Any) -> None:
    uri = session.settings.uri
    cells = {
        stem: session.cell_tracker(arm="scratch", stem=stem, seed=0, identity=stem).run_id
        for stem in ("drums", "bass")
    }
    # Forked, as the runner's workers are: they inherit the store that this process has open.
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=write_curve, args=(uri, run, stem)) for stem, run in cells.items()]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(30)
    assert [worker.exitcode for worker in workers] == [0, 0]
    for stem, run in cells.items():
        assert runs.curve(run, stem) == [(step, float(step)) for step in range(300)]


class TestNullTracker:
    def test_it_accepts_everything(self) -> None:
        silent = NullTracker()
        silent.on_scalars(1, {"loss": math.nan})
        silent.on_evaluation(1, {"loss": 0.5})
        silent.log_parameters({"a": {"b": object()}})
        silent.on_end("failed")
        silent.end("FAILED")

    def test_within_a_phase_it_stays_silent(self) -> None:
        assert isinstance(NullTracker().within("phase_one"), NullTracker)

    def test_it_can_be_handed_to_a_training(self) -> None:
        callback: Callback = NullTracker()
        callback.on_end("finished")
