"""Golden numbers of the original losses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

GOLDEN = Path(__file__).parents[1] / "golden" / "jukebox_small"


@pytest.fixture(scope="session")
def golden() -> dict[str, Tensor]:
    return load_file(GOLDEN.with_suffix(".safetensors"))


@pytest.fixture(scope="session")
def golden_scalars() -> dict[str, Any]:
    return json.loads(GOLDEN.with_suffix(".json").read_text())["scalars"]


@pytest.fixture
def target(golden: dict[str, Tensor]) -> Tensor:
    return golden["loss/x_target"].transpose(1, 2)


@pytest.fixture
def prediction(golden: dict[str, Tensor]) -> Tensor:
    return golden["loss/x_pred"].transpose(1, 2).clone().requires_grad_()


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> None:
    """Small tensors are slower with threads, above all beside other test processes."""
    torch.set_num_threads(1)
