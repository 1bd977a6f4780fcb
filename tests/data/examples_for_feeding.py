"""Examples that worker processes of test_feeding run, and the program whose end they must notice."""

import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from sep_pipeline.data.feeding import batches
from sep_pipeline.errors import UnreadableFileError


class LocalError(Exception):
    """One that cannot be rebuilt from its text."""

    def __init__(self, first: int, second: int) -> None:
        super().__init__(f"{first} and {second}")


@dataclass(frozen=True)
class Facts:
    """Batches that say where they were made: step, process, torch's threads."""

    folder: Path | None = None

    def batch(self, step: int) -> Tensor:
        """Tell, and leave the process id behind."""
        if self.folder is not None:
            (self.folder / str(os.getpid())).touch()
        return torch.tensor([step, os.getpid(), torch.get_num_threads()])


@dataclass(frozen=True)
class Failing:
    """Fails at two steps."""

    def batch(self, step: int) -> Tensor:
        """Give the step, unless it is 2 or 3."""
        if step == 2:
            raise UnreadableFileError("the file does not parse", file="two.wav", expected="audio", found=step)
        if step == 3:
            raise LocalError(3, 4)
        return torch.tensor(step)


def feed_for_long(folder: Path) -> None:
    """Take two batches, then wait for a minute."""
    with batches(Facts(folder), range(1000), num_workers=2) as pairs:
        next(pairs), next(pairs)
        (folder / "fed").touch()
        time.sleep(60)


if __name__ == "__main__":
    feed_for_long(Path(sys.argv[1]))
