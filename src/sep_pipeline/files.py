"""Files and folders that appear only when complete, and digests of what is on disk."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sep_pipeline.errors import SepPipelineError, StorageError

_STORAGE_ERRORS: dict[int | None, str] = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EACCES: "the folder is not writable",
    errno.EPERM: "the folder is not writable",
    errno.EROFS: "the file system is read-only",
    errno.EEXIST: "a file stands where a folder should be",
    errno.ENOTDIR: "a file stands where a folder should be",
}
_LEAST_FREE_BYTES = 65536


@contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turn the operating system's storage failures on `path` into `StorageError`.

    Writers in compiled code (safetensors, libsndfile, torch) raise errors of other types, some of which do
    not say why they failed; those count as storage failures when the disk is found full.
    """
    try:
        yield
    except SepPipelineError:
        raise
    except Exception as error:
        problem = _STORAGE_ERRORS.get(_error_number(error, path))
        if problem is None:
            raise
        raise StorageError(problem, file=path) from error


def _error_number(error: Exception, path: Path) -> int | None:
    for link in (error, error.__cause__):
        if isinstance(link, OSError):
            return link.errno
    told = re.search(r"\(os error (\d+)\)", str(error))
    if told:
        return int(told[1])
    folder = next((parent for parent in path.parents if parent.is_dir()), path.parent)
    return errno.ENOSPC if folder.is_dir() and shutil.disk_usage(folder).free < _LEAST_FREE_BYTES else None


@contextmanager
def written_aside(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path` that replaces it when the block ends well.

    The data reach the disk before the rename, so that after a crash `path` holds either the old content or
    the new one. The temporary name keeps the suffix of `path`, which audio writers read.

    Raises:
        StorageError: The folder is not writable or the disk is full; `path` is left as it was.
    """
    aside = path.with_name(f".{path.stem}.{os.getpid()}.partial{path.suffix}")
    try:
        with storage_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            yield aside
            with aside.open("rb") as stream:
                os.fsync(stream.fileno())
            aside.replace(path)
    finally:
        with suppress(NotADirectoryError):
            aside.unlink(missing_ok=True)


@contextmanager
def folder_written_aside(folder: Path) -> Iterator[Path]:
    """Give an empty folder beside `folder` that replaces it when the block ends well.

    Raises:
        StorageError: The parent is not writable or the disk is full; `folder` is left as it was.
    """
    aside = folder.with_name(f".{folder.name}.{os.getpid()}.partial")
    replaced = folder.with_name(f".{folder.name}.{os.getpid()}.replaced")
    try:
        with storage_errors(folder):
            shutil.rmtree(aside, ignore_errors=True)
            aside.mkdir(parents=True)
            yield aside
            if folder.exists():
                folder.replace(replaced)
            aside.replace(folder)
    finally:
        if replaced.exists() and not folder.exists():
            replaced.replace(folder)
        for leftover in (aside, replaced):
            shutil.rmtree(leftover, ignore_errors=True)


def require_writable(path: Path) -> None:
    """Find out before any work whether a file or folder could be made.

    Raises:
        StorageError: The nearest folder above that exists is not writable, or is a file.
    """
    folder = path.parent
    while not folder.exists():
        folder = folder.parent
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        raise StorageError("the folder cannot be written to", file=folder, expected=f"room for {path}")


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8 so that `path` is never half written."""
    with written_aside(path) as aside:
        aside.write_text(text, encoding="utf-8")


def file_digest(path: Path) -> str:
    """SHA-256 of the content of a file, as hexadecimal text."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def tree_digest(folder: Path, pattern: str = "**/*") -> str:
    """Digest of a folder by relative name, size and modification time of its files.

    It reads no file, so that it stays quick on a data set of many gigabytes. Hidden files (what is being
    written aside, side files, what file managers leave) do not count.
    """
    digest = hashlib.sha256()
    for path in sorted(folder.glob(pattern)):
        if path.is_file() and not path.name.startswith("."):
            status = path.stat()
            digest.update(f"{path.relative_to(folder)}|{status.st_size}|{status.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def files_digest(files: Iterable[Path], folder: Path) -> str:
    """Digest of some files by name relative to `folder`, size and modification time; none of them is read."""
    digest = hashlib.sha256()
    for path in files:
        name = os.path.relpath(path, folder)
        if path.is_file():
            status = path.stat()
            digest.update(f"{name}|{status.st_size}|{status.st_mtime_ns}\n".encode())
        else:
            digest.update(f"{name}|missing\n".encode())
    return digest.hexdigest()
