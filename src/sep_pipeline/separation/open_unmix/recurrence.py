"""The LSTM of Open-Unmix over a song of any length, exact and in bounded memory, in both directions.

Layer by layer the forward direction sweeps the segments of the song in order and the backward direction in
reverse order, each carrying its state; what a layer gives is kept aside for the next one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from sep_pipeline.separation.spill import Spill

SpillMaker = Callable[[int], Spill]
"""Makes a spill of as many features for the frames of the song."""


def num_sweeps(layers: Sequence[Sequence[nn.LSTM]]) -> int:
    """How often the song is gone through, counted for `on_sweep`."""
    return sum(len(directions) for directions in layers)


def run_layers(
    layers: Sequence[Sequence[nn.LSTM]],
    encoded: Spill,
    segments: Sequence[tuple[int, int]],
    make_spill: SpillMaker,
    on_sweep: Callable[[], None],
) -> list[Spill]:
    """Run all layers of one target's LSTM.

    Args:
        layers: Per layer the modules of the forward and, where there is one, the backward direction.
        encoded: What the first layer reads, (frame, hidden); stays open.
        segments: First and one past the last frame of the pieces that are computed at once, in order.
        make_spill: Where outputs are kept.
        on_sweep: Called after each passage through the song.

    Returns:
        Per direction what the last layer gives, (frame, unit).
    """
    inputs = [encoded]
    for number, directions in enumerate(layers):
        outputs = []
        for is_backward, module in enumerate(directions):
            outputs.append(make_spill(module.hidden_size))
            _sweep(module, inputs, outputs[-1], segments, is_backward=bool(is_backward))
            on_sweep()
        if number:
            for spill in inputs:
                spill.close()
        inputs = outputs
    return inputs


def joined(spills: Sequence[Spill], start: int, stop: int) -> Tensor:
    """Rows of several spills side by side, (frame, feature)."""
    parts = [spill.get(start, stop) for spill in spills]
    return parts[0] if len(parts) == 1 else torch.cat(parts, dim=1)


def _sweep(
    module: nn.LSTM,
    inputs: Sequence[Spill],
    output: Spill,
    segments: Sequence[tuple[int, int]],
    *,
    is_backward: bool,
) -> None:
    device = next(module.parameters()).device
    state: tuple[Tensor, Tensor] | None = None
    for start, stop in reversed(segments) if is_backward else segments:
        rows = joined(inputs, start, stop).to(device)
        result, state = module((rows.flip(0) if is_backward else rows)[:, None], state)
        output.put(start, (result.flip(0) if is_backward else result)[:, 0])
