"""Golden numbers of the `openunmix` package, and models filled with its weights."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

# Also lets torchaudio be imported, which `openunmix` in the tests of this folder does.
from sep_pipeline.models.open_unmix import OpenUnmix, OpenUnmixConfig, SpectrogramConfig

GOLDEN = Path(__file__).parents[2] / "golden" / "open_unmix_model"


@pytest.fixture(scope="session")
def golden() -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in load_file(GOLDEN.with_suffix(".safetensors")).items()}


@pytest.fixture(scope="session")
def golden_numbers() -> dict[str, Any]:
    return json.loads(GOLDEN.with_suffix(".json").read_text())


@pytest.fixture
def golden_model(golden: dict[str, Tensor], golden_numbers: dict[str, Any]) -> Callable[[str], OpenUnmix]:
    """Makes the golden model of a name, without dropout, in training mode."""

    def make(name: str) -> OpenUnmix:
        numbers = golden_numbers["models"][name]["config"]
        n_fft = 2 * (numbers["nb_bins"] - 1)
        config = OpenUnmixConfig(
            spectrogram=SpectrogramConfig(n_fft=n_fft, hop_length=n_fft // 2),
            num_channels=numbers["nb_channels"],
            hidden_size=numbers["hidden_size"],
            is_unidirectional=numbers["unidirectional"],
            num_input_bins=numbers["max_bin"],
            dropout=0.0,
        )
        model = OpenUnmix(config)
        prefix = f"{name}.state."
        model.load_state_dict(
            {key.removeprefix(prefix): value for key, value in golden.items() if key.startswith(prefix)}
        )
        return model

    return make


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> None:
    """Small tensors are slower with threads, above all beside other test processes."""
    torch.set_num_threads(1)
