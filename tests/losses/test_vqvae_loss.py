"""The phase-1 total and its terms."""

from __future__ import annotations

import pytest
import torch
from torch.testing import assert_close

from sep_pipeline.errors import ConfigurationError
from sep_pipeline.losses import Bandwidths, VQVAELossConfig, vqvae_loss

ALL_TERMS = {
    "loss",
    "recons",
    "l1",
    "l2",
    "linf",
    "multispectral",
    "spectral",
    "spectral_convergence",
    "commitment",
}


@pytest.fixture
def bandwidths(golden_scalars) -> Bandwidths:
    return Bandwidths(**golden_scalars["config"]["bandwidth"])


@pytest.fixture
def config(golden_scalars) -> VQVAELossConfig:
    return VQVAELossConfig(num_largest=golden_scalars["config"]["linf_k"])


def test_terms_match_the_original(prediction, target, bandwidths, config, golden_scalars):
    terms = vqvae_loss(prediction, target, torch.tensor(0.0), bandwidths=bandwidths, config=config)
    expected = golden_scalars["loss/normalised"]
    assert set(terms) == ALL_TERMS
    for ours, theirs in {"recons": "lmix"}.items() | {(name, name) for name in expected if name != "lmix"}:
        assert terms[ours].item() == pytest.approx(expected[theirs], rel=2e-4), ours


def test_total_is_the_weighted_sum(prediction, target, bandwidths, config):
    terms = vqvae_loss(prediction, target, torch.tensor(5.0), bandwidths=bandwidths, config=config)
    expected = terms["l2"] + 0.02 * terms["linf"] + terms["multispectral"] + 0.02 * 5.0
    assert_close(terms["loss"].detach(), expected)
    assert [name for name, term in terms.items() if term.requires_grad] == ["loss"]


def test_reconstruction_gradient_matches_the_original(prediction, target, bandwidths, golden, config):
    only = VQVAELossConfig(num_largest=config.num_largest, multispectral=0.0, commitment=0.0)
    vqvae_loss(prediction, target, torch.tensor(0.0), bandwidths=bandwidths, config=only)["loss"].backward()
    expected = golden["loss/grad_lmix"].transpose(1, 2)
    assert_close(prediction.grad, expected, rtol=2e-3, atol=1e-6 * expected.abs().max().item())


def test_diagnostics_change_neither_loss_nor_gradient(prediction, target, bandwidths):
    losses, gradients = [], []
    for has_diagnostics in (True, False):
        terms = vqvae_loss(
            prediction, target, torch.tensor(0.0), bandwidths=bandwidths, has_diagnostics=has_diagnostics
        )
        losses.append(terms["loss"])
        gradients += torch.autograd.grad(terms["loss"], prediction)
    assert torch.equal(*losses)
    assert torch.equal(*gradients)
    assert set(terms) == ALL_TERMS - {"l1", "spectral", "spectral_convergence"}


def test_every_weight_takes_effect(prediction, target, bandwidths):
    weights = {"l1": 2.0, "l2": 3.0, "linf": 5.0, "multispectral": 7.0, "spectral": 11.0, "commitment": 13.0}
    commitment = torch.tensor(1.0, requires_grad=True)
    terms = vqvae_loss(
        prediction,
        target,
        commitment,
        bandwidths=bandwidths,
        config=VQVAELossConfig(**weights),
        has_diagnostics=False,
    )
    assert terms["loss"].item() == pytest.approx(
        sum(weights[name] * terms[name].item() for name in weights), rel=1e-5
    )
    terms["loss"].backward()
    assert commitment.grad.item() == 13.0


def test_commitment_reaches_the_encoder(prediction, target, bandwidths):
    commitment = torch.tensor(1.0, requires_grad=True)
    vqvae_loss(prediction, target, commitment, bandwidths=bandwidths)["loss"].backward()
    assert commitment.grad.item() == pytest.approx(0.02)


@pytest.mark.parametrize("silent", [True, False])
def test_perfect_prediction_has_zero_finite_gradient(target, bandwidths, silent):
    same = (target * (not silent)).clone()
    prediction = same.clone().requires_grad_()
    terms = vqvae_loss(prediction, same, torch.tensor(0.0), bandwidths=bandwidths)
    terms["loss"].backward()
    assert terms["loss"].item() == 0.0
    assert prediction.grad.abs().max() == 0.0


def test_gradient_flows_only_to_the_prediction(prediction, target, bandwidths):
    vqvae_loss(prediction, target, torch.tensor(0.0), bandwidths=bandwidths)["loss"].backward()
    assert target.grad is None


@pytest.mark.parametrize(("name", "value"), [("l2", -1.0), ("num_largest", 0)])
def test_out_of_range_weights_are_refused(name, value):
    with pytest.raises(ConfigurationError, match=name):
        VQVAELossConfig(**{name: value})
