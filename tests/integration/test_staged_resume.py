"""Trainings of two stages, killed in the first and in the second, end as unbroken ones."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

HALTING_RUN = Path(__file__).with_name("halting_run.py")


@dataclass(frozen=True)
class Story:
    """What is killed: a first training, and one that starts from it.

    Attributes:
        stages: Names of both in the study's parameters.
        cells: Folders of both below that of the study's models.
        phases: Names of both in the weights' files.
        node: What trains the second.
    """

    stages: tuple[str, str]
    cells: tuple[str, str]
    phases: tuple[str, str]
    node: str


STORIES = {
    "chimera_transfer": Story(
        stages=("pretraining", "fine_tuning"),
        cells=("pretraining_slakh_none/seed_0/all", "tuned_bach10_slakh_none_whole/seed_0/all"),
        phases=("pretraining", "downstream"),
        node="tuned_bach10_slakh_none_whole.all.seed_0.train_downstream",
    ),
    "contrastive_demix": Story(
        stages=("pretraining", "training"),
        cells=("pretraining_triplets/seed_0/all", "pretrained_autoencoder/seed_0/all"),
        phases=("pretraining", "separation"),
        node="pretrained_autoencoder.all.seed_0.train_separation",
    ),
}
MOMENTS = ("step", "checkpoint")


@pytest.fixture(scope="module", params=STORIES)
def finished(request: pytest.FixtureRequest) -> Any:
    """A study that nothing interrupted."""
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="module")
def killed(
    finished: Any, tmp_path_factory: pytest.TempPathFactory, project_type: Any, killed_when: Any
) -> tuple[Any, dict[str, Any]]:
    """The same, killed in the first training and while the second wrote a checkpoint, and then finished."""
    story = STORIES[finished.study]
    folder = tmp_path_factory.mktemp("killed") / "project"
    project = project_type(folder, study=finished.study)
    project.with_data_of(finished, "02_intermediate", "03_primary", "05_model_input")
    for stage in story.stages:
        project.configure(f"{finished.study}.defaults.stages.{stage}.checkpoint_every_steps", 1)
    arguments = ["run", f"--pipeline={finished.study}", "--env=test", f"--to-nodes={story.node}"]
    kills = {}
    for moment, phase in zip(MOMENTS, story.phases, strict=True):
        marker = folder / f"{moment}.marker"
        halting = [sys.executable, str(HALTING_RUN), moment, str(marker), f"all/{phase}_work"]
        kills[moment] = killed_when(project, [*halting, *arguments], marker.exists)
    project.run(to_nodes=[story.node])
    return project, kills


@pytest.mark.parametrize("moment", MOMENTS)
def test_it_was_killed_at_the_moment_and_left_nothing_half_made(killed: Any, moment: str) -> None:
    seen = killed[1][moment]
    assert seen.had_come
    assert seen.orphans == []
    assert seen.partial == []


def test_the_second_kill_found_the_first_training_finished(killed: Any, finished: Any) -> None:
    first, second = STORIES[finished.study].phases
    made = {path.name for path in killed[1]["checkpoint"].weights}
    assert f"{first}.safetensors" in made
    assert f"{second}.safetensors" not in made


@pytest.mark.parametrize("place", [0, 1])
def test_weights_equal_those_of_an_unbroken_training_to_the_bit(
    killed: Any, finished: Any, content_of: Any, place: int
) -> None:
    story = STORIES[finished.study]
    file = f"06_models/{finished.study}/{story.cells[place]}/{story.phases[place]}.safetensors"
    assert content_of(killed[0].data / file) == content_of(finished.data / file)
