"""The command line as users type it: short errors, quiet runs, selections."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

RUN = ["run", "--pipeline=jukebox_transfer", "--env=test"]


@pytest.mark.parametrize(
    ("parameters", "complaint", "named"),
    [
        ("devise=cpu", "ConfigurationError", "devise"),
        ("weights=/nowhere/vqvae.pth.tar", "MissingCheckpointError", "/nowhere/vqvae.pth.tar"),
        ("jukebox_transfer.defaults.data.rendering.midi_folder=nowhere", "NoInputError", "nowhere"),
    ],
)
def test_errors_are_one_line_and_no_traceback(
    prepared_project: Any, parameters: str, complaint: str, named: str
) -> None:
    result = prepared_project().command(*RUN, f"--params={parameters}")
    assert result.returncode == 1
    assert "Traceback" not in result.stdout + result.stderr
    (line,) = [line for line in result.stderr.splitlines() if line.startswith("Error: ")]
    assert line.startswith(f"Error: {complaint}: ")
    assert named in line


def test_registry_list_names_the_pipelines(make_project: Any) -> None:
    result = make_project().command("registry", "list")
    assert result.returncode == 0
    names = {line.removeprefix("- ").strip() for line in result.stdout.splitlines()}
    assert {"__default__", "render", "ingest", "jukebox_pretrain", "jukebox_transfer"} <= names


def test_the_module_runs_a_pipeline_without_warnings(make_project: Any) -> None:
    project = make_project()
    result = subprocess.run(
        [sys.executable, "-m", "sep_pipeline", "run", "--pipeline=render", "--env=test"],
        cwd=project.path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert "deprecat" not in (result.stdout + result.stderr).lower()
    assert len(list((project.data / "02_intermediate" / "rendered").glob("*/Track*/mix.flac"))) == 6


def test_a_namespace_selects_one_cell(study_copy: Any) -> None:
    result = study_copy.command(*RUN, "--namespaces=pretrained.drums", "--force")
    assert result.returncode == 0, result.stderr
    assert "pretrained/drums seed 0" in result.stdout
    assert "pretrained/bass" not in result.stdout
    assert "Traceback" not in result.stdout + result.stderr


def test_a_finished_study_is_printed_and_nothing_is_done(study_copy: Any) -> None:
    result = study_copy.command(*RUN)
    assert result.returncode == 0, result.stderr
    assert "Everything is up to date" in result.stdout
    assert "floor: silence" in result.stdout
    assert "warning" not in (result.stdout + result.stderr).lower()
