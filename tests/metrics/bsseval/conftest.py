"""Made stems and estimates, the golden numbers, and the comparison of two engines."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from safetensors.numpy import load_file

from sep_pipeline.metrics.bsseval import FrameMetrics, bss_eval

GOLDEN = Path(__file__).parents[2] / "golden"

METRICS = ("sdr", "isr", "sir", "sar")

Values = npt.NDArray[np.float64]
Pair = tuple[Values, Values]


@pytest.fixture(scope="session")
def golden_tensors() -> dict[str, Any]:
    return load_file(GOLDEN / "bsseval.safetensors")


@pytest.fixture(scope="session")
def golden_settings() -> dict[str, Any]:
    settings: dict[str, Any] = json.loads((GOLDEN / "bsseval.json").read_text())["scalars"]
    return settings


@pytest.fixture
def make_stems() -> Callable[..., Values]:
    """Noise stems, (stem, channel, time)."""

    def make(num_stems: int = 3, num_channels: int = 2, num_samples: int = 3000, seed: int = 0) -> Values:
        return 0.1 * np.random.default_rng(seed).standard_normal((num_stems, num_channels, num_samples))

    return make


@pytest.fixture
def leak() -> Callable[..., Values]:
    """Estimates: the references with some of the mixture and some noise."""

    def make(references: Values, noise: float = 0.02, seed: int = 1) -> Values:
        noises = np.random.default_rng(seed).standard_normal(references.shape)
        return 0.8 * references + 0.2 * references.sum(axis=0) + noise * noises

    return make


@pytest.fixture
def table() -> Callable[[FrameMetrics], Values]:
    """Scores as one array, (metric, stem, frame)."""
    return lambda metrics: np.stack([getattr(metrics, name) for name in METRICS])


@pytest.fixture
def both(table: Callable[[FrameMetrics], Values]) -> Callable[..., Pair]:
    """Score with the fast engine and with museval; frames of a third of the track and 24 taps unless given."""

    def score(references: Values, estimates: Values, **settings: Any) -> Pair:
        third = references.shape[-1] // 3
        complete = {"window": third, "hop": third, "num_filter_taps": 24, **settings}
        fast, museval = (
            table(bss_eval(references, estimates, engine=engine, **complete))
            for engine in ("fast", "museval")
        )
        return fast, museval

    return score
