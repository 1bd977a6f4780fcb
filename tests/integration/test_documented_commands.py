"""Every command and every Python example of the documentation, executed in the environment `test`."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from documents import (
    DOCUMENTS,
    PROJECT,
    WORKED_EXAMPLE,
    Command,
    Kind,
    all_commands,
    fences,
    name_of,
    text_of,
)
from stand_ins import StandIns

SONGS = {
    "data.rendering.max_songs": 1,
    "data.rendering.synthesis": {"max_seconds": 3, "tail_seconds": 0.2},
}
SHORT = {"num_steps": 1, "batch_size": 2, "log_every_steps": 1, "evaluate_every_steps": 1}
SMALLER = {
    "jukebox_transfer": {
        "defaults": SONGS
        | {
            "phase_one.training.num_steps": 1,
            "phase_two.training.num_steps": 1,
            "phase_two.training.snapshot_steps": [],
            "evaluation.curve_seconds": 1,
        },
        "run": {"arms": ["pretrained"]},
    },
    "open_unmix": {
        "defaults": SONGS | {"training.epochs": 1, "evaluation.speed_seconds": 1},
        "arms": {"long": {"training": {"samples_per_track": 2, "epochs": 1}}},
        "run": {"arms": ["open_unmix4", "unidirectional"]},
    },
    "chimera_transfer": {
        "defaults": {f"stages.{stage}": SHORT for stage in ("pretraining", "fine_tuning")}
        | {"stages.baseline": SHORT | {"num_steps": 2}}
        | {"evaluation.num_excerpts": 2, "evaluation.curve_excerpts": 1},
        "run": {"arms": ["bach10_scratch", "choirset_scratch", "tuned_*_slakh_none_whole"], "seeds": [0]},
    },
    "contrastive_demix": {
        "defaults": {f"stages.{stage}": SHORT for stage in ("pretraining", "training")},
        "run": {"arms": ["baseline", "autoencoder", "pretrained_autoencoder"], "seeds": [0]},
    },
    "midi_waveform": {"run": {"arms": ["mae", "convolution"]}},
}
"""What is less still than in `conf/test`, by study and block, since it is the commands that are tested here."""

ORDER = (
    "render",
    "ingest",
    "jukebox_pretrain",
    "jukebox_transfer",
    "open_unmix",
    "chimera_transfer",
    "contrastive_demix",
    "midi_waveform",
    "leaderboard",
    "score",
    "separate",
    "report",
)
"""Pipelines in the order in which each finds what it needs."""
CONSUMERS = ("leaderboard", "score", "separate", "report")


def pipeline_of(command: Command) -> str:
    (name,) = re.findall(r"--pipeline=(\w+)", command.text)
    return str(name)


def rank(command: Command) -> tuple[int, int]:
    """Plain runs of studies come first, then what looks at their results, then runs that replace them."""
    if command.kind is not Kind.RUN:
        return (4 if "/path/to/tuned/" in command.text else 2), 0
    pipeline = pipeline_of(command)
    is_variant = "--params=" in command.text and pipeline not in CONSUMERS
    return (3 if is_variant else 1), ORDER.index(pipeline)


REPLACING = (3, 0)
"""First place of a run that replaces what a plain one has left."""


OUTPUTS = {"stems", "tuned_stems", "my_model", "my_small_model"}
"""Folders that commands without Kedro write."""
ONLY_TELLS = ("--help", "--list-models")
DOCUMENTS_WITH_PYTHON = [
    path
    for path in DOCUMENTS
    if fences(path, "python") and path != WORKED_EXAMPLE and path.parent.name != "notebooks"
]
EXECUTED = sorted(all_commands(Kind.RUN, Kind.STANDALONE, Kind.PIPE), key=rank)
FIRST = [command for command in EXECUTED if rank(command) < REPLACING]
LATER = [command for command in EXECUTED if rank(command) >= REPLACING]


class Workspace:
    """A project folder in which commands are executed as a reader types them.

    Attributes:
        project: The folder, with everything that the documentation takes for granted.
    """

    def __init__(self, project: Any) -> None:
        self.project = project
        for study, blocks in SMALLER.items():
            for block, values in blocks.items():
                for dotted, value in values.items():
                    project.configure(f"{study}.{block}.{dotted}", value, f"{study}/parameters.yml")
        project.configure("num_processes", 1, "parameters.yml")
        project.configure("report.page.max_arms", 2, "parameters.yml")
        project.configure("enabled", False, "mlflow.yml")
        project.configure("tracking_uri", "sqlite:///mlflow.db", "mlflow.yml")
        self._stand_ins = StandIns(project.path, project.data)
        # Commands without an environment look for songs and separators where the demo leaves them.
        for folder in ("03_primary", "06_models"):
            (project.data / folder).mkdir(parents=True)
            (project.path / "data" / folder).symlink_to(project.data / folder)

    def kedro_run(self, command: Command) -> None:
        from kedro.framework.startup import bootstrap_project

        from sep_pipeline.cli import cli

        bootstrap_project(self.project.path)
        words = [
            word
            for word in shlex.split(self._stand_ins.in_place(command.text))
            if not word.startswith("--env=")
        ]
        cli.main([*words[1:], "--env=test", "--runner=SequentialRunner"], standalone_mode=False)

    def standalone(self, command: Command) -> None:
        from sep_pipeline.commands import STANDALONE

        words = shlex.split(self._stand_ins.in_place(command.text))
        program = "sep-pipeline" if "sep-pipeline" in words else "sep_pipeline"
        name, *options = words[words.index(program) + 1 :]
        STANDALONE[name].main(options, standalone_mode=False)

    def pipe(self, command: Command) -> None:
        """In a shell; what would be heard is written to a file, of a stem that the separator has."""
        text = self._stand_ins.in_place(command.text).replace("--stems vocals", "--stems drums")
        heard = re.sub(r"\| ffplay .*", "> heard.raw", text)
        subprocess.run(["bash", "-o", "pipefail", "-c", heard], cwd=self.project.path, check=True)

    def forget_outputs(self, command: str) -> None:
        """Remove what an earlier command has written and this one would refuse to replace."""
        read = re.findall(r"--model (\S+)", command)
        for name in {"separated", *OUTPUTS.intersection(command.split())} - {*read}:
            shutil.rmtree(self.project.path / name, ignore_errors=True)

    def files(self) -> dict[Path, int]:
        """Modification times."""
        return {path: path.stat().st_mtime_ns for path in self.project.path.rglob("*") if path.is_file()}

    def data_of(self, command: Command) -> Path:
        """Where a run writes."""
        (given,) = re.findall(r"data_folder=([^,\s]+)", self._stand_ins.in_place(command.text)) or [None]
        return Path(given) if given else Path(self.project.data)


@pytest.fixture(scope="module")
def workspace(project_type: Any, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return Workspace(project_type(tmp_path_factory.mktemp("documented") / "project"))


def carry_out(command: Command, workspace: Workspace) -> None:
    """Execute a command in the working directory, and look whether it left what it should."""
    workspace.forget_outputs(command.text)
    before = workspace.files()
    execute = {
        Kind.RUN: workspace.kedro_run,
        Kind.STANDALONE: workspace.standalone,
        Kind.PIPE: workspace.pipe,
    }
    execute[command.kind](command)
    if not command.text.endswith(ONLY_TELLS):
        assert workspace.files() != before
    if command.kind is Kind.RUN:
        data = workspace.data_of(command)
        assert [path for path in promised(pipeline_of(command)) if not any(data.glob(path))] == []


def promised(pipeline: str) -> list[str]:
    """Paths below the data folder that the page of a pipeline says it writes, as patterns."""
    section = re.search(
        r"^## (?:Outputs|What it (?:writes|gives))\n(.*?)(?=^## |\Z)",
        text_of(PROJECT / "docs" / "pipelines" / f"{pipeline}.md"),
        re.MULTILINE | re.DOTALL,
    )
    found, folder = [], None
    always = re.sub(r"^.*only with.*$", "", section[1] if section else "", flags=re.MULTILINE)
    for span in re.findall(r"`([^`]+)`", always):
        path = re.sub(r"<\w+>", "*", span).removeprefix("data/").rstrip("/")
        if re.match(r"0\d_\w+/", path):
            folder = path if not Path(path).suffix else str(Path(path).parent)
            found.append(path)
        elif folder and re.fullmatch(r"[\w/*-]+\.(csv|md|txt|parquet|png|html|json)", path):
            found.append(f"{folder}/{path}")
    return found


@pytest.mark.parametrize("command", FIRST, ids=lambda command: command.text)
def test_a_command_does_what_it_says(
    command: Command, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(workspace.project.path)
    carry_out(command, workspace)


@pytest.mark.parametrize("document", DOCUMENTS_WITH_PYTHON, ids=name_of)
def test_python_examples_run(document: Path, workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the separators that the commands above have left."""
    monkeypatch.chdir(workspace.project.path)
    workspace.forget_outputs("")
    for body in fences(document, "python"):
        exec(compile(body, name_of(document), "exec"), {"__name__": "example"})


@pytest.mark.parametrize("command", LATER, ids=lambda command: command.text)
def test_a_command_that_replaces_results_does_what_it_says(
    command: Command, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(workspace.project.path)
    carry_out(command, workspace)
