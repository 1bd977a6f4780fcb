"""Golden numbers of the original VQ-VAE, and networks filled with its weights."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from sep_pipeline.models.vqvae import VQVAE, VQVAEConfig
from sep_pipeline.models.vqvae.released import released_names

GOLDEN = Path(__file__).parents[2] / "golden" / "jukebox_small"
SMALL = VQVAEConfig(width=8, num_blocks=2, embedding_width=8, num_codes=32)


@pytest.fixture(scope="session")
def golden() -> dict[str, Tensor]:
    return load_file(GOLDEN.with_suffix(".safetensors"))


@pytest.fixture(scope="session")
def golden_scalars() -> dict[str, Any]:
    return json.loads(GOLDEN.with_suffix(".json").read_text())["scalars"]


@pytest.fixture
def small_config() -> VQVAEConfig:
    return SMALL


@pytest.fixture
def small_model(golden: dict[str, Tensor]) -> VQVAE:
    """The small network with the golden weights, in evaluation mode."""
    released = {name.removeprefix("sd/"): tensor for name, tensor in golden.items() if name.startswith("sd/")}
    return filled(SMALL, released).eval()


def filled(config: VQVAEConfig, released: Mapping[str, Tensor]) -> VQVAE:
    """A network with the tensors of a released state dict and no codebook statistics."""
    model = VQVAE(config)
    own = {name: released[other] for name, other in released_names(config).items()}
    model.load_state_dict(model.state_dict() | own)
    return model


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> None:
    """Small tensors are slower with threads, above all beside other test processes."""
    torch.set_num_threads(1)
