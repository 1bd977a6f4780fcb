"""What all tests share: the project folder, its shipped parameters, quiet and single-threaded libraries."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("DO_NOT_TRACK", "1")
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")

PROJECT = Path(__file__).parents[1]

ParameterLoader = Callable[..., dict[str, Any]]


@pytest.fixture
def project_path() -> Path:
    """The folder that holds `conf` and `src`."""
    return PROJECT


@pytest.fixture
def load_parameters(project_path: Path) -> ParameterLoader:
    """The parameter tree of an environment, read as a run reads it."""
    from kedro.config import OmegaConfigLoader

    def load(env: str = "base", **runtime_parameters: str) -> dict[str, Any]:
        loader = OmegaConfigLoader(
            str(project_path / "conf"),
            env=env,
            base_env="base",
            default_run_env="local",
            merge_strategy={"parameters": "soft"},
            runtime_params=runtime_parameters,
        )
        parameters: dict[str, Any] = loader["parameters"]
        return parameters

    return load
