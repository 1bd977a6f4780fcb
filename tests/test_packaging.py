import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

import sep_pipeline

ROOT = Path(__file__).parents[1]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PINS = {
    canonicalize_name(pin.name): Version(str(pin.specifier).removeprefix("=="))
    for pin in map(Requirement, (ROOT / "constraints.txt").read_text(encoding="utf-8").split())
}
WANTED = {
    canonicalize_name(item.name): item
    for item in map(Requirement, [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["dev"]])
}


@pytest.mark.parametrize("name", sorted(PINS.keys() & WANTED.keys()))
def test_a_pinned_version_is_one_that_the_project_accepts(name: str) -> None:
    assert WANTED[canonicalize_name(name)].specifier.contains(PINS[canonicalize_name(name)])


@pytest.mark.parametrize("name", ["torch", "torchaudio", "kedro", "mlflow", "pydantic", "numpy", "pandas"])
def test_what_the_numbers_and_the_commands_stand_on_is_pinned(name: str) -> None:
    assert name in PINS


def test_no_pin_names_a_build_that_others_cannot_get() -> None:
    assert [name for name, version in PINS.items() if version.local] == []


def test_the_package_tells_its_version() -> None:
    assert PROJECT["version"] == sep_pipeline.__version__


def test_the_package_ships_its_types() -> None:
    assert (ROOT / "src" / "sep_pipeline" / "py.typed").is_file()


def test_nothing_is_sent_to_anyone() -> None:
    assert yaml.safe_load((ROOT / ".telemetry").read_text(encoding="utf-8")) == {"consent": False}


@pytest.mark.parametrize(
    ("target", "command"),
    [
        ("run", "kedro run --pipeline=jukebox_transfer"),
        ("lint", "ruff check"),
        ("lint", "mypy"),
        ("lint", "lint-imports"),
        ("test", "pytest"),
        ("test", "lint-imports"),
    ],
)
def test_a_make_target_gives_its_command(target: str, command: str) -> None:
    said = subprocess.run(["make", "--dry-run", target], cwd=ROOT, capture_output=True, text=True, check=True)
    assert command in said.stdout


def test_arguments_reach_the_run() -> None:
    said = subprocess.run(
        ["make", "--dry-run", "run", "ARGS=--env=paper"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "kedro run --pipeline=jukebox_transfer --env=paper" in said.stdout
