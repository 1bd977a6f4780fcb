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


@pytest.fixture(scope="session")
def project_path() -> Path:
    """The folder that holds `conf` and `src`."""
    return PROJECT


@pytest.fixture(scope="session")
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


@pytest.fixture(scope="session")
def small_page() -> Any:
    """A page of two songs with two stems and two arms, every sound a tone of its own; one arm lacks a stem."""
    import numpy as np
    import pandas as pd

    from sep_pipeline.reporting import page as pages

    rate, seconds = 44100, 3.0
    time_seconds = np.arange(int(rate * seconds)) / rate

    def tone(hertz: float) -> Any:
        return (0.2 * np.sin(2 * np.pi * hertz * time_seconds)).astype(np.float32)[None]

    def song(name: str, place: str, lowest: float) -> Any:
        stems = {"drums": tone(lowest), "bass": tone(2 * lowest)}
        recording = pages.Recording(
            mixture=stems["drums"] + stems["bass"],
            references=stems,
            estimates={
                "pretrained": {"drums": tone(3 * lowest), "bass": tone(4 * lowest)},
                "scratch": {"drums": tone(5 * lowest)},
            },
            sample_rate=rate,
        )
        start_seconds, clips = pages.cut_clips(recording, seconds, lambda arm, stem: 1.25)
        choices = (pages.Choice(place, "pretrained"), pages.Choice(place, "scratch"))
        return pages.HeardSong(
            name=name, choices=choices, start_seconds=start_seconds, seconds=seconds, clips=clips
        )

    curves = pd.DataFrame(
        {
            "step": [1, 2, 3, 1, 2, 3],
            "name": ["loss"] * 6,
            "value": [3.0, 2.0, 1.0, 4.0, 3.5, 3.0],
            "arm": ["pretrained"] * 3 + ["scratch"] * 3,
            "stem": "drums",
            "seed": 0,
            "phase": "phase_one",
        }
    )
    table = pd.DataFrame(
        {"arm": ["pretrained", "<b>scratch"], "value": [1.23456, float("nan")], "steps": [500, 20]}
    )
    return pages.Page(
        title="Study 9: tones & noise",
        facts=[("Seeds", "0"), ("Test data", "tones (0123)")],
        tables=[
            pages.Table(
                name="table_1",
                markdown="### Table 1\n\nIn dB.\n\n| arm | drums |\n|---|---:|\n| pretrained | 1.23 |\n| | [1, 2] |\n",
                frame=table,
            ),
            pages.Table(name="table_2", markdown="### Table 2: more\n\nText.\n", frame=table),
        ],
        charts=pages.loss_charts(curves, ["pretrained", "scratch"], max_arms=4),
        figures=[pages.Figure("a picture", song("one", "best", 220.0).clips[0].picture)],
        listening=pages.Listening(
            seed=0,
            metric="SDR whole song",
            data_hashes={"tones": "0123"},
            songs=(song("one", "best", 220.0), song("two", "worst", 330.0)),
        ),
    )
