"""The released checkpoint enters completely or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from sep_pipeline.errors import CheckpointMismatchError, MissingCheckpointError, TruncatedCheckpointError
from sep_pipeline.models.vqvae import VQVAE, VQVAE_PRESETS, load_released_level_zero
from sep_pipeline.models.vqvae.released import released_names, released_state_dict

OUT = "decoders.0.out.weight"


@pytest.fixture
def level_zero(golden: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix("sd/"): tensor for name, tensor in golden.items() if name.startswith("sd/")}


def write_three_levels(path: Path, level_zero: dict[str, Tensor]) -> Path:
    """A checkpoint with all levels, replica prefixes and the entries around the state dict."""
    state = dict(level_zero)
    for level in (1, 2):
        state |= {name.replace("s.0.", f"s.{level}.", 1): torch.zeros(2) for name in level_zero}
    torch.save({"model": {f"module.{name}": tensor for name, tensor in state.items()}, "step": 7}, path)
    return path


def test_level_zero_of_three_loads_completely(tmp_path, level_zero, small_config, golden):
    path = write_three_levels(tmp_path / "vqvae.pth.tar", level_zero)
    state, report = load_released_level_zero(path, small_config)
    model = VQVAE(small_config)
    model.load_state_dict(state)
    assert report.num_loaded == len(level_zero)
    assert len(report.ignored) == 2 * len(level_zero)
    assert all(
        torch.equal(tensor, level_zero[name])
        for name, tensor in released_state_dict(state, small_config).items()
    )
    with torch.no_grad():
        assert torch.equal(
            model.eval().encode(golden["eval/x"].transpose(1, 2)).argmax(1), golden["eval/enc"].argmax(1)
        )


def test_loaded_codebook_is_not_initialised_from_a_batch(tmp_path, level_zero, small_config):
    state, _ = load_released_level_zero(write_three_levels(tmp_path / "w", level_zero), small_config)
    assert bool(state["codebook.is_initialised"])
    assert torch.equal(state["codebook.codes"], level_zero["bottleneck.level_blocks.0.k"])


def test_plain_state_dict_without_prefix_loads(tmp_path, level_zero, small_config):
    torch.save(level_zero, tmp_path / "plain.pt")
    assert load_released_level_zero(tmp_path / "plain.pt", small_config)[1].ignored == ()


def test_golden_names_are_exactly_the_released_names(level_zero, small_config, golden_scalars):
    assert set(released_names(small_config).values()) == set(level_zero)
    full = list(released_names(VQVAE_PRESETS["jukebox"]).values())
    assert full == golden_scalars["full/state_dict_order"]
    assert len(full) == 211


def test_full_size_level_zero_has_the_published_number_of_values():
    config = VQVAE_PRESETS["jukebox"]
    released = released_state_dict(VQVAE(config).state_dict(), config)
    assert sum(tensor.numel() for tensor in released.values()) == 1_031_105


def test_missing_tensor_is_named(tmp_path, level_zero, small_config):
    del level_zero[OUT]
    with pytest.raises(CheckpointMismatchError, match=OUT):
        load_released_level_zero(write_three_levels(tmp_path / "w", level_zero), small_config)


def test_broadcastable_wrong_shape_is_refused(tmp_path, level_zero, small_config):
    level_zero[OUT] = torch.zeros(1, 1, 3)
    with pytest.raises(CheckpointMismatchError, match=r"out.weight \(1, 1, 3\) instead of \(1, 8, 3\)"):
        load_released_level_zero(write_three_levels(tmp_path / "w", level_zero), small_config)


def test_other_size_lists_only_some_names(tmp_path, level_zero):
    path = write_three_levels(tmp_path / "w", level_zero)
    with pytest.raises(CheckpointMismatchError, match=r"and .* more"):
        load_released_level_zero(path, VQVAE_PRESETS["jukebox"])


def test_missing_file_is_named(tmp_path, small_config):
    with pytest.raises(MissingCheckpointError, match=r"absent\.pth"):
        load_released_level_zero(tmp_path / "absent.pth", small_config)


def test_truncated_file_is_refused(tmp_path, level_zero, small_config):
    path = write_three_levels(tmp_path / "w", level_zero)
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(TruncatedCheckpointError, match="w"):
        load_released_level_zero(path, small_config)


class Trap:
    """Would run code when unpickled."""

    def __reduce__(self) -> tuple[object, ...]:
        return (exec, ("raise SystemExit('unpickled')",))


def test_code_in_the_file_is_not_run(tmp_path, small_config):
    torch.save({"model": Trap()}, tmp_path / "trap.pt")
    with pytest.raises(TruncatedCheckpointError):
        load_released_level_zero(tmp_path / "trap.pt", small_config)


@pytest.mark.parametrize("content", [[1, 2], {"model": 3}])
def test_file_without_a_state_dict_is_refused(tmp_path, small_config, content):
    torch.save(content, tmp_path / "w.pt")
    with pytest.raises(CheckpointMismatchError, match="no state dict"):
        load_released_level_zero(tmp_path / "w.pt", small_config)
