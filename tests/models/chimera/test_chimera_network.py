"""Every stage of the network against golden values, its sizes, initial weights and freezing."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from sep_pipeline.errors import ConfigurationError, StemMismatchError
from sep_pipeline.models.chimera import ChimeraConfig, ChimeraNet, preset
from sep_pipeline.models.mask_spectrogram import decibels


def _close(found, expected, atol=1e-5):
    torch.testing.assert_close(found, expected, rtol=0, atol=atol)


@pytest.fixture
def magnitude(golden):
    return golden["data/mix_magnitude"].permute(0, 3, 1, 2)


def test_decibels_equal_the_golden_ones(golden):
    _close(decibels(golden["db/input"]), golden["db/output"])


def test_stages_in_evaluation_equal_the_golden_ones(golden, small_network, magnitude):
    with torch.no_grad():
        recurrent = small_network.recurrent(magnitude)
        _close(recurrent, golden["eval/recurrent"])
        _close(small_network.embed(recurrent), golden["eval/embedding"][:, :, :, 0])
        _close(small_network.masks(recurrent), golden["eval/mask"].permute(0, 4, 3, 1, 2))


def test_masks_and_statistics_in_training_equal_the_golden_ones(golden, small_network, magnitude):
    masks = small_network.train()(magnitude)
    _close(masks, golden["train/mask"].permute(0, 4, 3, 1, 2))
    norm = small_network.normalization.batch_norm
    found = torch.cat([norm.running_mean, norm.running_var]).double()
    torch.testing.assert_close(found, golden["train/normalized_mean_var"], rtol=1e-6, atol=0)


@pytest.mark.parametrize("num_sources", [2, 3, 4])
def test_the_full_size_has_the_known_number_of_parameters(golden_scalars, num_sources):
    counts = golden_scalars["full_size_parameter_counts"]
    network = ChimeraNet(preset("paper", num_sources=num_sources))

    def count(part):
        return sum(parameter.numel() for parameter in part.parameters())

    total = counts["257 bins, 500 per direction, 4 layers, D=20"][f"{num_sources} sources"]
    assert count(network) == total
    assert count(network.recurrent_stack) == counts["recurrent"]
    assert count(network.embedding) == counts["embedding"]
    assert count(network.mask) == num_sources * counts["mask_per_source"]


def test_embeddings_have_unit_norm_and_no_negative_entry(small_network, magnitude):
    embedding = small_network.embed(small_network.recurrent(magnitude))
    _close(embedding.norm(dim=-1), torch.ones(embedding.shape[:-1]))
    assert bool((embedding >= 0).all())


def test_forget_gates_begin_with_both_biases_at_one(small_config):
    biases = [
        parameter
        for name, parameter in ChimeraNet(small_config).recurrent_stack.named_parameters()
        if "bias" in name
    ]
    expected = torch.zeros(4, 12)
    expected[1] = 1
    assert len(biases) == 8
    assert all(torch.equal(bias.view(4, 12), expected) for bias in biases)


def test_initial_matrices_have_the_spread_of_xavier():
    network = ChimeraNet(ChimeraConfig(num_sources=2, hidden_size=100, num_layers=2))
    matrices = [parameter for parameter in network.parameters() if parameter.ndim == 2]
    assert len(matrices) == 10
    for matrix in matrices:
        assert matrix.std().item() == pytest.approx((2 / sum(matrix.shape)) ** 0.5, rel=0.03)
    assert not network.mask.linear.bias.any()


def test_one_seed_gives_one_body_whatever_the_number_of_sources(small_config):
    two, four, other = (
        ChimeraNet(dataclasses.replace(small_config, num_sources=number), seed=seed).state_dict()
        for number, seed in ((2, 5), (4, 5), (2, 6))
    )
    body = [name for name in two if not name.startswith("mask.")]
    assert all(torch.equal(two[name], four[name]) for name in body)
    assert not torch.equal(two["embedding.linear.weight"], other["embedding.linear.weight"])


def test_making_a_network_leaves_the_global_generator_alone(small_config):
    before = torch.get_rng_state()
    ChimeraNet(small_config, seed=3)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("shape", [(2, 1, 5, 32), (2, 2, 5, 33), (1, 5, 33)])
def test_other_spectrograms_are_refused(small_network, shape):
    with pytest.raises(StemMismatchError, match="33 bins"):
        small_network(torch.zeros(shape))


@pytest.mark.parametrize(("mode", "body_trains"), [("strict", False), ("weights_only", True)])
def test_freezing_leaves_two_tensors_that_learn(small_network, mode, body_trains):
    small_network.freeze(mode)
    small_network.train()
    learning = [name for name, parameter in small_network.named_parameters() if parameter.requires_grad]
    assert learning == ["mask.linear.weight", "mask.linear.bias"]
    assert small_network.mask.training
    assert small_network.recurrent_stack.rnn.training is body_trains
    assert small_network.normalization.batch_norm.training is body_trains


def test_freezing_can_be_undone(small_network):
    small_network.freeze("strict")
    small_network.train()
    small_network.freeze("none")
    assert all(parameter.requires_grad for parameter in small_network.parameters())
    assert small_network.recurrent_stack.rnn.training


def test_evaluation_is_evaluation_however_frozen(small_network):
    small_network.freeze("weights_only")
    assert not any(part.training for part in small_network.eval().modules())


def test_an_unknown_way_to_freeze_is_named(small_network):
    with pytest.raises(ConfigurationError, match="solid"):
        small_network.freeze("solid")


def test_the_compact_network_runs_on_one_frame():
    network = ChimeraNet(preset("compact", num_sources=3)).eval()
    assert network(torch.zeros(1, 1, 1, 257)).shape == (1, 3, 1, 1, 257)
