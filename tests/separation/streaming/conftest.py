"""Unidirectional models whose masks vary, and music-like signals for them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
import torch

from sep_pipeline.models.open_unmix import OpenUnmix, OpenUnmixConfig, SpectrogramConfig

Audio = npt.NDArray[np.float32]
Models = dict[str, OpenUnmix]

SMALL = OpenUnmixConfig(
    spectrogram=SpectrogramConfig(n_fft=64, hop_length=16),
    hidden_size=12,
    is_unidirectional=True,
    num_input_bins=24,
)


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def make_models() -> Callable[..., Models]:
    """Makes models of a configuration with all statistics and norms away from their defaults."""

    def make(config: OpenUnmixConfig = SMALL, *targets: str) -> Models:
        return {name: _model(config, seed) for seed, name in enumerate(targets or ("drums", "bass"))}

    return make


def _model(config: OpenUnmixConfig, seed: int) -> OpenUnmix:
    model = OpenUnmix(config, seed=seed).eval()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, values in model.state_dict().items():
            if name.endswith("running_var"):
                values.uniform_(0.5, 2.0, generator=generator)
            elif name.endswith("running_mean"):
                values.normal_(0.0, 0.3, generator=generator)
            elif name.startswith(("bn", "input", "output")) and values.is_floating_point():
                values.normal_(0.5, 0.5, generator=generator)
            elif name.startswith("lstm"):
                values.mul_(2.0)
    return model


@pytest.fixture(scope="session")
def make_signal() -> Callable[..., Audio]:
    """Makes noise, (channel, time)."""

    def make(num_samples: int, num_channels: int = 2, seed: int = 0) -> Audio:
        noise = np.random.default_rng(seed).standard_normal((num_channels, num_samples))
        return (0.3 * noise).astype(np.float32)

    return make
