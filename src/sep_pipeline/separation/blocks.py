"""Songs and estimates in pieces, so that neither has to be in memory whole."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

Audio = npt.NDArray[np.float32]

ReadSamples = Callable[[int, int], Audio]
"""Gives the samples from the first to before the second number: float32, (channel, time)."""

ReadSignal = Callable[[int, int], Tensor]
"""The same as a tensor, (..., time)."""

SignalFunction = Callable[[Tensor], Tensor]
"""Maps a signal to a signal."""

Progress = Callable[[float], None]
"""Is told the share of the work that is done, up to 1."""


def tensor_reader(read: ReadSamples) -> ReadSignal:
    """The same samples as tensors on the CPU."""
    return lambda start, stop: torch.from_numpy(read(start, stop))


def signal_reader(signal: Tensor) -> ReadSignal:
    """Parts of a signal in memory, (..., time)."""
    return lambda start, stop: signal[..., start:stop]


def array_reader(mixture: Audio) -> ReadSamples:
    """Parts of a signal in memory, (channel, time)."""
    return lambda start, stop: mixture[:, start:stop]


def joined(blocks: Iterable[Tensor], num_samples: int) -> Tensor:
    """One signal, (..., time), out of its pieces, one or more, which need not be kept all at once."""
    start, signal = 0, torch.empty(0)
    for block in blocks:
        if not start:
            signal = block.new_empty(*block.shape[:-1], num_samples)
        signal[..., start : start + block.shape[-1]] = block
        start += block.shape[-1]
    return signal


def filled(blocks: Iterable[Audio], num_stems: int, mixture: Audio) -> Audio:
    """Estimates of a mixture in memory, (stem, channel, time), out of their pieces."""
    estimates = np.empty((num_stems, *mixture.shape), dtype=np.float32)
    start = 0
    for block in blocks:
        estimates[..., start : start + block.shape[-1]] = block
        start += block.shape[-1]
    return estimates


def told(blocks: Iterable[Audio], num_samples: int, progress: Progress | None) -> Iterator[Audio]:
    """Pass pieces on and tell how many of all samples they hold."""
    done = 0
    for block in blocks:
        yield block
        done += block.shape[-1]
        if progress is not None:
            progress(min(1.0, done / num_samples))


def fitted(blocks: Iterable[Audio], num_samples: int) -> Iterator[Audio]:
    """Cut pieces of a signal at a length, or extend the last one by zeros: resampling may miss it by a sample.

    Args:
        blocks: (..., time), one or more.
        num_samples: Samples that are wanted in all.

    Yields:
        Pieces that hold something.
    """
    done, last = 0, None
    for block in blocks:
        last = block[..., : num_samples - done]
        done += last.shape[-1]
        if last.shape[-1]:
            yield last
    assert last is not None
    if done < num_samples:
        yield np.zeros((*last.shape[:-1], num_samples - done), dtype=np.float32)


class ForwardReader:
    """Reads from pieces that come one after another; what lies before the last place asked for is forgotten.

    Args:
        blocks: (..., time).
    """

    def __init__(self, blocks: Iterator[Audio]) -> None:
        self._blocks = blocks
        self._kept: list[Audio] = []
        self._first = self._last = 0

    def read(self, start: int, stop: int) -> Audio:
        """The samples from `start`, which is no earlier than in the calls before, to before `stop`."""
        while self._last < stop:
            self._kept.append(next(self._blocks))
            self._last += self._kept[-1].shape[-1]
        while self._first + self._kept[0].shape[-1] <= start:
            self._first += self._kept.pop(0).shape[-1]
        return np.concatenate(self._kept, axis=-1)[..., start - self._first : stop - self._first]
