"""The recurrent baseline against golden values, its sizes and initial weights."""

from __future__ import annotations

import pytest
import torch

from sep_pipeline.errors import StemMismatchError
from sep_pipeline.models.deep_demix import BaselineConfig, BaselineNetwork, baseline_preset


def _close(found, expected, atol=1e-6):
    torch.testing.assert_close(found, expected, rtol=0, atol=atol)


@pytest.fixture
def magnitude(golden, baseline_name):
    return golden[f"{baseline_name}.in"].permute(0, 3, 1, 2)


@pytest.fixture
def target(golden, baseline_name):
    return golden[f"{baseline_name}.target"].permute(0, 4, 3, 1, 2)


def test_masks_in_evaluation_equal_the_golden_ones(
    golden, golden_scalars, baseline_name, small_baseline, magnitude, target
):
    with torch.no_grad():
        masks = small_baseline(magnitude)
    _close(masks, golden[f"{baseline_name}.eval.mask"].permute(0, 4, 3, 1, 2))
    loss = (masks * magnitude.unsqueeze(1) - target).abs().mean().item()
    assert loss == pytest.approx(golden_scalars[baseline_name]["eval_l1"], abs=1e-8)


def test_a_training_step_goes_the_golden_way(
    golden, golden_scalars, baseline_name, small_baseline, magnitude, target
):
    optimizer = torch.optim.Adam(small_baseline.parameters(), lr=1e-3)
    estimates = small_baseline.train()(magnitude) * magnitude.unsqueeze(1)
    _close(estimates, golden[f"{baseline_name}.train.estimates"].permute(0, 4, 3, 1, 2))
    loss = (estimates - target).abs().mean()
    loss.backward()
    assert loss.item() == pytest.approx(golden_scalars[baseline_name]["train_l1"], abs=1e-8)
    norms = golden_scalars[baseline_name]["gradient_norms"]
    parameters = dict(small_baseline.named_parameters())
    found = {name: parameter.grad.norm().item() for name, parameter in parameters.items()}
    assert found == pytest.approx(norms, rel=1e-4)
    head, stack = small_baseline.embedding["linear"], small_baseline.recurrent_stack["rnn"]
    prefix = f"{baseline_name}.train"
    _close(head.weight.grad, golden[f"{prefix}.grad.embedding.linear.weight"], 1e-8)
    _close(stack.weight_hh_l0.grad, golden[f"{prefix}.grad.rnn.weight_hh_l0"], 1e-8)
    optimizer.step()
    _close(head.weight, golden[f"{prefix}.after_step.embedding.linear.weight"])
    _close(stack.weight_ih_l0, golden[f"{prefix}.after_step.rnn.weight_ih_l0"])


@pytest.mark.parametrize(
    ("num_layers", "num_sources", "number"),
    [(1, 4, 227_942), (1, 1, 150_071), (2, 4, 288_742), (2, 1, 210_871)],
)
def test_the_full_size_has_the_known_number_of_parameters(num_layers, num_sources, number):
    network = BaselineNetwork(BaselineConfig(num_sources=num_sources, num_layers=num_layers))
    assert sum(parameter.numel() for parameter in network.parameters()) == number


def test_forget_gates_begin_with_both_biases_at_one():
    network = BaselineNetwork(BaselineConfig(num_sources=1, hidden_size=6))
    biases = [parameter for name, parameter in network.named_parameters() if "rnn.bias" in name]
    expected = torch.zeros(4, 6)
    expected[1] = 1
    assert len(biases) == 4
    assert all(torch.equal(bias.view(4, 6), expected) for bias in biases)
    assert not network.embedding["linear"].bias.any()


def test_initial_matrices_have_the_spread_of_xavier():
    matrices = [
        parameter
        for parameter in BaselineNetwork(BaselineConfig(num_sources=4)).parameters()
        if parameter.ndim == 2
    ]
    assert len(matrices) == 5
    for matrix in matrices:
        assert matrix.std().item() == pytest.approx((2 / sum(matrix.shape)) ** 0.5, rel=0.03)


def test_a_seed_fixes_the_weights_and_leaves_the_global_generator_alone():
    before = torch.get_rng_state()
    config = BaselineConfig(num_sources=2, hidden_size=6)
    first, again, other = (BaselineNetwork(config, seed=seed).state_dict() for seed in (3, 3, 4))
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["embedding.linear.weight"], other["embedding.linear.weight"])


def test_the_compact_baseline_runs_on_one_frame():
    network = BaselineNetwork(baseline_preset("compact", num_sources=3)).eval()
    assert network(torch.zeros(1, 1, 1, 257)).shape == (1, 3, 1, 1, 257)


@pytest.mark.parametrize("shape", [(2, 1, 5, 16), (2, 3, 5, 17), (1, 5, 17)])
def test_other_spectrograms_are_refused(shape):
    network = BaselineNetwork(BaselineConfig(num_sources=4, window_length=32, hop_length=8, hidden_size=6))
    with pytest.raises(StemMismatchError, match="17 bins"):
        network(torch.zeros(shape))
