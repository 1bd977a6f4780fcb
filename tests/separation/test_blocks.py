"""Pieces of signals: reading forwards, cutting to a length, putting together."""

from __future__ import annotations

import numpy as np
import pytest

from sep_pipeline.separation.blocks import ForwardReader, filled, fitted, told

SIGNAL = np.arange(60, dtype=np.float32).reshape(2, 30)


def pieces(*lengths: int) -> list[np.ndarray]:
    stops = np.cumsum(lengths)
    return [SIGNAL[:, stop - length : stop] for stop, length in zip(stops, lengths, strict=True)]


@pytest.mark.parametrize("lengths", [(30,), (1,) * 30, (7, 0, 11, 12)])
def test_reading_forwards_gives_every_part(lengths: tuple[int, ...]) -> None:
    reader = ForwardReader(iter(pieces(*lengths)))
    for start, stop in ((0, 5), (0, 12), (3, 12), (11, 20), (20, 21), (21, 30)):
        np.testing.assert_array_equal(reader.read(start, stop), SIGNAL[:, start:stop])


def test_reading_forwards_takes_no_more_pieces_than_it_needs() -> None:
    taken = []
    reader = ForwardReader(taken.append(index) or piece for index, piece in enumerate(pieces(10, 10, 10)))  # type: ignore[func-returns-value]
    reader.read(0, 15)
    assert taken == [0, 1]


@pytest.mark.parametrize("lengths", [(30,), (10, 15, 5), (0, 12, 18)])
def test_pieces_are_cut_or_extended_to_a_length(lengths: tuple[int, ...]) -> None:
    for num_samples in (1, 10, 12, 29, 30, 33):
        blocks = list(fitted(pieces(*lengths), num_samples))
        assert all(block.shape[1] for block in blocks)
        expected = np.pad(SIGNAL, ((0, 0), (0, 3)))[:, :num_samples]
        np.testing.assert_array_equal(np.concatenate(blocks, axis=1), expected)


def test_estimates_are_put_together() -> None:
    blocks = (np.stack([piece, 2 * piece]) for piece in pieces(4, 26))
    np.testing.assert_array_equal(filled(blocks, 2, SIGNAL), np.stack([SIGNAL, 2 * SIGNAL]))


def test_the_share_that_is_done_is_told() -> None:
    shares: list[float] = []
    assert len(list(told(pieces(10, 15, 5), 30, shares.append))) == 3
    assert shares == pytest.approx([1 / 3, 25 / 30, 1.0])
    assert len(list(told(pieces(10, 20), 30, None))) == 2
