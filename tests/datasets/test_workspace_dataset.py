from pathlib import Path

import pytest
from kedro.io import DatasetError

from sep_pipeline.datasets import Workspace, WorkspaceDataset


def test_loading_makes_the_folder(tmp_path: Path) -> None:
    workspace = WorkspaceDataset(filepath=str(tmp_path / "one" / "work")).load()
    assert workspace.folder == tmp_path / "one" / "work"
    assert workspace.folder.is_dir()


def test_loading_keeps_what_is_inside(tmp_path: Path) -> None:
    (tmp_path / "checkpoint").touch()
    WorkspaceDataset(filepath=str(tmp_path)).load()
    assert (tmp_path / "checkpoint").exists()


def test_the_identity_of_the_work_is_handed_over(tmp_path: Path) -> None:
    dataset = WorkspaceDataset(filepath=str(tmp_path))
    dataset.identity = "f1"
    assert dataset.load() == Workspace(tmp_path, "f1")


def test_identities_are_not_shared(tmp_path: Path) -> None:
    first, second = WorkspaceDataset(filepath=str(tmp_path)), WorkspaceDataset(filepath=str(tmp_path))
    first.identity = "f1"
    assert second.load().identity == "unnamed"


def test_a_workspace_is_no_output(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="working folder, not an output"):
        WorkspaceDataset(filepath=str(tmp_path)).save(object())  # type: ignore[arg-type]


def test_a_workspace_is_always_there(tmp_path: Path) -> None:
    assert WorkspaceDataset(filepath=str(tmp_path / "none")).exists()


def test_nodes_that_share_a_folder_have_parts_of_their_own(tmp_path: Path) -> None:
    dataset = WorkspaceDataset(filepath=str(tmp_path))
    dataset.identities = {"drums": "f1", "bass": "f2"}
    parts = [dataset.load().of_node(name, f"{name}/work") for name in ("drums", "bass")]
    assert parts == [Workspace(tmp_path / "drums/work", "f1"), Workspace(tmp_path / "bass/work", "f2")]
    assert all(part.folder.is_dir() for part in parts)
