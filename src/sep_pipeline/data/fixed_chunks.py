"""A list of chunks that is looked at again and again, in batches."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class FixedChunks:
    """Chunks in their order, batch by batch, and from the beginning again.

    Attributes:
        chunks: float32, (chunk, stem, channel, time).
        batch_size: Chunks of a batch; the last one of a round has what is left.
    """

    chunks: Tensor
    batch_size: int

    @property
    def batches_per_epoch(self) -> int:
        """Batches after which the chunks come round again."""
        return -(-len(self.chunks) // self.batch_size)

    def batch(self, step: int) -> Tensor:
        """Give the batch of a step, see `data.examples.Examples`."""
        first = step % self.batches_per_epoch * self.batch_size
        return self.chunks[first : first + self.batch_size]
