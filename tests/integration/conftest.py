"""Project folders of their own, in which tests run pipelines for real, and finished studies that all share."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from kedro.framework.context import KedroContext
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline
from kedro.runner import AbstractRunner, SequentialRunner

from sep_pipeline.fingerprints import expect_fingerprints, stale_nodes
from sep_pipeline.runner import CellRunner

SHIPPED = Path(__file__).parents[2]
STUDY = "jukebox_transfer"
UPSTREAM = ("02_intermediate", "03_primary", "05_model_input")


class Project:
    """A project folder with the shipped configuration and songs, in which nothing has run yet.

    Attributes:
        path: The folder.
        env: The environment of its runs.
        study: The study that is meant where no pipeline is named.
    """

    def __init__(self, path: Path, env: str = "test", study: str = STUDY) -> None:
        self.path = path
        self.env = env
        self.study = study
        if not path.exists():
            (path / "src").mkdir(parents=True)
            shutil.copytree(SHIPPED / "conf", path / "conf")
            shutil.copytree(SHIPPED / "data" / "01_raw", path / "data" / "01_raw")
            for name in ("pyproject.toml", ".telemetry"):
                shutil.copy2(SHIPPED / name, path)

    @property
    def data(self) -> Path:
        """Root of what the runs of this environment write."""
        return self.path / "data" / self.env

    @property
    def reports(self) -> Path:
        return self.data / "08_reporting" / self.study

    def configure(self, dotted: str, value: object, file: str | None = None) -> None:
        """Set one value in a configuration file of the environment, that of the study if none is named."""
        path = self.path / "conf" / self.env / (file or f"{self.study}/parameters.yml")
        content: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8")) if path.exists() else {}
        *blocks, name = dotted.split(".")
        place = content
        for block in blocks:
            place = place.setdefault(block, {})
        place[name] = value
        path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")

    def run(
        self,
        pipeline: str | None = None,
        *,
        runner: AbstractRunner | None = None,
        should_force: bool = False,
        parameters: Mapping[str, Any] | None = None,
        **selection: Any,
    ) -> None:
        """Run in this process; `selection` goes to Kedro (`node_names`, `to_nodes`, ...)."""
        bootstrap_project(self.path)
        with KedroSession.create(self.path, env=self.env, runtime_params=dict(parameters or {})) as session:
            session.run(
                pipeline_names=[pipeline or self.study],
                runner=runner or SequentialRunner(),
                only_missing_outputs=not should_force,
                **selection,
            )

    @contextmanager
    def context(self, **parameters: Any) -> Iterator[KedroContext]:
        """Kedro's view of the project, without a run."""
        bootstrap_project(self.path)
        with KedroSession.create(self.path, env=self.env, runtime_params=parameters) as session:
            yield session.load_context()

    def opened(self, pipeline: str | None = None) -> tuple[Pipeline, DataCatalog]:
        """A pipeline and a catalog that knows which artifacts are fresh."""
        from kedro.framework.project import pipelines

        with self.context() as context:
            catalog, chosen = context.catalog, pipelines[pipeline or self.study]
            expect_fingerprints(chosen, catalog)
            return chosen, catalog

    def stale(self, pipeline: str | None = None) -> dict[str, str]:
        """Names of the nodes to be done, each with the reason."""
        return {node.name: reason for node, reason in stale_nodes(*self.opened(pipeline)).items()}

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `kedro` in the folder, as a user does."""
        return subprocess.run(
            [Path(sys.executable).with_name("kedro"), *arguments],
            cwd=self.path,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )

    def with_data_of(self, other: Project, *folders: str) -> Project:
        """Take over finished work; files are linked, since runs replace files and never change them."""
        for folder in folders:
            shutil.copytree(other.data / folder, self.data / folder, copy_function=os.link)
        return self

    def times(self) -> dict[str, int]:
        """Modification time of every file below the folder."""
        return {
            str(path.relative_to(self.path)): path.stat().st_mtime_ns
            for path in sorted(self.path.rglob("*"))
            if path.is_file() and path.name not in ("mlflow.db-journal", "kedro_pipeline_events.json")
        }


MakeProject = Callable[..., Project]


@pytest.fixture
def make_project(tmp_path: Path) -> MakeProject:
    """Make a project folder in the folder of the test."""

    def make(name: str = "project", env: str = "test", study: str = STUDY) -> Project:
        return Project(tmp_path / name, env, study)

    return make


def finished(tmp_path_factory: pytest.TempPathFactory, name: str) -> Project:
    """A study of `conf/test`, run once for all test processes."""
    base = tmp_path_factory.getbasetemp()
    base = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    with (base / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        project = Project(base / name, study=name)
        if not (base / f"{name}.done").exists():
            project.run(runner=CellRunner())
            (base / f"{name}.done").touch()
    return project


@pytest.fixture(scope="session")
def study(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The whole of study 1. Tests must not change it."""
    return finished(tmp_path_factory, STUDY)


