"""Triplet loss against golden values; the supervised contrastive loss against its equation, pair by pair."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from sep_pipeline.errors import ConfigurationError, StemMismatchError
from sep_pipeline.losses.triplet import (
    is_ordered,
    supervised_contrastive_loss,
    triplet_distances,
    triplet_loss,
)

GOLDEN = Path(__file__).parents[1] / "golden" / "contrastive_demix_small"


@pytest.fixture(scope="module")
def tensors() -> dict[str, Tensor]:
    return load_file(GOLDEN.with_suffix(".safetensors"))


@pytest.fixture(scope="module")
def numbers() -> dict[str, Any]:
    return json.loads(GOLDEN.with_suffix(".json").read_text())


@pytest.fixture(scope="module")
def roles(tensors: dict[str, Tensor]) -> tuple[Tensor, Tensor, Tensor]:
    """Anchors, positives and negatives; in the first row the positive equals the anchor."""
    anchor, negative, positive = tensors["triplet.embeddings"].unbind(1)
    return anchor, positive, negative


def _random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def test_losses_equal_the_golden_ones(tensors, numbers, roles):
    found = triplet_loss(*roles)
    torch.testing.assert_close(found, tensors["triplet.per_row"], rtol=0, atol=1e-6)
    assert found.mean().item() == pytest.approx(numbers["triplet"]["mean"], abs=1e-6)


def test_loss_of_the_golden_encoder_depends_on_the_roles(tensors, numbers):
    first, second, third = tensors["encoder.eval.out"].unbind(1)
    golden = numbers["encoder"]
    assert triplet_loss(first, third, second).mean().item() == pytest.approx(
        golden["eval_triplet_loss_anchor0_positive2_negative1"], abs=1e-6
    )
    assert triplet_loss(first, second, third).mean().item() == pytest.approx(
        golden["eval_triplet_loss_if_order_were_0_1_2"], abs=1e-6
    )


def test_distances_of_equal_embeddings_are_the_offset(roles):
    near, far = triplet_distances(roles[0], roles[0], roles[0])
    assert near.tolist() == pytest.approx([1e-6 * 125**0.5] * 6, rel=1e-4)
    assert torch.equal(near, far)


def test_known_distances_give_known_losses():
    anchor = torch.zeros(3, 2)
    positive = torch.tensor([[3.0, 4.0], [0.0, 1.0], [0.0, 2.0]])
    negative = torch.tensor([[0.0, 4.5], [0.0, 3.0], [2.0, 0.0]])
    assert triplet_loss(anchor, positive, negative).tolist() == pytest.approx([1.5, 0, 1], abs=1e-5)
    assert triplet_loss(anchor, positive, negative, margin=3.0).tolist() == pytest.approx(
        [3.5, 1, 3], abs=1e-5
    )
    assert is_ordered(anchor, positive, negative).tolist() == [False, True, False]


def test_a_collapse_costs_the_margin_and_orders_nothing():
    same = _random(4, 8)
    assert triplet_loss(same, same, same).tolist() == [1.0] * 4
    assert not is_ordered(same, same, same).any()


def test_a_collapse_has_a_finite_gradient():
    same = _random(4, 8).requires_grad_()
    triplet_loss(same, same.detach(), same.detach() + 0.1).sum().backward()
    assert same.grad is not None
    assert bool(same.grad.isfinite().all())
    assert bool(same.grad.any())


def test_the_gradient_of_the_triplet_loss_is_that_of_differences():
    roles = tuple(_random(3, 4, seed=seed).double().requires_grad_() for seed in range(3))
    assert torch.autograd.gradcheck(lambda *each: triplet_loss(*each, margin=3.0), roles)


@pytest.mark.parametrize("shapes", [((2, 3), (2, 3), (2, 4)), ((3,), (3,), (3,)), ((2, 3), (1, 3), (2, 3))])
def test_roles_of_other_shapes_are_refused(shapes):
    with pytest.raises(StemMismatchError, match="batch, dimension"):
        triplet_loss(*(torch.zeros(shape) for shape in shapes))


def test_the_margin_is_positive():
    with pytest.raises(ConfigurationError, match="margin"):
        triplet_loss(*[torch.zeros(1, 2)] * 3, margin=0.0)


def _pair_by_pair(embeddings: Tensor, labels: list[int], temperature: float) -> float:
    points = (embeddings / embeddings.norm(dim=1, keepdim=True)).tolist()
    everyone = range(len(points))

    def weight(one: int, other: int) -> float:
        return math.exp(sum(a * b for a, b in zip(points[one], points[other], strict=True)) / temperature)

    losses = []
    for anchor in everyone:
        others = [item for item in everyone if item != anchor]
        total = sum(weight(anchor, other) for other in others)
        positives = [other for other in others if labels[other] == labels[anchor]]
        if positives:
            losses.append(
                -sum(math.log(weight(anchor, other) / total) for other in positives) / len(positives)
            )
    return sum(losses) / len(losses)


@pytest.mark.parametrize("labels", [[0, 0, 1, 1, 2, 2], [0, 0, 0, 0, 1, 2], [3, 1, 3, 3, 1, 3]])
@pytest.mark.parametrize("temperature", [0.1, 0.5])
def test_supervised_contrastive_loss_follows_its_equation(labels, temperature):
    embeddings = _random(6, 5).double()
    found = supervised_contrastive_loss(embeddings, torch.tensor(labels), temperature=temperature)
    assert found.item() == pytest.approx(_pair_by_pair(embeddings, labels, temperature), rel=1e-9)


def test_supervised_contrastive_loss_does_not_depend_on_length_or_order():
    embeddings, labels = _random(6, 5), torch.tensor([0, 0, 1, 1, 2, 2])
    expected = supervised_contrastive_loss(embeddings, labels).item()
    longer = embeddings * torch.tensor([1.0, 2, 3, 4, 5, 6])[:, None]
    order = torch.tensor([3, 0, 5, 1, 2, 4])
    assert supervised_contrastive_loss(longer, labels).item() == pytest.approx(expected, rel=1e-6)
    assert supervised_contrastive_loss(embeddings[order], labels[order]).item() == pytest.approx(
        expected, rel=1e-6
    )


def test_a_collapse_costs_the_logarithm_of_the_others():
    labels = torch.tensor([0, 0, 1, 1, 1])
    found = supervised_contrastive_loss(torch.ones(5, 3), labels)
    assert found.item() == pytest.approx(math.log(4), rel=1e-6)


def test_apart_and_tight_clusters_cost_the_logarithm_of_their_size():
    embeddings = torch.eye(2).repeat_interleave(3, dim=0)
    found = supervised_contrastive_loss(embeddings, torch.tensor([0, 0, 0, 1, 1, 1]), temperature=0.01)
    assert found.item() == pytest.approx(math.log(2), rel=1e-6)


def test_without_positives_there_is_no_loss_and_no_gradient():
    embeddings = _random(3, 4).requires_grad_()
    loss = supervised_contrastive_loss(embeddings, torch.tensor([0, 1, 2]))
    loss.backward()
    assert loss.item() == 0
    assert embeddings.grad is not None
    assert not embeddings.grad.any()


def test_the_gradient_of_the_supervised_loss_is_that_of_differences():
    embeddings = _random(5, 3).double().requires_grad_()
    labels = torch.tensor([0, 0, 1, 1, 2])
    assert torch.autograd.gradcheck(lambda each: supervised_contrastive_loss(each, labels), embeddings)


def test_labels_that_do_not_fit_are_refused():
    with pytest.raises(StemMismatchError, match="labels"):
        supervised_contrastive_loss(torch.zeros(3, 2), torch.zeros(2, dtype=torch.int64))


def test_the_temperature_is_positive():
    with pytest.raises(ConfigurationError, match="temperature"):
        supervised_contrastive_loss(torch.zeros(2, 2), torch.zeros(2, dtype=torch.int64), temperature=0.0)
