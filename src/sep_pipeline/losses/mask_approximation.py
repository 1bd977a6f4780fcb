"""Distance of masked mixtures from the magnitudes of their sources."""

from __future__ import annotations

from torch import Tensor


def mask_approximation_loss(masks: Tensor, mixture: Tensor, sources: Tensor) -> Tensor:
    """Mean of |mask · |X| − |S|| over items, sources, channels, frames and bins.

    Sources may be louder than the mixture where they cancel each other: their magnitudes are not cut off at the
    mixture's, which no mask in (0, 1) can exceed, so that the loss need not reach 0. There is no search for the
    best order of the sources.

    Args:
        masks: float, (batch, stem, channel, frame, bin), in (0, 1).
        mixture: Magnitudes, float, (batch, channel, frame, bin); a constant.
        sources: Magnitudes, float, shape of `masks`; a constant.

    Returns:
        A scalar.
    """
    return (masks * mixture.unsqueeze(1) - sources).abs().mean()
