import importlib
import logging
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from sep_pipeline.errors import UnreadableFileError
from sep_pipeline.mapping import ShareProgress, available_processes, map_tracks

HERE = Path(__file__).parent
NUMBERS = {"a": 0, "b": 1, "c": 2, "d": 3, "e": 4}


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The functions to map, importable in worker processes."""
    monkeypatch.syspath_prepend(HERE)
    return importlib.import_module("jobs_for_mapping")


@pytest.mark.parametrize("num_processes", [1, 2])
def test_results_keep_the_order_of_the_jobs(jobs: ModuleType, num_processes: int) -> None:
    results = map_tracks(jobs.square, NUMBERS, description="square", num_processes=num_processes)
    assert list(results.items()) == [("a", 0), ("b", 1), ("c", 4), ("d", 9), ("e", 16)]


def test_one_process_works_here(jobs: ModuleType) -> None:
    results = map_tracks(jobs.process_id, NUMBERS, description="identify", num_processes=1)
    assert set(results.values()) == {os.getpid()}


def test_several_processes_work_elsewhere(jobs: ModuleType) -> None:
    results = map_tracks(jobs.process_id, NUMBERS, description="identify", num_processes=2)
    assert os.getpid() not in results.values()


def test_a_single_job_starts_no_process(jobs: ModuleType) -> None:
    assert map_tracks(jobs.process_id, {"a": 0}, description="identify", num_processes=8) == {
        "a": os.getpid()
    }


def test_no_jobs_give_no_results(jobs: ModuleType) -> None:
    assert map_tracks(jobs.square, {}, description="square", num_processes=2) == {}


@pytest.mark.parametrize("num_processes", [1, 2])
def test_the_failure_of_a_track_arrives_with_all_its_details(jobs: ModuleType, num_processes: int) -> None:
    with pytest.raises(UnreadableFileError) as caught:
        map_tracks(jobs.refuse_three, NUMBERS, description="refuse", num_processes=num_processes)
    error = caught.value
    assert (error.problem, error.file, error.expected, error.found) == (
        "the file does not parse",
        Path("three.wav"),
        "audio",
        3,
    )


def test_work_finished_before_a_failure_stays_on_disk(jobs: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError):
        map_tracks(
            jobs.note_and_refuse_three,
            {name: (number, tmp_path) for name, number in NUMBERS.items()},
            description="note",
            num_processes=1,
        )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0", "1", "2"]


def test_progress_tells_share_done_and_remaining_time(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    clock = iter([0.0, 10.0, 20.0])
    monkeypatch.setattr("sep_pipeline.mapping.time.monotonic", lambda: next(clock))
    caplog.set_level(logging.INFO, logger="sep_pipeline.mapping")
    map_tracks(abs, {"a": 1, "b": 2}, description="render", num_processes=1)
    assert caplog.messages == [
        "render: 1 of 2 tracks (a), 10 s so far, about 10 s left",
        "render: 2 of 2 tracks (b), 20 s so far, about 0 s left",
    ]


def test_quick_tracks_share_one_line(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("sep_pipeline.mapping.time.monotonic", lambda: 1.0)
    caplog.set_level(logging.INFO, logger="sep_pipeline.mapping")
    map_tracks(abs, NUMBERS, description="render", num_processes=1)
    assert caplog.messages == ["render: 5 of 5 tracks (e), 0 s so far, about 0 s left"]


def test_one_long_piece_of_work_tells_its_share_and_the_remaining_time(
    caplog: pytest.LogCaptureFixture,
) -> None:
    now = iter([0.0, 1.0, 6.0, 7.0, 15.0])
    caplog.set_level(logging.INFO, logger="sep_pipeline.mapping")
    tell = ShareProgress("song", clock=lambda: next(now))
    for share in (0.0, 0.25, 0.3, 0.75):
        tell(share)
    assert caplog.messages == [
        "song: 25 %, 6 s so far, about 18 s left",
        "song: 75 %, 15 s so far, about 5 s left",
    ]


def test_there_is_at_least_one_process() -> None:
    assert available_processes() >= 1


@pytest.mark.parametrize(
    ("kind", "num_workers"), [("pool", 2), ("orphan", 1)], ids=["at work", "still starting"]
)
def test_workers_end_when_their_parent_is_killed(
    tmp_path: Path, kind: str, num_workers: int, wait_until: Any, is_running: Any
) -> None:
    command = [sys.executable, str(HERE / "jobs_for_mapping.py"), kind, str(tmp_path)]
    with subprocess.Popen(command) as parent:
        started = wait_until(lambda: len(list(tmp_path.iterdir())) == num_workers, 30)
        parent.kill()
    assert started
    workers = [int(path.name) for path in tmp_path.iterdir()]
    assert wait_until(lambda: not any(map(is_running, workers)), 30)


def test_a_worker_process_that_maps_and_fails_comes_to_its_end(tmp_path: Path, wait_until: Any) -> None:
    command = [sys.executable, str(HERE / "jobs_for_mapping.py"), "nested", str(tmp_path)]
    with subprocess.Popen(command) as parent:
        has_ended = wait_until(lambda: parent.poll() is not None, 30)
        parent.kill()
    assert has_ended
    assert parent.returncode == 3
