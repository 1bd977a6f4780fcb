"""Golden numbers of nussl's ChimeraNet, and a small network with its weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from sep_pipeline.models.chimera import ChimeraConfig, ChimeraNet

GOLDEN = Path(__file__).parents[2] / "golden" / "chimera_small"
SMALL: dict[str, Any] = {
    "window_length": 64,
    "hop_length": 16,
    "hidden_size": 12,
    "num_layers": 2,
    "dropout": 0.0,
    "embedding_size": 5,
}


@pytest.fixture(scope="session")
def golden() -> dict[str, Tensor]:
    return load_file(GOLDEN.with_suffix(".safetensors"))


@pytest.fixture(scope="session")
def golden_scalars() -> dict[str, Any]:
    return json.loads(GOLDEN.with_suffix(".json").read_text())


@pytest.fixture(scope="session")
def small_config() -> ChimeraConfig:
    return ChimeraConfig(num_sources=2, **SMALL)


@pytest.fixture
def golden_state(golden: dict[str, Tensor]) -> dict[str, Tensor]:
    prefix = "state/"
    return {name.removeprefix(prefix): golden[name] for name in golden if name.startswith(prefix)}


@pytest.fixture
def small_network(small_config: ChimeraConfig, golden_state: dict[str, Tensor]) -> ChimeraNet:
    """The small network with the golden weights, in evaluation mode."""
    network = ChimeraNet(small_config)
    network.load_state_dict(golden_state)
    return network.eval()


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> None:
    """Small tensors are slower with threads, above all beside other test processes."""
    torch.set_num_threads(1)
