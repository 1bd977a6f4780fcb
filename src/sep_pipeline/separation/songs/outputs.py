"""From finished files to their places, so that none is seen before all of a song are complete."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from sep_pipeline.files import storage_errors
from sep_pipeline.separation.songs.records import RECORDS_FOLDER


@contextmanager
def working_folder(output: Path, name: str) -> Iterator[Path]:
    """A hidden folder for what is not finished; what a killed call has left in it goes first.

    Raises:
        StorageError: The output folder is not writable or the disk is full.
    """
    folder = output / RECORDS_FOLDER / f"{name}.partial"
    try:
        with storage_errors(folder):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def publish(made: Mapping[str, Path], places: Mapping[str, Path]) -> None:
    """Put finished files in their places.

    Raises:
        StorageError: A folder is not writable.
    """
    for stem, path in places.items():
        with storage_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            made[stem].replace(path)
