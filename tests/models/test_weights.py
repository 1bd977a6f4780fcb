"""Weights files are whole, typed in their failures and strict on loading."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from sep_pipeline.errors import CheckpointMismatchError, MissingCheckpointError, TruncatedCheckpointError
from sep_pipeline.models.weights import load_into, load_weights, save_weights


@pytest.fixture
def layer() -> nn.Linear:
    built = nn.Linear(3, 2)
    nn.init.constant_(built.weight, 0.25)
    nn.init.constant_(built.bias, -1.0)
    return built


def test_round_trip_keeps_values_types_and_texts(tmp_path):
    state = {"a": torch.arange(6).view(2, 3).t(), "flag": torch.tensor(True)}
    save_weights(tmp_path / "deep" / "w.safetensors", state, metadata={"config": "{}"})
    loaded, metadata = load_weights(tmp_path / "deep" / "w.safetensors")
    assert metadata == {"config": "{}"}
    assert all(
        torch.equal(loaded[name], tensor) and loaded[name].dtype == tensor.dtype
        for name, tensor in state.items()
    )


def test_tied_tensors_are_written_as_copies(tmp_path):
    tensor = torch.ones(3)
    save_weights(tmp_path / "w.safetensors", {"a": tensor, "b": tensor}, metadata={})
    assert set(load_weights(tmp_path / "w.safetensors")[0]) == {"a", "b"}


def test_missing_file_is_named(tmp_path):
    with pytest.raises(MissingCheckpointError, match="absent"):
        load_weights(tmp_path / "absent.safetensors")


@pytest.mark.parametrize("num_bytes", [0, 4, 60])
def test_truncated_file_is_refused(tmp_path, num_bytes):
    path = tmp_path / "w.safetensors"
    save_weights(path, {"a": torch.ones(100)}, metadata={})
    path.write_bytes(path.read_bytes()[: num_bytes or None][: -1 if not num_bytes else None])
    with pytest.raises(TruncatedCheckpointError, match=r"w\.safetensors"):
        load_weights(path)


def test_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "w.safetensors"
    save_weights(path, {"a": torch.ones(2)}, metadata={})
    with pytest.raises(TypeError):
        save_weights(path, {"a": torch.zeros(2)}, metadata={"steps": 3})
    assert load_weights(path)[0]["a"].tolist() == [1.0, 1.0]
    assert [each.name for each in tmp_path.iterdir()] == ["w.safetensors"]


def test_matching_state_is_loaded(layer):
    target = nn.Linear(3, 2)
    load_into(target, layer.state_dict(), file="w")
    assert torch.equal(target.weight, layer.weight)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weight": None}, "missing weight"),
        ({"other": torch.ones(1)}, "superfluous other"),
        ({"bias": torch.ones(1)}, r"bias is \(1,\) instead of \(2,\)"),
    ],
)
def test_mismatch_is_named_and_leaves_the_module_alone(layer, change, message):
    state = {name: torch.zeros_like(tensor) for name, tensor in layer.state_dict().items()} | change
    state = {name: tensor for name, tensor in state.items() if tensor is not None}
    with pytest.raises(CheckpointMismatchError, match=message) as caught:
        load_into(layer, state, file="some.safetensors")
    assert caught.value.file.name == "some.safetensors"
    assert layer.bias.tolist() == [-1.0, -1.0]
