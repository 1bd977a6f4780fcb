"""What a pool measures, and how often it hands out a chunk in consequence."""

from __future__ import annotations

import pytest

from sep_pipeline.data.chunk_pool.config import ChunkPoolConfig
from sep_pipeline.data.chunk_pool.reuse import STEPS_BETWEEN_CHANGES, ReuseControl
from sep_pipeline.data.chunk_pool.status import FillProgress, Meter, PoolStatus, StepTimes


def factors(times: list[StepTimes], **changes) -> list[int]:
    """The factor after each group of steps."""
    control = ReuseControl(ChunkPoolConfig(**{"reuse": "auto", "workers": 1, **changes}))
    found = []
    for step in times:
        for _ in range(STEPS_BETWEEN_CHANGES):
            control.note(step)
        found.append(control.factor)
    return found


WAITING = StepTimes(seconds=1.0, waited=0.2, rendered=1.0)
BUSY = StepTimes(seconds=1.0, waited=0.05, rendered=0.9)
IDLE = StepTimes(seconds=1.0, waited=0.0, rendered=0.1)


def test_a_fixed_factor_stays() -> None:
    assert factors([WAITING, WAITING, IDLE], reuse=2) == [2, 2, 2]


def test_waiting_raises_the_factor_and_time_to_spare_lowers_it() -> None:
    assert factors([WAITING, WAITING, BUSY, IDLE, IDLE, IDLE]) == [2, 3, 3, 2, 1, 1]


def test_nothing_is_lowered_that_would_have_to_be_raised_again() -> None:
    busy_half = StepTimes(seconds=1.0, waited=0.0, rendered=0.5)
    assert factors([WAITING, busy_half]) == [2, 2]
    assert factors([WAITING, busy_half], workers=2) == [2, 1]


def test_the_factor_changes_after_several_steps_only() -> None:
    control = ReuseControl(ChunkPoolConfig(reuse="auto"))
    for _ in range(STEPS_BETWEEN_CHANGES - 1):
        control.note(WAITING)
    assert control.factor == 1


def test_the_factor_has_a_bound() -> None:
    assert factors([WAITING] * 6, pool_size=4, batch_size=4)[-1] == 4


def test_the_meter_counts_waiting_and_rendering() -> None:
    now = [0.0]
    meter = Meter(lambda: now[0])
    meter.note_visit(waited=3.0, rendered=4.0, stem_seconds=2.0)
    now[0] = 10.0
    meter.restart()
    meter.note_visit(waited=0.5, rendered=1.0, stem_seconds=3.0)
    now[0] = 12.0
    assert meter.end_step() == StepTimes(2.0, 0.5, 1.0)
    now[0] = 15.0
    assert meter.end_step() == StepTimes(3.0, 0.0, 0.0)
    assert meter.data_wait_share == 0.1
    assert meter.render_speed(2) == 2.0


def test_filling_tells_the_time_left_every_few_seconds(caplog: pytest.LogCaptureFixture) -> None:
    now = [0.0]
    progress = FillProgress(lambda: now[0])
    with caplog.at_level("INFO"):
        for song in range(1, 9):
            now[0] += 2
            progress.advance(song / 10, song)
    assert caplog.messages == [
        "filling the pool: 30 %, 3 songs rendered, about 14 s left",
        "filling the pool: 60 %, 6 songs rendered, about 8 s left",
    ]


def test_a_status_is_one_line() -> None:
    status = PoolStatus(
        num_visits=9, num_chunks=48, pool_size=60, reuse=2, render_speed=12.34, data_wait_share=0.031
    )
    assert str(status) == "pool 48/60, reuse 2, 12.3 s of stems per s, waiting 3%"
