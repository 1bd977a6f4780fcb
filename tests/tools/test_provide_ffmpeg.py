import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture
def provide_ffmpeg(script: Callable[[str], ModuleType]) -> ModuleType:
    """The script as a module."""
    return script("provide_ffmpeg")


@pytest.fixture
def bin_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The programs of a virtual environment, first on a path that has nothing else."""
    folder = tmp_path / "venv" / "bin"
    folder.mkdir(parents=True)
    monkeypatch.setenv("PATH", str(folder))
    return folder


@pytest.fixture
def brought(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The ffmpeg that the imageio-ffmpeg package brings."""
    program = tmp_path / "ffmpeg-linux"
    program.touch()
    package = ModuleType("imageio_ffmpeg")
    package.get_ffmpeg_exe = lambda: str(program)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", package)
    return program


def test_without_a_system_ffmpeg_both_are_provided(
    provide_ffmpeg: ModuleType, bin_folder: Path, brought: Path
) -> None:
    provide_ffmpeg.main(bin_folder)
    assert (bin_folder / "ffmpeg").resolve() == brought
    assert os.access(bin_folder / "ffprobe", os.X_OK)


def test_the_provided_ffprobe_runs_with_the_environments_python(
    provide_ffmpeg: ModuleType, bin_folder: Path, brought: Path
) -> None:
    provide_ffmpeg.main(bin_folder)
    first_line = (bin_folder / "ffprobe").read_text().splitlines()[0]
    assert first_line == f"#!{bin_folder / 'python'}"


def test_providing_twice_changes_nothing(provide_ffmpeg: ModuleType, bin_folder: Path, brought: Path) -> None:
    provide_ffmpeg.main(bin_folder)
    provide_ffmpeg.main(bin_folder)
    assert sorted(path.name for path in bin_folder.iterdir()) == ["ffmpeg", "ffprobe"]


def test_the_systems_programs_are_preferred(
    provide_ffmpeg: ModuleType, bin_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    system = tmp_path / "system"
    system.mkdir()
    for name in ("ffmpeg", "ffprobe"):
        (system / name).touch(mode=0o755)
    monkeypatch.setenv("PATH", f"{bin_folder}:{system}")
    provide_ffmpeg.main(bin_folder)
    assert list(bin_folder.iterdir()) == []
