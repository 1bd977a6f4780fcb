"""Every command and every Python example of the documentation, executed in the environment `test`."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
from documents import Command, Kind, all_commands
from stand_ins import make_stand_ins

SMALLER = {
    "parameters.yml": {"num_processes": 1},
    "jukebox_transfer/parameters.yml": {
        "jukebox_transfer.defaults.data.rendering.max_songs": 1,
        "jukebox_transfer.defaults.data.rendering.synthesis": {"max_seconds": 3, "tail_seconds": 0.2},
        "jukebox_transfer.defaults.phase_one.training.num_steps": 1,
        "jukebox_transfer.defaults.phase_two.training.num_steps": 1,
        "jukebox_transfer.defaults.phase_two.training.snapshot_steps": [],
        "jukebox_transfer.defaults.evaluation.curve_seconds": 0,
        "jukebox_transfer.run": {"arms": ["pretrained", "scratch"]},
    },
    "mlflow.yml": {"enabled": False, "tracking_uri": "sqlite:///mlflow.db"},
}
"""What is less still than in `conf/test`, since it is the commands that are tested here."""

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
        return 2, 0
    pipeline = pipeline_of(command)
    is_variant = "--params=" in command.text and pipeline not in CONSUMERS
    return (3 if is_variant else 1), ORDER.index(pipeline)


EXECUTED = sorted(all_commands(Kind.RUN, Kind.STANDALONE, Kind.PIPE), key=rank)


class Workspace:
    """A project folder in which commands are executed as a reader types them.

    Attributes:
        project: The folder, with everything that the documentation takes for granted.
    """

    def __init__(self, project: Any) -> None:
        self.project = project
        for file, values in SMALLER.items():
            for dotted, value in values.items():
                project.configure(dotted, value, file)
        self._stand_ins = make_stand_ins(project.path, project.data)
        # Commands without an environment look for separators where the demo leaves them.
        (project.data / "06_models").mkdir(parents=True)
        (project.path / "data" / "06_models").symlink_to(project.data / "06_models")

    def in_place(self, text: str) -> str:
        """The text with its placeholders replaced, the longest first."""
        for name in sorted(self._stand_ins, key=len, reverse=True):
            text = text.replace(name, self._stand_ins[name])
        return text

    def kedro_run(self, command: Command) -> None:
        from kedro.framework.startup import bootstrap_project

        from sep_pipeline.cli import cli

        bootstrap_project(self.project.path)
        words = [word for word in shlex.split(self.in_place(command.text)) if not word.startswith("--env=")]
        cli.main([*words[1:], "--env=test", "--runner=SequentialRunner"], standalone_mode=False)

    def standalone(self, command: Command) -> None:
        from sep_pipeline.commands import STANDALONE

        words = shlex.split(self.in_place(command.text))
        name, *options = words[words.index("separate" if "separate" in words else "stream") :]
        STANDALONE[name].main(options, standalone_mode=False)

    def pipe(self, command: Command) -> None:
        """In a shell; what would be heard is written to a file."""
        heard = re.sub(r"\| ffplay .*", "> heard.raw", self.in_place(command.text))
        subprocess.run(["bash", "-o", "pipefail", "-c", heard], cwd=self.project.path, check=True)

    def files(self) -> dict[Path, int]:
        """Modification times."""
        return {path: path.stat().st_mtime_ns for path in self.project.path.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def workspace(project_type: Any, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return Workspace(project_type(tmp_path_factory.mktemp("documented") / "project"))


@pytest.mark.parametrize("command", EXECUTED, ids=lambda command: command.text)
def test_a_command_does_what_it_says(
    command: Command, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(workspace.project.path)
    before = workspace.files()
    execute = {
        Kind.RUN: workspace.kedro_run,
        Kind.STANDALONE: workspace.standalone,
        Kind.PIPE: workspace.pipe,
    }
    execute[command.kind](command)
    assert workspace.files() != before
