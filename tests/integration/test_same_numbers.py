"""Same seed, same numbers, however many processes do the work."""

from __future__ import annotations

from typing import Any

import pytest
from kedro.runner import AbstractRunner, SequentialRunner

from sep_pipeline.runner import CellRunner

CELLS = ["pretrained.drums.seed_0", "scratch.bass.seed_0"]
RUNNERS: dict[str, AbstractRunner] = {"one process": CellRunner(1), "in this process": SequentialRunner()}


@pytest.mark.parametrize("name", RUNNERS)
def test_weights_do_not_depend_on_the_runner(
    study: Any, prepared_project: Any, content_of: Any, name: str
) -> None:
    """The shared study was trained by two processes at a time."""
    project = prepared_project()
    project.run(runner=RUNNERS[name], to_nodes=[f"{cell}.train_phase_two" for cell in CELLS])
    for cell in CELLS:
        arm, stem, seed = cell.split(".")
        for phase in ("phase_one", "phase_two"):
            file = f"06_models/jukebox_transfer/{arm}/{seed}/{stem}/{phase}.safetensors"
            assert content_of(project.data / file) == content_of(study.data / file)


def test_another_seed_gives_other_weights(study: Any, prepared_project: Any, content_of: Any) -> None:
    project = prepared_project()
    project.configure("jukebox_transfer.run", {"arms": ["scratch"], "seeds": [1]})
    project.run(to_nodes=["scratch.bass.seed_1.train_phase_one"])
    weights = [
        root.data / f"06_models/jukebox_transfer/scratch/seed_{seed}/bass/phase_one.safetensors"
        for root, seed in ((study, 0), (project, 1))
    ]
    assert content_of(weights[0]) != content_of(weights[1])
