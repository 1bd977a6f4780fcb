"""Batches put together from examples."""

import pickle
import threading
import time
from collections.abc import Callable

import numpy as np
import pytest

from sep_pipeline.data.assembly import BatchAssembler
from sep_pipeline.data.augmentation import Audio

SHAPE = (2, 1, 5)
MakeExample = Callable[[int, Audio | None], Audio]


def filling(value: int) -> MakeExample:
    """Examples written into the memory they get: `value` plus the slot."""

    def example(slot: int, room: Audio | None) -> Audio:
        assert room is not None
        room[...] = value + slot
        return room

    return example


def fresh(slot: int, room: Audio | None) -> Audio:
    return np.full(SHAPE, slot, dtype=np.float32)


@pytest.mark.parametrize("num_threads", [1, 2])
@pytest.mark.parametrize("shape", [SHAPE, None])
def test_every_slot_has_its_example(num_threads: int, shape: tuple[int, ...] | None) -> None:
    batch = BatchAssembler(num_threads).assembled(6, shape, fresh)
    np.testing.assert_array_equal(batch, np.broadcast_to(np.arange(6.0).reshape(6, 1, 1, 1), (6, *SHAPE)))


def test_examples_can_be_written_where_they_belong() -> None:
    batch = BatchAssembler().assembled(3, SHAPE, filling(10))
    np.testing.assert_array_equal(batch[:, 0, 0, 0], [10, 11, 12])


def test_memory_of_a_batch_that_is_gone_is_used_again() -> None:
    assembler = BatchAssembler()
    places = {assembler.assembled(3, SHAPE, filling(step)).data_ptr() for step in range(50)}
    assert len(places) == 1


def test_memory_of_other_shapes_is_used_again_where_the_size_fits() -> None:
    assembler = BatchAssembler()
    first = assembler.assembled(2, SHAPE, filling(0)).data_ptr()
    second = assembler.assembled(1, (4, 1, 5), filling(0))
    assert (second.data_ptr(), second.shape) == (first, (1, 4, 1, 5))


@pytest.mark.parametrize(
    "part",
    [lambda batch: batch, lambda batch: batch[1:2], lambda batch: batch.numpy()[1:2], lambda batch: batch.mT],
    ids=["batch", "part", "numpy", "transposed"],
)
def test_memory_in_use_is_left_alone(part: Callable[..., object]) -> None:
    assembler = BatchAssembler()
    held = part(assembler.assembled(3, SHAPE, filling(10)))
    before = np.asarray(held).copy()
    for step in range(10):
        assembler.assembled(3, SHAPE, filling(step))
    np.testing.assert_array_equal(np.asarray(held), before)


def test_many_batches_can_be_held() -> None:
    assembler = BatchAssembler()
    held = [assembler.assembled(3, SHAPE, filling(step)) for step in range(20)]
    assert [batch[0, 0, 0, 0].item() for batch in held] == list(range(20))


def test_threads_make_examples_side_by_side() -> None:
    barrier = threading.Barrier(2, timeout=10)

    def example(slot: int, room: Audio | None) -> Audio:
        barrier.wait()
        return fresh(slot, room)

    assert BatchAssembler(2).assembled(4, SHAPE, example).shape == (4, *SHAPE)


@pytest.mark.parametrize("num_threads", [1, 2])
def test_the_failure_of_an_example_is_that_of_the_batch(num_threads: int) -> None:
    def example(slot: int, room: Audio | None) -> Audio:
        raise KeyError(slot)

    with pytest.raises(KeyError):
        BatchAssembler(num_threads).assembled(4, SHAPE, example)


def test_threads_end_with_the_assembler() -> None:
    before = set(threading.enumerate())
    assembler = BatchAssembler(2)
    assembler.assembled(4, SHAPE, fresh)
    own = set(threading.enumerate()) - before
    del assembler
    end = time.monotonic() + 10
    while any(thread.is_alive() for thread in own) and time.monotonic() < end:
        time.sleep(0.01)
    assert own
    assert not any(thread.is_alive() for thread in own)


def test_an_assembler_can_be_sent_to_another_process() -> None:
    copy = pickle.loads(pickle.dumps(BatchAssembler(2)))
    np.testing.assert_array_equal(copy.assembled(2, SHAPE, fresh)[:, 0, 0, 0], [0, 1])
