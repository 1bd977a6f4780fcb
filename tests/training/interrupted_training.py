"""Kills trainings and finishes them; run as a program, since a killed process must not be the test's own.

Usage: interrupted_training.py FOLDER
"""

import os
import random
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import torch
import torch._dynamo  # Optimisers import it when first made: once here instead of in every child.
from torch import Tensor, nn

from sep_pipeline import files
from sep_pipeline.training.checkpoint import CHECKPOINT_NAME
from sep_pipeline.training.config import TrainingConfig
from sep_pipeline.training.loop import train

CONFIG = TrainingConfig(
    num_steps=20,
    batch_size=8,
    learning_rate=1e-2,
    warmup_steps=4,
    ema_decay=0.9,
    clip="autoclip",
    log_every_steps=1,
    checkpoint_every_steps=1,
    snapshot_steps=(0, 9, 20),
)


class Task:
    """Regression with dropout and running statistics, slow enough to be killed at any point."""

    def __init__(self, seconds_per_step: float = 0.0) -> None:
        self.module = nn.Sequential(nn.Linear(6, 16), nn.BatchNorm1d(16), nn.Dropout(0.2), nn.Linear(16, 6))
        for parameter in self.module.parameters():
            nn.init.normal_(parameter, std=0.3, generator=torch.Generator().manual_seed(5))
        self._seconds_per_step = seconds_per_step

    def batch(self, step: int) -> Tensor:
        return torch.randn(8, 6, generator=torch.Generator().manual_seed(step))

    def losses(self, batch: Tensor, generator: torch.Generator) -> Mapping[str, Tensor]:
        time.sleep(self._seconds_per_step)
        noisy = batch + torch.randn(batch.shape, generator=generator)
        return {"loss": (self.module(noisy) - batch).square().mean()}


def start(folder: Path, *, seconds_per_step: float = 0.0, kill_in_write: int | None = None) -> int:
    """Train in a child process; gives its id."""
    child = os.fork()
    if child:
        return child
    if kill_in_write is not None:
        _die_in_write(kill_in_write)
    train(Task(seconds_per_step), CONFIG, workspace=folder, identity="toy", seed=1)
    os._exit(0)


def _die_in_write(number: int) -> None:
    """Kill this process when file `number` is written in half."""
    fsync, num_writes = os.fsync, 0

    def half_written(descriptor: int) -> None:
        nonlocal num_writes
        num_writes += 1
        if num_writes == number:
            (partial,) = FOLDER.glob(f"in_write/.*.{os.getpid()}.partial*")
            os.truncate(partial, partial.stat().st_size // 2)
            os.kill(os.getpid(), signal.SIGKILL)
        fsync(descriptor)

    files.os.fsync = half_written  # type: ignore[assignment]


def was_killed(child: int) -> bool:
    """Wait for a child; whether a signal ended it."""
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def main() -> None:
    """Compare what each way of dying leaves with an unbroken training."""
    draw = random.Random(0)
    assert not was_killed(start(FOLDER / "unbroken"))
    num_killed = 0
    for _ in range(6):
        child = start(FOLDER / "at_random", seconds_per_step=0.1)
        time.sleep(draw.uniform(0.02, 0.15))
        os.kill(child, signal.SIGKILL)
        num_killed += was_killed(child)
    assert num_killed == 6, num_killed
    for number in (1, 2, 5, 6):
        assert was_killed(start(FOLDER / "in_write", kill_in_write=number))
    for name in ("at_random", "in_write"):
        assert not was_killed(start(FOLDER / name))
        assert not list((FOLDER / name).glob(".*"))
        _assert_equal_files(FOLDER / "unbroken", FOLDER / name)


def _assert_equal_files(expected: Path, found: Path) -> None:
    wanted, got = (torch.load(each / CHECKPOINT_NAME, weights_only=True) for each in (expected, found))
    for state in (wanted, got):
        del state["seconds"]
    assert _plain(wanted) == _plain(got), found
    snapshots = sorted(path.name for path in expected.glob("snapshot_*"))
    assert len(snapshots) == 3
    for name in snapshots:
        assert (expected / name).read_bytes() == (found / name).read_bytes(), name


def _plain(value: object) -> object:
    """Tensors as bytes, so that equality is equality of bits."""
    if isinstance(value, Tensor):
        return value.numpy().tobytes()
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    return [_plain(part) for part in value] if isinstance(value, list | tuple) else value


if __name__ == "__main__":
    FOLDER = Path(sys.argv[1])
    torch.set_num_threads(1)
    main()
