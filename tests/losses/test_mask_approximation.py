"""The mask loss against golden values and by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from sep_pipeline.losses.mask_approximation import mask_approximation_loss

GOLDEN = Path(__file__).parents[1] / "golden" / "chimera_small"


@pytest.fixture(scope="module")
def golden_batch():
    chimera = load_file(GOLDEN.with_suffix(".safetensors"))
    return (
        chimera["eval/mask"].permute(0, 4, 3, 1, 2),
        chimera["data/mix_magnitude"].permute(0, 3, 1, 2),
        chimera["data/source_magnitudes"].permute(0, 4, 3, 1, 2),
    )


def test_loss_equals_the_golden_one(golden_batch):
    values = json.loads(GOLDEN.with_suffix(".json").read_text())["loss_eval"]
    assert mask_approximation_loss(*golden_batch).item() == pytest.approx(values["l1"], rel=2e-6)


def test_loss_is_the_mean_over_the_sources(golden_batch):
    values = json.loads(GOLDEN.with_suffix(".json").read_text())["loss_eval"]
    masks, mixture, sources = golden_batch
    found = [
        mask_approximation_loss(masks[:, [k]], mixture, sources[:, [k]]).item() for k in range(masks.shape[1])
    ]
    assert found == pytest.approx(values["l1_per_source_mean_over_tf"], rel=2e-6)


def test_exchanged_sources_have_another_loss(golden_batch):
    masks, mixture, sources = golden_batch
    exchanged = mask_approximation_loss(masks, mixture, sources.flip(1))
    assert abs(exchanged.item() - mask_approximation_loss(masks, mixture, sources).item()) > 1e-5


def test_targets_louder_than_the_mixture_are_not_cut_off():
    masks = torch.tensor([1.0, 0.5]).view(1, 2, 1, 1, 1)
    sources = torch.tensor([3.0, 0.5]).view(1, 2, 1, 1, 1)
    assert mask_approximation_loss(masks, torch.ones(1, 1, 1, 1), sources).item() == 1.0


def test_silence_has_no_loss_and_a_finite_gradient():
    masks = torch.full((1, 2, 1, 3, 4), 0.5, requires_grad=True)
    loss = mask_approximation_loss(masks, torch.zeros(1, 1, 3, 4), torch.zeros(1, 2, 1, 3, 4))
    loss.backward()
    assert loss.item() == 0
    assert not masks.grad.any()
