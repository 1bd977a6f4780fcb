"""Small models with lively weights, separators of them, and the golden numbers of the `openunmix` package."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

# Also lets torchaudio be imported, which `openunmix` in the tests of this folder does.
from sep_pipeline.models.open_unmix import OpenUnmix, OpenUnmixConfig, SpectrogramConfig
from sep_pipeline.separation.open_unmix import OpenUnmixSeparator

GOLDEN = Path(__file__).parents[2] / "golden" / "open_unmix_separator"
CONFIG = OpenUnmixConfig(
    spectrogram=SpectrogramConfig(n_fft=128, hop_length=32), hidden_size=8, num_layers=2, num_input_bins=45
)
SAMPLE_RATE = 8000

ModelMaker = Callable[..., OpenUnmix]
SeparatorMaker = Callable[..., OpenUnmixSeparator]


@pytest.fixture(scope="session")
def golden() -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in load_file(GOLDEN.with_suffix(".safetensors")).items()}


@pytest.fixture(scope="session")
def golden_numbers() -> dict[str, Any]:
    return json.loads(GOLDEN.with_suffix(".json").read_text())["separator"]


@pytest.fixture
def config() -> OpenUnmixConfig:
    return CONFIG


@pytest.fixture
def make_model(config: OpenUnmixConfig) -> ModelMaker:
    """Makes a model of a seed whose norms and statistics are not those of the start."""

    def make(seed: int, **changes: Any) -> OpenUnmix:
        model = OpenUnmix(dataclasses.replace(config, **changes), seed=seed).eval()
        generator = torch.Generator().manual_seed(seed)
        for name, tensor in model.state_dict().items():
            if tensor.is_floating_point() and not name.startswith(("fc", "lstm")):
                tensor += 0.3 * torch.rand(tensor.shape, generator=generator)
        return model

    return make


@pytest.fixture
def make_separator(make_model: ModelMaker) -> SeparatorMaker:
    """Makes a separator of two targets; arguments that no model has go to the separator."""

    def make(targets: tuple[str, ...] = ("drums", "bass"), **changes: Any) -> OpenUnmixSeparator:
        names = {entry.name for entry in dataclasses.fields(OpenUnmixConfig)}
        shape = {name: value for name, value in changes.items() if name in names}
        models = {target: make_model(seed, **shape) for seed, target in enumerate(targets)}
        rest = {name: value for name, value in changes.items() if name not in names}
        return OpenUnmixSeparator(name="tiny", models=models, sample_rate=SAMPLE_RATE, **rest)

    return make


@pytest.fixture
def make_song() -> Callable[..., np.ndarray]:
    """Makes noise, (channel, time)."""

    def make(num_samples: int, num_channels: int = 2) -> np.ndarray:
        generator = np.random.default_rng(0)
        return generator.uniform(-0.8, 0.8, (num_channels, num_samples)).astype(np.float32)

    return make
