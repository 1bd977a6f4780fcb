"""Preparing batches ahead, in a thread and in worker processes."""

from __future__ import annotations

import importlib
import multiprocessing
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

from sep_pipeline.audio.io import write_audio
from sep_pipeline.data.augmentation import Gain, PitchTempo
from sep_pipeline.data.examples import Examples, StemExamples
from sep_pipeline.data.feeding import batches, fed, prefetched
from sep_pipeline.data.manifest import Track
from sep_pipeline.data.mixing import MixingConfig, MixtureExamples
from sep_pipeline.errors import ConfigurationError, UnreadableFileError

HERE = Path(__file__).parent
STEMS = ("drums", "bass")


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Examples that worker processes can import."""
    monkeypatch.syspath_prepend(HERE)
    return importlib.import_module("examples_for_feeding")


@pytest.fixture
def tracks(tmp_path: Path) -> list[Track]:
    random = np.random.default_rng(3)
    tracks = []
    for number in range(3):
        paths = {stem: tmp_path / f"{number}_{stem}.wav" for stem in STEMS}
        for path in paths.values():
            write_audio(path, random.integers(-8000, 8000, size=(2, 500), dtype=np.int16), 8000)
        track = Track(
            set_name="toy",
            split="train",
            track_id=str(number),
            sample_rate=8000,
            num_channels=2,
            num_frames=500,
            paths=paths,
        )
        tracks.append(track)
    return tracks


@pytest.fixture(params=["grid", "mixtures"])
def examples(request: pytest.FixtureRequest, tracks: list[Track]) -> Examples:
    if request.param == "grid":
        return StemExamples(tracks, STEMS, chunk_samples=50, batch_size=3, seed=1)
    return MixtureExamples(
        tracks,
        STEMS,
        chunk_samples=50,
        batch_size=3,
        seed=1,
        config=MixingConfig(mode="incoherent", redraw_below_dbfs=-60.0, pitch_tempo=PitchTempo()),
        transforms=[Gain(low=0.25, high=1.25)],
    )


@pytest.mark.parametrize(("num_workers", "first"), [(0, 0), (0, 5), (1, 0), (2, 5)])
def test_batches_are_the_same_for_any_workers_and_from_any_step_on(
    examples: Examples, num_workers: int, first: int
) -> None:
    with batches(examples, range(first, 9), num_workers=num_workers) as pairs:
        found = list(pairs)
    assert [step for step, _ in found] == list(range(first, 9))
    assert all(np.array_equal(batch, examples.batch(step)) for step, batch in found)


def test_workers_are_other_processes_with_one_thread_each_and_end_with_the_block(
    made: ModuleType, is_running: Any
) -> None:
    others = set(multiprocessing.active_children())
    with batches(made.Facts(), range(100), num_workers=2) as pairs:
        found = [next(pairs)[1].tolist() for _ in range(6)]
    steps, processes, num_threads = zip(*found, strict=True)
    assert steps == tuple(range(6))
    assert len(set(processes) - {os.getpid()}) == 2
    assert set(num_threads) == {1}
    assert not any(map(is_running, processes))
    assert not set(multiprocessing.active_children()) - others


def test_failures_of_a_worker_appear_as_themselves_where_their_batch_is_taken(made: ModuleType) -> None:
    others = set(multiprocessing.active_children())
    with batches(made.Failing(), range(6), num_workers=1) as pairs:
        assert [next(pairs)[1].item(), next(pairs)[1].item()] == [0, 1]
        with pytest.raises(UnreadableFileError) as caught:
            next(pairs)
    assert (caught.value.file, caught.value.found) == (Path("two.wav"), 2)
    assert not set(multiprocessing.active_children()) - others


def test_a_failure_that_cannot_travel_keeps_name_and_text(made: ModuleType) -> None:
    with fed(made.Failing(), num_workers=1) as feed, pytest.raises(RuntimeError, match="LocalError: 3 and 4"):
        feed.batch(3)


def test_no_worker_stays_behind_after_a_failure_of_the_taker(made: ModuleType) -> None:
    others = set(multiprocessing.active_children())

    def take_and_fail() -> None:
        with batches(made.Facts(), range(100), num_workers=1) as pairs:
            next(pairs)
            raise KeyError

    with pytest.raises(KeyError):
        take_and_fail()
    assert not set(multiprocessing.active_children()) - others


def test_a_feed_can_be_asked_from_any_step_on(made: ModuleType) -> None:
    with fed(made.Facts(), num_workers=1) as feed:
        assert [feed.batch(step)[0].item() for step in (7, 8, 3, 4)] == [7, 8, 3, 4]


def test_workers_leave_torchs_generator_alone(made: ModuleType) -> None:
    before = torch.random.get_rng_state()
    with fed(made.Facts(), num_workers=1) as feed:
        feed.batch(0)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_without_workers_the_examples_feed_themselves(examples: Examples) -> None:
    with fed(examples) as feed:
        assert feed is examples


def test_a_negative_number_of_workers_is_refused(examples: Examples) -> None:
    with pytest.raises(ConfigurationError, match="num_workers"), fed(examples, num_workers=-1):
        pass


def test_workers_end_when_their_parent_is_killed(tmp_path: Path, wait_until: Any, is_running: Any) -> None:
    command = [sys.executable, str(HERE / "examples_for_feeding.py"), str(tmp_path)]
    with subprocess.Popen(command) as parent:
        is_fed = wait_until((tmp_path / "fed").exists, 60)
        parent.kill()
    assert is_fed
    workers = [int(path.name) for path in tmp_path.iterdir() if path.name != "fed"]
    assert workers
    assert wait_until(lambda: not any(map(is_running, workers)), 30)


@pytest.mark.parametrize("depth", [1, 2, 5])
def test_loaded_batches_come_in_order_whatever_loading_takes(depth: int) -> None:
    def load(step: int) -> int:
        time.sleep(0.003 * (step % 3))
        return step * step

    with prefetched(load, range(3, 12), depth=depth) as pairs:
        assert list(pairs) == [(step, step * step) for step in range(3, 12)]


def test_no_more_than_the_depth_is_loaded_ahead() -> None:
    loaded: list[int] = []
    with prefetched(lambda step: loaded.append(step), range(100), depth=2) as pairs:
        for _ in range(3):
            next(pairs)
        time.sleep(0.05)
        assert len(loaded) <= 3 + 2


def test_a_failure_of_loading_appears_where_its_batch_is_taken() -> None:
    def load(step: int) -> int:
        if step == 2:
            raise KeyError(step)
        return step

    with prefetched(load, range(5)) as pairs:
        assert [next(pairs)[1], next(pairs)[1]] == [0, 1]
        with pytest.raises(KeyError):
            next(pairs)


def test_leaving_early_ends_the_thread() -> None:
    with prefetched(lambda step: step, range(1000)) as pairs:
        next(pairs)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("prefetch")]


def test_loading_happens_in_another_thread() -> None:
    with prefetched(lambda _: threading.current_thread().name, range(1)) as pairs:
        assert next(pairs)[1].startswith("prefetch")
