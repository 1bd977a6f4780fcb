"""The deep-clustering loss against golden values, the matrix form and numbers worked out by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from sep_pipeline.errors import StemMismatchError
from sep_pipeline.losses.deep_clustering import deep_clustering_loss, dominant_source, magnitude_weights

GOLDEN = Path(__file__).parents[1] / "golden" / "chimera_small"


@pytest.fixture(scope="module")
def chimera():
    return load_file(GOLDEN.with_suffix(".safetensors"))


@pytest.fixture(scope="module")
def loss_values():
    return json.loads(GOLDEN.with_suffix(".json").read_text())["loss_eval"]


@pytest.fixture(scope="module")
def golden_items(chimera):
    """Embedding, assignment and weights of the golden batch."""
    return (
        chimera["eval/embedding"][:, :, :, 0],
        chimera["data/ideal_binary_mask"].permute(0, 4, 3, 1, 2).float(),
        chimera["data/weights"].permute(0, 3, 1, 2),
    )


def _random_items(num_items=2, num_stems=3, dtype=torch.float64):
    generator = torch.Generator().manual_seed(1)
    embedding = torch.randn(num_items, 4, 5, 6, generator=generator, dtype=dtype)
    sources = torch.rand(num_items, num_stems, 1, 4, 5, generator=generator, dtype=dtype)
    sources[:, :, :, 0] = 0
    return embedding, dominant_source(sources), magnitude_weights(sources.sum(1))


def _by_matrices(embedding, assignment, weights):
    """One item by the affinities of all pairs of points."""
    points = torch.nn.functional.normalize(embedding.reshape(-1, embedding.shape[-1]), dim=1)
    clusters = assignment.reshape(len(assignment), -1).T
    power = weights.reshape(-1).square()
    squares = (points @ points.T - clusters @ clusters.T).square()
    return power @ squares @ power / (power.sum().square() + 1e-8)


def test_assignment_equals_the_golden_one(chimera):
    sources = chimera["data/source_magnitudes"].permute(0, 4, 3, 1, 2)
    expected = chimera["data/ideal_binary_mask"].permute(0, 4, 3, 1, 2)
    assert torch.equal(dominant_source(sources).to(torch.int8), expected)


def test_ties_have_no_source(chimera):
    sources = chimera["ibm/source_magnitudes"].permute(3, 2, 1, 0)[None]
    found = dominant_source(sources)
    assert torch.equal(found.to(torch.int8), chimera["ibm/mask"].permute(3, 2, 1, 0)[None])
    assert bool((found.sum(dim=1) == 0).any())


def test_weights_equal_the_golden_ones(chimera):
    found = magnitude_weights(chimera["data/mix_magnitude"].permute(0, 3, 1, 2))
    torch.testing.assert_close(found, chimera["data/weights"].permute(0, 3, 1, 2), rtol=1e-6, atol=1e-6)


def test_weights_in_float64_equal_the_golden_ones(chimera):
    found = magnitude_weights(chimera["weights/mix_magnitude"].permute(2, 1, 0)[None])
    expected = chimera["weights/weights"].permute(2, 1, 0)[None]
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=0)


def test_squared_weights_sum_to_the_number_of_points():
    weights = magnitude_weights(torch.rand(2, 1, 7, 9, generator=torch.Generator().manual_seed(0)))
    torch.testing.assert_close(weights.square().sum(dim=(1, 2, 3)), torch.full((2,), 63.0))


def test_losses_equal_the_golden_ones(golden_items, loss_values):
    found = deep_clustering_loss(*golden_items)
    assert found.tolist() == pytest.approx(loss_values["deep_clustering_per_item"], rel=2e-6)
    assert found.mean().item() == pytest.approx(loss_values["deep_clustering"], rel=2e-6)


def test_without_weight_the_loss_is_the_golden_zero(golden_items, loss_values):
    embedding, assignment, weights = golden_items
    found = deep_clustering_loss(embedding, assignment, torch.zeros_like(weights)).mean().item()
    assert found == loss_values["deep_clustering_all_zero_weights"] == 0


@pytest.mark.parametrize("num_stems", [2, 3, 4])
def test_loss_equals_the_matrix_form(num_stems):
    items = _random_items(num_stems=num_stems)
    expected = torch.stack([_by_matrices(*item) for item in zip(*items, strict=True)])
    torch.testing.assert_close(deep_clustering_loss(*items), expected, rtol=1e-12, atol=0)


def test_gradient_equals_that_of_the_matrix_form():
    embedding, assignment, weights = _random_items()
    shares = torch.tensor([0.3, 0.7], dtype=torch.float64)
    found, expected = (embedding.clone().requires_grad_() for _ in range(2))
    (deep_clustering_loss(found, assignment, weights) * shares).sum().backward()
    items = zip(expected, assignment, weights, shares, strict=True)
    sum(share * _by_matrices(*item) for *item, share in items).backward()
    torch.testing.assert_close(found.grad, expected.grad, rtol=1e-9, atol=1e-15)


def test_gradient_in_float32_equals_that_of_the_matrix_form():
    embedding, assignment, weights = _random_items(num_items=1, dtype=torch.float32)
    found, expected = embedding.clone().requires_grad_(), embedding.double().requires_grad_()
    deep_clustering_loss(found, assignment, weights).sum().backward()
    _by_matrices(expected[0], assignment[0].double(), weights[0].double()).backward()
    torch.testing.assert_close(found.grad.double(), expected.grad, rtol=1e-4, atol=1e-7)


def test_the_order_of_the_sources_is_without_effect():
    embedding, assignment, weights = _random_items()
    found = deep_clustering_loss(embedding, assignment[:, [2, 0, 1]], weights)
    torch.testing.assert_close(
        found, deep_clustering_loss(embedding, assignment, weights), rtol=1e-12, atol=0
    )


def test_a_perfect_clustering_has_no_loss():
    _, assignment, weights = _random_items()
    embedding = assignment[:, :, 0].permute(0, 2, 3, 1)
    assert deep_clustering_loss(embedding, assignment, weights).tolist() == pytest.approx([0, 0], abs=1e-12)


def test_one_embedding_everywhere_misses_by_the_shares_of_the_sources():
    assignment = torch.zeros(1, 2, 1, 2, 4, dtype=torch.float64)
    assignment[:, 0, ..., :3], assignment[:, 1, ..., 3:] = 1, 1
    embedding = torch.ones(1, 2, 4, 3, dtype=torch.float64)
    weights = torch.ones(1, 1, 2, 4, dtype=torch.float64)
    found = deep_clustering_loss(embedding, assignment, weights).item()
    assert found == pytest.approx(1 - 0.75**2 - 0.25**2, abs=1e-9)


def test_silence_has_no_loss_and_no_gradient():
    embedding = torch.rand(2, 3, 4, 5, generator=torch.Generator().manual_seed(0)).requires_grad_()
    sources = torch.zeros(2, 2, 1, 3, 4)
    loss = deep_clustering_loss(embedding, dominant_source(sources), magnitude_weights(sources.sum(1)))
    loss.mean().backward()
    assert loss.tolist() == [0, 0]
    assert not embedding.grad.any()


def test_a_zero_embedding_has_a_finite_gradient():
    embedding, assignment, weights = _random_items(dtype=torch.float32)
    embedding[:, 1] = 0
    embedding.requires_grad_()
    deep_clustering_loss(embedding, assignment, weights).mean().backward()
    assert bool(embedding.grad.isfinite().all())


def test_other_shapes_are_refused():
    embedding, assignment, weights = _random_items()
    with pytest.raises(StemMismatchError, match=r"\(2, 4, 5\)"):
        deep_clustering_loss(embedding, assignment[..., :4], weights)
    with pytest.raises(StemMismatchError):
        deep_clustering_loss(embedding, assignment, weights[:, :, :3])