@pytest.fixture(scope="session")
def open_unmix(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The whole of study 4. Tests must not change it."""
    return finished(tmp_path_factory, "open_unmix")


@pytest.fixture(scope="session")
def chimera_transfer(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The whole of study 2. Tests must not change it."""
    return finished(tmp_path_factory, "chimera_transfer")


@pytest.fixture(scope="session")
def contrastive_demix(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The whole of study 3. Tests must not change it."""
    return finished(tmp_path_factory, "contrastive_demix")


@pytest.fixture(scope="session")
def midi_waveform(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The whole of study 5. Tests must not change it."""
    return finished(tmp_path_factory, "midi_waveform")


@pytest.fixture
def study_copy(study: Project, make_project: MakeProject) -> Project:
    """A project with all finished work of the shared study, for tests that change something."""
    return make_project().with_data_of(study, *(path.name for path in study.data.iterdir()))


@pytest.fixture
def prepared_project(study: Project, make_project: MakeProject) -> MakeProject:
    """Make a project in which everything before training is done."""

    def make(name: str = "project") -> Project:
        project = make_project(name).with_data_of(study, *UPSTREAM)
        models = project.data / "06_models" / STUDY
        models.mkdir(parents=True)
        for file in (study.data / "06_models" / STUDY).glob("*transferred*"):
            os.link(file, models / file.name)
        return project

    return make


@pytest.fixture
def with_data(make_project: MakeProject) -> Callable[..., Project]:
    """Make a project that has some folders of a finished study."""

    def make(finished_study: Project, *folders: str) -> Project:
        return make_project(study=finished_study.study).with_data_of(finished_study, *folders)

    return make


@pytest.fixture
def mlflow_runs() -> Callable[[Project], list[Any]]:
    """All MLflow runs of a project, oldest first."""

    def runs(project: Project) -> list[Any]:
        from mlflow import MlflowClient

        client = MlflowClient(f"sqlite:///{project.path / 'mlflow.db'}")
        experiment = client.get_experiment_by_name(project.study)
        assert experiment is not None
        return list(client.search_runs([experiment.experiment_id], order_by=["attributes.start_time ASC"]))

    return runs


@pytest.fixture(scope="session")
def content_of() -> Callable[[Path], dict[str, Any]]:
    """Tensors as bytes and texts of a weights file; the order of a file's header is not fixed."""

    def content(path: Path) -> dict[str, Any]:
        from safetensors import safe_open

        with safe_open(path, framework="np") as stored:
            tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118
            values = {
                name: (tensor.dtype, tensor.shape, tensor.tobytes()) for name, tensor in tensors.items()
            }
            return {**values, "metadata": stored.metadata()}

    return content


@pytest.fixture(scope="session")
def project_type() -> type[Project]:
    """For projects that live longer than one test."""
    return Project


@dataclass
class Killed:
    """What was seen after one kill."""

    had_come: bool
    orphans: list[int]
    weights: dict[Path, int] = field(default_factory=dict)
    partial: list[Path] = field(default_factory=list)


def processes_of(group: int) -> list[int]:
    """Process ids of a group that still work."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[2]) == group and fields[0] != "Z":
            found.append(int(entry.name))
    return found


def has_come(condition: Callable[[], bool], seconds: float) -> bool:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


@pytest.fixture(scope="session")
def killed_when() -> Callable[[Project, list[str], Callable[[], bool]], Killed]:
    """Run a command until the moment has come, kill its main process alone and see what is left."""

    def kill(project: Project, command: list[str], moment: Callable[[], bool]) -> Killed:
        from safetensors.torch import load_file

        log = (project.path / "killed.log").open("a")
        process = subprocess.Popen(
            command, cwd=project.path, stdout=log, stderr=log, start_new_session=True, text=True
        )
        had_come = has_come(lambda: moment() or process.poll() is not None, 180) and process.poll() is None
        process.kill()
        process.wait()
        has_come(lambda: not processes_of(process.pid), 20)
        models = project.data / "06_models"
        return Killed(
            had_come=had_come,
            orphans=processes_of(process.pid),
            weights={path: len(load_file(path)) for path in models.rglob("[!.]*.safetensors")},
            partial=[path for path in project.data.rglob("*.partial*") if not path.name.startswith(".")],
        )

    return kill
