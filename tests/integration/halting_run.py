"""The command line, but it halts at a chosen moment so that a test can kill it there.

Usage: halting_run.py MOMENT MARKER FOLDER ARGUMENTS... with MOMENT "step" (before the third update of the training
in the working folder FOLDER) or "checkpoint" (in the middle of writing a checkpoint of it). MARKER is made when the
moment has come.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

from sep_pipeline.__main__ import main
from sep_pipeline.files import written_aside
from sep_pipeline.training import checkpoint, loop

SECONDS = 120


def halt_before_third_update(marker: Path, folder: str) -> None:
    update = loop._Loop._update

    def halting(self: Any, step: int, batch: Any) -> dict[str, float]:
        if step == 2 and folder in str(self._folder._folder):
            marker.touch()
            time.sleep(SECONDS)
        return update(self, step, batch)

    loop._Loop._update = halting  # type: ignore[method-assign]


def halt_in_checkpoint(marker: Path, folder: str) -> None:
    write = checkpoint._write

    def halting(path: Path, content: Any) -> None:
        if folder not in str(path) or path.name != "checkpoint.pt":
            write(path, content)
            return
        with written_aside(path) as aside, aside.open("wb") as stream:
            stream.write(bytes(content)[: len(content) // 2])
            stream.flush()
            marker.touch()
            time.sleep(SECONDS)

    checkpoint._write = halting


if __name__ == "__main__":
    moments = {"step": halt_before_third_update, "checkpoint": halt_in_checkpoint}
    moments[sys.argv[1]](Path(sys.argv[2]), sys.argv[3])
    sys.argv = ["kedro", *sys.argv[4:]]
    main()
