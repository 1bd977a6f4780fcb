"""Rows of a long song that are kept aside while other parts of it are computed: in memory, or in a file."""

from __future__ import annotations

import tempfile
from io import BufferedRandom
from pathlib import Path

import torch
from torch import Tensor

from sep_pipeline.files import storage_errors


class Spill:
    """A float32 table (frame, feature) that is written and read in blocks of frames.

    Args:
        num_frames: Rows.
        width: Features.
        on_disk: Whether it lies in a temporary file, which has no name and vanishes with the object. The number
            of rows is then not fixed.
        folder: Where the file lies; None takes the system's folder for temporary files.
    """

    def __init__(self, num_frames: int, width: int, *, on_disk: bool, folder: Path | None = None) -> None:
        self._width = width
        self._place = (folder or Path(tempfile.gettempdir())) / "temporary file"
        self._table = torch.empty(0 if on_disk else num_frames, width)
        self._file: BufferedRandom | None = None
        if on_disk:
            with storage_errors(self._place):
                self._file = tempfile.TemporaryFile(prefix="sep_pipeline_", dir=folder)  # noqa: SIM115

    def put(self, start: int, rows: Tensor) -> None:
        """Keep rows, (frame, feature), from frame `start` on.

        Raises:
            StorageError: The disk is full.
        """
        if self._file is None:
            self._table[start : start + len(rows)] = rows
            return
        content = rows.to("cpu", torch.float32).contiguous().numpy()
        with storage_errors(self._place):
            self._file.seek(start * self._width * content.itemsize)
            self._file.write(content.data)

    def get(self, start: int, stop: int) -> Tensor:
        """The rows of the frames from `start` to before `stop`, on the CPU."""
        if self._file is None:
            return self._table[start:stop]
        rows = torch.empty(stop - start, self._width)
        content = rows.numpy()
        self._file.seek(start * self._width * content.itemsize)
        num_read = self._file.readinto(content.data)
        assert num_read == content.nbytes, "frames are written before they are read"
        return rows

    def close(self) -> None:
        """Give the memory or the file back."""
        self._table = torch.empty(0, self._width)
        if self._file is not None:
            self._file.close()
