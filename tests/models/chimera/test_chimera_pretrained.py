"""Weights of networks with other sources, and checkpoints of nussl."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from sep_pipeline.errors import CheckpointMismatchError, MissingCheckpointError
from sep_pipeline.models.chimera import ChimeraNet, load_all_but_mask_head, load_nussl_checkpoint
from sep_pipeline.models.weights import load_into


def test_all_but_the_mask_head_comes_over_to_the_bit(small_config, golden_state):
    network = ChimeraNet(dataclasses.replace(small_config, num_sources=4), seed=9)
    head = network.mask.linear.weight.detach().clone()
    load_all_but_mask_head(network, golden_state, file="pretrained")
    found = network.state_dict()
    body = [name for name in golden_state if not name.startswith("mask.")]
    assert all(torch.equal(found[name], golden_state[name]) for name in body)
    assert found["mask.linear.weight"].shape == (33 * 4, 24)
    assert torch.equal(found["mask.linear.weight"], head)


def test_a_mask_head_of_the_same_shape_is_new_too(small_config, golden_state):
    network = ChimeraNet(small_config, seed=9)
    load_all_but_mask_head(network, golden_state, file="pretrained")
    assert not torch.equal(network.mask.linear.weight, golden_state["mask.linear.weight"])


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"hidden_size": 10}, "weight_hh_l0 is"),
        ({"embedding_size": 4}, "embedding"),
        ({"num_layers": 3}, "l2"),
    ],
)
def test_networks_of_other_sizes_are_refused_by_name(small_config, golden_state, change, named):
    network = ChimeraNet(dataclasses.replace(small_config, **change))
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    with pytest.raises(CheckpointMismatchError, match=r"pretrained\.safetensors") as caught:
        load_all_but_mask_head(network, golden_state, file="pretrained.safetensors")
    assert named in str(caught.value.found)
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())


def test_missing_and_superfluous_tensors_are_named(small_config, golden_state):
    state = {name: tensor for name, tensor in golden_state.items() if name != "embedding.linear.bias"}
    with pytest.raises(CheckpointMismatchError, match=r"missing embedding\.linear\.bias.*superfluous extra"):
        load_all_but_mask_head(ChimeraNet(small_config), state | {"extra": torch.zeros(1)}, file="pretrained")


@pytest.mark.parametrize("is_wrapped", [True, False])
def test_a_nussl_checkpoint_lists_every_tensor_twice(
    tmp_path, small_config, small_network, golden_state, is_wrapped
):
    state = golden_state | {f"layers.{name}": tensor for name, tensor in golden_state.items()}
    torch.save({"state_dict": state, "config": {"name": "x"}} if is_wrapped else state, tmp_path / "best.pth")
    network = ChimeraNet(small_config)
    load_into(network, load_nussl_checkpoint(tmp_path / "best.pth"), file=tmp_path / "best.pth")
    expected = small_network.state_dict()
    assert all(torch.equal(tensor, expected[name]) for name, tensor in network.state_dict().items())


def test_copies_that_differ_are_refused(tmp_path, golden_state):
    state = golden_state | {"layers.mask.linear.bias": golden_state["mask.linear.bias"] + 1}
    torch.save(state, tmp_path / "best.pth")
    with pytest.raises(CheckpointMismatchError, match=r"mask\.linear\.bias"):
        load_nussl_checkpoint(tmp_path / "best.pth")


def test_a_file_without_tensors_is_refused(tmp_path):
    torch.save({"config": {"name": "x"}}, tmp_path / "best.pth")
    with pytest.raises(CheckpointMismatchError, match=r"best\.pth"):
        load_nussl_checkpoint(tmp_path / "best.pth")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(MissingCheckpointError, match=r"nowhere\.pth"):
        load_nussl_checkpoint(tmp_path / "nowhere.pth")
