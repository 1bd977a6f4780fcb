"""Folded models give what the models give."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from sep_pipeline.models.open_unmix import OpenUnmix
from sep_pipeline.separation.open_unmix.folded import FoldedModels


@pytest.mark.parametrize("num_channels", [1, 2])
@pytest.mark.parametrize("is_unidirectional", [False, True])
def test_every_stage_is_that_of_the_models(
    num_channels: int, is_unidirectional: bool, make_model: Callable[..., OpenUnmix]
) -> None:
    shape = {"num_channels": num_channels, "is_unidirectional": is_unidirectional}
    models = [make_model(seed, **shape) for seed in range(3)]
    folded = FoldedModels(models, torch.device("cpu"))
    magnitude = torch.rand(num_channels, 20, 65, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        encoded = folded.encode(magnitude).chunk(3, dim=-1)
        for model, target, rows in zip(models, folded.targets, encoded, strict=True):
            expected = model.encode(magnitude[None])
            torch.testing.assert_close(rows, expected.reshape(rows.shape), rtol=0, atol=1e-6)
            recurrent = model.recur(expected, None)[0].reshape(20, -1)
            output = torch.empty_like(magnitude)
            target.estimate(rows, recurrent, magnitude, output)
            torch.testing.assert_close(output, model(magnitude[None])[0], rtol=1e-6, atol=1e-6)
