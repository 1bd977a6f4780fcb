"""The files of a training."""

import errno
import io
from pathlib import Path
from typing import Any

import pytest
import torch

from sep_pipeline.errors import MissingCheckpointError, StorageError, TruncatedCheckpointError
from sep_pipeline.training.checkpoint import CHECKPOINT_NAME, CheckpointFolder

STATE = {
    "identity": "a",
    "num_updates": 3,
    "module": {"w": torch.arange(50.0)},
    "betas": (0.9, 0.99),
    "none": None,
}


def fill_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every write of bytes fail half-way, as on a full disk."""
    real_open = Path.open

    class FullDisk(io.FileIO):
        def write(self, content: Any) -> int:
            super().write(memoryview(content)[: len(content) // 2])
            raise OSError(errno.ENOSPC, "No space left on device")

    def opened(path: Path, mode: str = "r", *args: Any, **options: Any) -> Any:
        return FullDisk(path, mode) if "w" in mode else real_open(path, mode, *args, **options)

    monkeypatch.setattr(Path, "open", opened)


def test_a_state_comes_back_as_it_was(tmp_path: Path) -> None:
    folder = CheckpointFolder(tmp_path / "new")
    folder.save(STATE)
    loaded = folder.load("a")
    assert loaded is not None
    assert torch.equal(loaded.pop("module")["w"], torch.arange(50.0))
    assert loaded == {key: value for key, value in STATE.items() if key != "module"}


def test_there_is_nothing_at_first(tmp_path: Path) -> None:
    assert CheckpointFolder(tmp_path / "new").load("a") is None


def test_a_state_of_another_identity_is_not_used(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = CheckpointFolder(tmp_path)
    folder.save(STATE)
    with caplog.at_level("INFO"):
        assert folder.load("b") is None
    assert "belongs to another training" in caplog.text


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99])
def test_a_truncated_state_is_refused_with_advice(tmp_path: Path, share: float) -> None:
    folder = CheckpointFolder(tmp_path)
    folder.save(STATE)
    path = tmp_path / CHECKPOINT_NAME
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(TruncatedCheckpointError, match=f"delete it to train again.*{CHECKPOINT_NAME}"):
        folder.load("a")


def test_a_pickle_that_would_run_code_is_refused(tmp_path: Path) -> None:
    torch.save({"identity": "a", "path": Path("x")}, tmp_path / CHECKPOINT_NAME)
    with pytest.raises(TruncatedCheckpointError):
        CheckpointFolder(tmp_path).load("a")


def test_a_foreign_file_is_refused(tmp_path: Path) -> None:
    torch.save([1, 2], tmp_path / CHECKPOINT_NAME)
    with pytest.raises(TruncatedCheckpointError):
        CheckpointFolder(tmp_path).load("a")


def test_a_full_disk_leaves_the_former_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = CheckpointFolder(tmp_path)
    folder.save(STATE)
    before = (tmp_path / CHECKPOINT_NAME).read_bytes()
    with monkeypatch.context() as patched:
        fill_disk(patched)
        with pytest.raises(StorageError, match=f"disk is full.*{CHECKPOINT_NAME}"):
            folder.save(STATE | {"num_updates": 4})
    assert [path.name for path in tmp_path.iterdir()] == [CHECKPOINT_NAME]
    assert (tmp_path / CHECKPOINT_NAME).read_bytes() == before


def test_what_a_killed_writer_left_is_removed(tmp_path: Path) -> None:
    folder = CheckpointFolder(tmp_path)
    folder.save(STATE)
    (tmp_path / ".checkpoint.123.partial.pt").write_bytes(b"half")
    assert folder.load("a") is not None
    assert [path.name for path in tmp_path.iterdir()] == [CHECKPOINT_NAME]


def test_weights_come_back_as_they_were(tmp_path: Path) -> None:
    folder = CheckpointFolder(tmp_path)
    weights = {"w": torch.randn(3, 2, generator=torch.Generator().manual_seed(0)), "flag": torch.tensor(True)}
    folder.save_weights("best", weights)
    loaded = folder.load_weights("best")
    assert loaded.keys() == weights.keys()
    assert all(torch.equal(loaded[name], weights[name]) for name in weights)


def test_missing_weights_are_named(tmp_path: Path) -> None:
    with pytest.raises(MissingCheckpointError, match=r"best\.safetensors"):
        CheckpointFolder(tmp_path).load_weights("best")


def test_truncated_weights_are_named(tmp_path: Path) -> None:
    folder = CheckpointFolder(tmp_path)
    folder.save_weights("best", {"w": torch.ones(100)})
    path = tmp_path / "best.safetensors"
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(TruncatedCheckpointError, match=r"best\.safetensors"):
        folder.load_weights("best")
