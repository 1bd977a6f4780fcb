"""Pacing, deadlines and the report, with a clock that moves only when told."""

from __future__ import annotations

import json
import time

import numpy as np
import pytest

from sep_pipeline.commands.stream.timing import AWAKE_SECONDS, run_stream, sleep_precisely


class Watch:
    """A clock that moves only when told."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class SlowSeparator:
    """Computes a hop of 100 samples at 1000 Hz per block, in given times, and gives what it gets."""

    sample_rate, hop_samples, latency_samples = 1000, 100, 400

    def __init__(self, watch, seconds) -> None:
        self.watch, self.seconds, self.num_frames = watch, iter(seconds), 0

    def process(self, block):
        if block.shape[1] == self.hop_samples:
            self.watch.now += next(self.seconds)
            self.num_frames += 1
        return block[None]

    def finish(self):
        self.watch.now += 0.01
        return np.zeros((1, 1, 0), dtype=np.float32)


def paced(seconds, is_live, num_samples=0):
    watch = Watch()
    separator = SlowSeparator(watch, seconds)
    blocks = [np.zeros((1, size), dtype=np.float32) for size in [100] * len(seconds) + [num_samples]]
    times = []
    report = run_stream(
        separator, blocks, lambda _: times.append(watch.now), is_live=is_live, clock=watch, sleep=watch.sleep
    )
    return report, times


def test_blocks_wait_until_they_would_have_been_played() -> None:
    report, times = paced([0.02, 0.05, 0.01, 0.03], is_live=True)
    assert times[:4] == pytest.approx([0.12, 0.25, 0.31, 0.43])
    assert (report.hops, report.missed_deadlines, report.hops_over_budget) == (4, 0, 0)
    assert report.mean_ms == pytest.approx(27.5)
    assert report.latest_start_ms == pytest.approx(0.0, abs=1e-9)
    assert report.median_ms == pytest.approx(25)
    assert report.worst_ms == pytest.approx(50)
    assert report.real_time_factor == pytest.approx(0.12 / 0.4)


def test_a_slow_hop_delays_those_behind_it() -> None:
    """0.25 s for the second hop: it misses its deadline, and so does the third, which is quick itself."""
    report, times = paced([0.02, 0.25, 0.08, 0.01, 0.01], is_live=True)
    assert times[:4] == pytest.approx([0.12, 0.45, 0.53, 0.54])
    assert report.missed_deadlines == 3
    assert report.latest_start_ms == pytest.approx(150)
    assert report.hops_over_budget == 1


def test_without_pace_nothing_waits_and_no_deadline_counts() -> None:
    report, times = paced([0.02, 0.25], is_live=False)
    assert times[:2] == pytest.approx([0.02, 0.27])
    assert report.missed_deadlines is None
    assert report.latest_start_ms is None
    assert report.hops_over_budget == 1


def test_a_stream_too_short_for_a_hop_has_no_times() -> None:
    report, _ = paced([], is_live=False, num_samples=1)
    assert (report.hops, report.mean_ms, report.worst_ms) == (0, None, None)
    assert report.real_time_factor == pytest.approx(10.0)
    assert "no hop of 100.00 ms complete before the end" in report.as_text()


def test_the_report_as_text_and_as_json() -> None:
    report, _ = paced([0.02, 0.05, 0.01, 0.03], is_live=True)
    assert report.as_text() == (
        "0.4 s of audio; latency by construction 400.00 ms; 4 hops of 100.00 ms computed in mean 27.50, median "
        "25.00, 99th percentile 49.40, worst 50.00 ms; 0 deadlines missed; a block waited at most 0.00 ms; "
        "real-time factor 0.300"
    )
    content = json.loads(report.as_json())
    assert content["hops"] == 4
    assert content["p99_ms"] == pytest.approx(49.4)


@pytest.mark.parametrize("seconds", [0.0, AWAKE_SECONDS / 2, 5 * AWAKE_SECONDS])
def test_a_wait_is_never_too_short(seconds: float) -> None:
    start = time.perf_counter()
    sleep_precisely(seconds)
    assert time.perf_counter() - start >= seconds
