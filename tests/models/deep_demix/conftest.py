"""Golden numbers of the study's modules, and small networks with their weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from sep_pipeline.models.deep_demix import (
    BaselineConfig,
    BaselineNetwork,
    DeepDemix,
    DeepDemixConfig,
    Encoder,
    EncoderConfig,
)

GOLDEN = Path(__file__).parents[2] / "golden" / "contrastive_demix_small"
ENCODER = EncoderConfig(
    segment_samples=624,
    window_length=64,
    hop_length=16,
    channels=(3, 4, 5, 6),
    pools=((4, 2), (3, 2)),
    hidden_sizes=(20, 12),
    embedding_size=10,
    dropout=0.0,
)
BASELINES = {
    "baseline_one_layer": BaselineConfig(num_sources=4, window_length=32, hop_length=8, hidden_size=6),
    "baseline_two_layers_stereo": BaselineConfig(
        num_sources=3, num_channels=2, window_length=16, hop_length=4, hidden_size=5, num_layers=2
    ),
}


@pytest.fixture(scope="session")
def golden() -> dict[str, Tensor]:
    return load_file(GOLDEN.with_suffix(".safetensors"))


@pytest.fixture(scope="session")
def golden_scalars() -> dict[str, Any]:
    return json.loads(GOLDEN.with_suffix(".json").read_text())


@pytest.fixture(scope="session")
def small_config() -> DeepDemixConfig:
    return DeepDemixConfig(
        num_sources=4,
        encoder=ENCODER,
        decoder_grid=(4, 4),
        decoder_channels=(6, 5),
        decoder_kernels=((3, 3), (4, 8), (3, 3)),
    )


def _state(golden: dict[str, Tensor], name: str) -> dict[str, Tensor]:
    prefix = f"{name}.state."
    return {key.removeprefix(prefix): golden[key] for key in golden if key.startswith(prefix)}


@pytest.fixture
def encoder_state(golden: dict[str, Tensor]) -> dict[str, Tensor]:
    return _state(golden, "encoder")


@pytest.fixture
def small_encoder(encoder_state: dict[str, Tensor]) -> Encoder:
    """The small encoder with the golden weights, in evaluation mode."""
    encoder = Encoder(ENCODER)
    encoder.load_state_dict(encoder_state)
    return encoder.eval()


@pytest.fixture
def small_autoencoder(
    small_config: DeepDemixConfig, encoder_state: dict[str, Tensor], golden: dict[str, Tensor]
) -> DeepDemix:
    """The small autoencoder with the golden weights, in evaluation mode."""
    network = DeepDemix(small_config)
    network.encoder.load_state_dict(encoder_state)
    network.decoder.load_state_dict(_state(golden, "decoder"))
    return network.eval()


@pytest.fixture(params=list(BASELINES))
def baseline_name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def small_baseline(baseline_name: str, golden: dict[str, Tensor]) -> BaselineNetwork:
    """A small baseline with the golden weights, in evaluation mode."""
    network = BaselineNetwork(BASELINES[baseline_name])
    network.load_state_dict(_state(golden, baseline_name))
    return network.eval()


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> None:
    """Small tensors are slower with threads, above all beside other test processes."""
    torch.set_num_threads(1)
