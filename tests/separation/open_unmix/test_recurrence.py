"""Layers swept segment by segment give what torch's LSTM gives for the whole song."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from sep_pipeline.models.open_unmix import OpenUnmix
from sep_pipeline.separation.open_unmix.folded import FoldedModels
from sep_pipeline.separation.open_unmix.magnitudes import bounds
from sep_pipeline.separation.open_unmix.recurrence import joined, num_sweeps, run_layers
from sep_pipeline.separation.spill import Spill

NUM_FRAMES = 23


@pytest.mark.parametrize("is_unidirectional", [False, True])
@pytest.mark.parametrize("on_disk", [False, True])
@pytest.mark.parametrize("size", [1, 7, 22, 23, 100])
def test_segments_have_no_influence(
    is_unidirectional: bool, on_disk: bool, size: int, make_model: Callable[..., OpenUnmix]
) -> None:
    model = make_model(0, is_unidirectional=is_unidirectional, num_layers=3)
    layers = FoldedModels([model], torch.device("cpu")).targets[0].layers
    rows = torch.randn(NUM_FRAMES, 8, generator=torch.Generator().manual_seed(0))
    encoded = Spill(NUM_FRAMES, 8, on_disk=on_disk)
    encoded.put(0, rows)
    sweeps: list[int] = []
    with torch.no_grad():
        outputs = run_layers(
            layers,
            encoded,
            list(bounds(NUM_FRAMES, size)),
            lambda width: Spill(NUM_FRAMES, width, on_disk=on_disk),
            lambda: sweeps.append(1),
        )
        expected = model.lstm(rows[:, None])[0][:, 0]
    torch.testing.assert_close(joined(outputs, 0, NUM_FRAMES), expected, rtol=0, atol=1e-6)
    assert len(sweeps) == num_sweeps(layers) == (3 if is_unidirectional else 6)
    torch.testing.assert_close(encoded.get(0, NUM_FRAMES), rows, rtol=0, atol=0)
