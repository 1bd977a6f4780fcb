"""The worked example of `docs/add_a_study.md`: its blocks are written to their files, and the study is run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from documents import PROJECT, WORKED_EXAMPLE, fences


def head_and_rest(block: str) -> tuple[str, str]:
    """The path in the first line of a block, and what belongs into that file."""
    head, rest = block.split("\n", 1)
    return head.removeprefix("# "), rest


def insert(path: Path, difference: str) -> None:
    """Put added lines behind those that stand before them in the block."""
    lines = difference.splitlines(keepends=True)
    old = "".join(line[1:] for line in lines if line.startswith(" "))
    new = "".join(line[1:] for line in lines)
    content = path.read_text(encoding="utf-8")
    assert content.count(old) == 1, f"{path.name} does not have these lines once:\n{old}"
    path.write_text(content.replace(old, new), encoding="utf-8")


@pytest.fixture(scope="module")
def project(project_type: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A copy of the project with the new study."""
    made = project_type(tmp_path_factory.mktemp("added") / "project", study="song_mixing")
    shutil.copytree(PROJECT / "src" / "sep_pipeline", made.path / "src" / "sep_pipeline")
    for name, content in map(head_and_rest, fences(WORKED_EXAMPLE, "python", "yaml")):
        path = made.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    for name, difference in map(head_and_rest, fences(WORKED_EXAMPLE, "diff")):
        insert(made.path / name, difference)
    return made


@pytest.fixture(scope="module")
def run(project: Any) -> Callable[..., str]:
    """Run a program of the project's own copy of the package; give what it printed."""

    def execute(*words: str) -> str:
        source = str(project.path / "src")
        result = subprocess.run(
            [sys.executable, "-m", *words],
            cwd=project.path,
            env={**os.environ, "PYTHONPATH": source},
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    return execute


@pytest.fixture(scope="module")
def printed(run: Callable[..., str]) -> str:
    return run("sep_pipeline", "run", "--pipeline=song_mixing", "--env=test")


def test_the_study_runs_and_prints_its_table(printed: str) -> None:
    assert "Study 6: mixtures of one song and across songs" in printed
    assert "coherent" in printed


def test_every_arm_has_scores(project: Any, printed: str) -> None:
    table = pd.read_csv(project.reports / "table_1.csv")
    own = table[table["arm"].isin(["coherent", "incoherent"])]
    assert set(own["stem"]) == {"drums", "bass", "guitar", "other", "total"}
    assert own["value"].notna().all()
    assert set(own["steps"]) == {2}


def test_the_report_makes_its_page(run: Callable[..., str], project: Any, printed: str) -> None:
    run("sep_pipeline", "run", "--pipeline=report", "--env=test", "--params=study=song_mixing")
    assert "coherent" in (project.reports / "report.html").read_text(encoding="utf-8")


def test_the_new_files_keep_the_rules_of_the_project(run: Callable[..., str], project: Any) -> None:
    new = [str(project.path / head_and_rest(block)[0]) for block in fences(WORKED_EXAMPLE, "python")]
    run("ruff", "check", *new)
    run("ruff", "format", "--check", *new)
