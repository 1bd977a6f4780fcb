"""Energies of a frame by projecting its signals sample by sample: slower, but without cancellation."""

from __future__ import annotations

import torch
from torch import Tensor

from sep_pipeline.metrics.bsseval.filters import Filters

BLOCKS_AT_ONCE = 8
MIN_TRANSFORM_SAMPLES = 4096

PARTS = ("own", "spatial", "interference", "explained", "artefacts")
"""The parts of `Energies` that need filters."""


class Projector:
    """Filters blocks of a frame by transforms (overlap-save) and measures the parts of the estimates.

    Args:
        filters: Filters on all and on the own references.
    """

    def __init__(self, filters: Filters) -> None:
        self._history = len(filters.on_all) - 1
        self._size = max(MIN_TRANSFORM_SAMPLES, 1 << (4 * self._history).bit_length())
        both = torch.cat([filters.on_all, filters.on_own], dim=2)
        self._filters = torch.fft.rfft(both.permute(1, 2, 0), n=self._size).permute(2, 0, 1).contiguous()

    def energies(self, references: Tensor, estimates: Tensor) -> Tensor:
        """Energies of the parts of every estimate, with zeros around the frame and the filters' tail.

        Args:
            references: The frame, float64, (stem, channel, time).
            estimates: The same shape.

        Returns:
            (part, stem), parts in the order of `PARTS`.
        """
        num_stems = len(references)
        step = self._size - self._history
        span = BLOCKS_AT_ONCE * step
        sources, signals = references.flatten(0, 1), estimates.flatten(0, 1)
        totals = references.new_zeros(len(PARTS), len(sources))
        for start in range(0, sources.shape[1] + self._history, span):
            blocks = _window(sources, start - self._history, span + self._history).unfold(1, self._size, step)
            explained, own = self._filtered(blocks).chunk(2)
            source, signal = _window(sources, start, span), _window(signals, start, span)
            for part, values in enumerate(
                (own, own - source, explained - own, explained, signal - explained)
            ):
                totals[part] += torch.linalg.vector_norm(values, dim=1).square()
        return totals.reshape(len(PARTS), num_stems, -1).sum(dim=2)

    def _filtered(self, blocks: Tensor) -> Tensor:
        """(reference, block, time) to the valid samples of all outputs, (output on all + on own, time)."""
        spectra = torch.fft.rfft(blocks).permute(2, 1, 0).contiguous()
        outputs = torch.bmm(spectra, self._filters).permute(2, 1, 0).contiguous()
        valid: Tensor = torch.fft.irfft(outputs, n=self._size)[..., self._history :]
        return valid.flatten(1)


def _window(signals: Tensor, start: int, length: int) -> Tensor:
    """`length` samples from `start` on, zero where there are none."""
    taken = signals[:, max(0, start) : max(0, start + length)]
    before = min(max(0, -start), length)
    return torch.nn.functional.pad(taken, (before, length - before - taken.shape[1]))
