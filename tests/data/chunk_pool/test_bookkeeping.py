"""The pool's rule on numbers: filling, shuffling and reuse."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from sep_pipeline.data.chunk_pool.bookkeeping import PoolBook, VisitRecord
from sep_pipeline.data.chunk_pool.config import ChunkPoolConfig


def config(**changes) -> ChunkPoolConfig:
    return ChunkPoolConfig(**{"engine": "sine", "batch_size": 4, "pool_size": 20, **changes})


def uneven(visit: int) -> VisitRecord:
    """0 to 5 chunks per song, 2.5 in the mean."""
    return VisitRecord(visit * 5 % 6, 1)


@pytest.mark.parametrize("reuse", [1, 2, 3])
def test_every_chunk_is_handed_out_as_often_as_reuse_says(reuse: int) -> None:
    book = PoolBook(config())
    handed: Counter[tuple[int, int]] = Counter()
    for _ in range(200):
        handed.update(map(tuple, book.advance(lambda visit: VisitRecord(3, reuse)).tolist()))
    still_held = set(map(tuple, book.entries.tolist()))
    gone = [key for key in handed if key not in still_held]
    assert len(gone) > 200
    assert {handed[key] for key in gone} == {reuse}
    assert all(handed[key] < reuse for key in still_held)


def test_a_batch_holds_a_chunk_once() -> None:
    book = PoolBook(config(pool_size=4))
    for _ in range(50):
        batch = book.advance(lambda visit: VisitRecord(3, 5))
        assert len(set(map(tuple, batch.tolist()))) == 4


def test_the_pool_is_full_before_every_batch_and_exceeds_its_size_by_one_refill_at_most() -> None:
    book = PoolBook(config())
    for _ in range(300):
        refill = 5 * max(book.visits_per_refill, 2)
        book.advance(uneven)
        assert 20 <= len(book.entries) + 4 < 20 + refill


def test_a_refill_is_as_many_visits_as_make_up_a_batch() -> None:
    book = PoolBook(config(chunks_per_song=5))
    assert book.visits_per_refill == 1
    book.advance(lambda visit: VisitRecord(1, 1))
    assert (book.num_visits, book.visits_per_refill) == (21, 4)
    # The first visit alone, then four at a time until 20 chunks are there.


def test_the_refill_is_shuffled_in_at_once() -> None:
    book = PoolBook(config())
    book.advance(uneven)
    before = book.num_visits
    ages = [before - visit for _ in range(300) for visit, _ in book.advance(uneven).tolist()]
    assert np.min(ages) < 0 < np.max(ages)


def test_the_order_depends_on_the_seed_only() -> None:
    batches = {
        seed: [book.advance(uneven).tolist() for _ in range(30)]
        for seed in (1, 2)
        for book in [PoolBook(config(seed=seed))]
    }
    again = PoolBook(config(seed=1))
    assert [again.advance(uneven).tolist() for _ in range(30)] == batches[1] != batches[2]


def test_visits_are_asked_for_once_and_in_order() -> None:
    asked: list[int] = []

    def record_of(visit: int) -> VisitRecord:
        asked.append(visit)
        return uneven(visit)

    book = PoolBook(config())
    for _ in range(50):
        book.advance(record_of)
    assert asked == list(range(len(asked)))
