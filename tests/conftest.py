"""What all tests share: the project folder, its shipped parameters, quiet and single-threaded libraries."""

import os
import time
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


@pytest.fixture
def wait_until() -> Callable[[Callable[[], bool], float], bool]:
    """Wait for a condition, at most so many seconds; tells whether it came."""

    def wait(condition: Callable[[], bool], seconds: float) -> bool:
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                return False
            time.sleep(0.02)
        return True

    return wait


@pytest.fixture
def is_running() -> Callable[[int], bool]:
    """Tell whether a process works; one that has ended and was not yet waited for does not."""

    def check(process_id: int) -> bool:
        try:
            state = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return False
        return state != "Z"

    return check
