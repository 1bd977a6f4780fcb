"""What needs no training: every instrument gets the same share of the mixture, nothing or one n-th of it."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from sep_pipeline.data.fixed_chunks import FixedChunks
from sep_pipeline.losses import Resolution, source_measures

FLOORS = ("zero", "equal_share")
LABELS = {"zero": "floor: silence", "equal_share": "floor: equal share of the mixture"}


def floor_shares(num_stems: int) -> Mapping[str, float]:
    """Name of a floor to the factor on the mixture that gives every estimate."""
    return dict(zip(FLOORS, (0.0, 1 / num_stems), strict=True))


def floor_measures(chunks: Tensor, batch_size: int, resolution: Resolution) -> dict[str, dict[str, float]]:
    """Name of a floor to its `losses.sources.MEASURES`, each the mean over batches of chunks.

    Args:
        chunks: float32, (chunk, stem, 1, time).
        batch_size: Chunks of a batch, on which the spectrograms' level depends.
        resolution: Transform of the spectrograms.
    """
    fixed = FixedChunks(chunks, batch_size)
    batches = [fixed.batch(step) for step in range(fixed.batches_per_epoch)]
    found = {}
    for name, share in floor_shares(chunks.shape[1]).items():
        measured = [
            source_measures(share * batch.sum(1, keepdim=True).expand_as(batch), batch, resolution)
            for batch in batches
        ]
        found[name] = {
            measure: sum(float(each[measure]) for each in measured) / len(measured) for measure in measured[0]
        }
    return found
