"""Loading ahead."""

import threading
import time

import pytest

from sep_pipeline.training.prefetch import prefetched


@pytest.mark.parametrize("depth", [1, 2, 5])
def test_batches_come_in_order_whatever_loading_takes(depth: int) -> None:
    def load(step: int) -> int:
        time.sleep(0.003 * (step % 3))
        return step * step

    with prefetched(load, range(3, 12), depth=depth) as batches:
        assert list(batches) == [(step, step * step) for step in range(3, 12)]


def test_no_more_than_the_depth_is_loaded_ahead() -> None:
    loaded: list[int] = []
    with prefetched(lambda step: loaded.append(step), range(100), depth=2) as batches:
        for _ in range(3):
            next(batches)
        time.sleep(0.05)
        assert len(loaded) <= 3 + 2


def test_a_failure_appears_where_its_batch_is_taken() -> None:
    def load(step: int) -> int:
        if step == 2:
            raise KeyError(step)
        return step

    with prefetched(load, range(5)) as batches:
        assert [next(batches)[1], next(batches)[1]] == [0, 1]
        with pytest.raises(KeyError):
            next(batches)


def test_leaving_early_ends_the_thread() -> None:
    with prefetched(lambda step: step, range(1000)) as batches:
        next(batches)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("prefetch")]


def test_loading_happens_in_another_thread() -> None:
    with prefetched(lambda _: threading.current_thread().name, range(1)) as batches:
        assert next(batches)[1].startswith("prefetch")
