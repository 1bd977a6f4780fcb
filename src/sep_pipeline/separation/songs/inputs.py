"""Which songs are separated: named files, and everything that sounds in named folders."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from sep_pipeline.audio.containers import CONTAINER_SUFFIXES
from sep_pipeline.data.layouts.source import AUDIO_SUFFIXES
from sep_pipeline.errors import ConfigurationError, NoInputError

_FURTHER_SUFFIXES = (".aifc", ".au", ".caf", ".mka", ".mp2", ".oga", ".opus", ".w64", ".webm", ".wma", ".wv")
SONG_SUFFIXES = frozenset((*AUDIO_SUFFIXES, *CONTAINER_SUFFIXES, *_FURTHER_SUFFIXES))
"""Endings by which songs in folders are known; a file that is named itself may have any."""


def find_songs(sources: Sequence[Path], output: Path) -> dict[str, Path]:
    """Songs by track: a file's name without its ending, below a folder with the folders on the way to it.

    Hidden files, and the output folder where it lies inside a source, are left out.

    Args:
        sources: Files and folders.
        output: Where stems will go.

    Raises:
        NoInputError: A source does not exist, or a folder has no song.
        ConfigurationError: Two songs would be the same track, or stems would go among the songs of a folder.
    """
    songs: dict[str, Path] = {}
    for source in sources:
        if not source.exists():
            raise NoInputError("there is no such file or folder", file=source)
        for track, path in _below(source, output) if source.is_dir() else [(source.stem, source)]:
            other = songs.setdefault(track, path)
            if other != path:
                raise ConfigurationError(
                    "two songs have the same name", file=path, expected="one call for each", found=other
                )
    return songs


def _below(folder: Path, output: Path) -> Iterator[tuple[str, Path]]:
    if output.resolve() == folder.resolve():
        raise ConfigurationError(
            "the stems would go among the songs", parameter="output", expected="another folder", found=output
        )
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SONG_SUFFIXES)
    found = [path for path in paths if _is_song(path, folder, output)]
    if not found:
        raise NoInputError(
            "the folder has no song", file=folder, expected=", ".join(sorted(SONG_SUFFIXES)), found="none"
        )
    for path in found:
        yield path.relative_to(folder).with_suffix("").as_posix(), path


def _is_song(path: Path, folder: Path, output: Path) -> bool:
    is_hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
    return path.is_file() and not is_hidden and not path.resolve().is_relative_to(output.resolve())
