"""List the tree of a data set: split folders, folders, audio files, and what is neither; opens no file."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from sep_pipeline.data.layouts.source import AUDIO_SUFFIXES, Refusal
from sep_pipeline.errors import NoInputError

SPLIT_OF_FOLDER = {
    "train": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "dev": "validation",
    "test": "test",
}
DEPTH_BELOW_SPLIT = 3
STEMS_FOLDER = "stems"

_AUDIO = frozenset(AUDIO_SUFFIXES)
_DOCUMENTS = frozenset({".txt", ".md", ".rst", ".html", ".pdf", ".log", ".nfo"})
_IMAGES = frozenset({".png", ".jpg", ".jpeg", ".gif"})
_METADATA = frozenset({".json", ".csv", ".tsv", ".yaml", ".yml", ".xml", ".mid", ".midi"})
_COMPANION_SUFFIXES = _DOCUMENTS | _IMAGES | _METADATA
_COMPANION_NAMES = frozenset({"thumbs.db", "desktop.ini", "__macosx", "readme", "license", "licence"})


@dataclass(frozen=True, kw_only=True)
class Folder:
    """What lies in a folder, by name; hidden entries and the usual companions of audio are left out.

    Attributes:
        path: The folder.
        folders: Folders in it; their own contents are listed as far down as a layout can reach.
        audio: Audio files, with those of a folder `stems` in it, as some trees have it in every track.
        strangers: Files that are neither audio nor a usual companion.
    """

    path: Path
    folders: tuple[Folder, ...] = ()
    audio: tuple[Path, ...] = ()
    strangers: tuple[Path, ...] = ()

    @property
    def name(self) -> str:
        """Name of the folder."""
        return self.path.name

    @property
    def has_audio(self) -> bool:
        """Whether audio lies in it or in a listed folder below."""
        return bool(self.audio) or any(folder.has_audio for folder in self.folders)


@dataclass(frozen=True, kw_only=True)
class Tree:
    """A data set, as it is or below split folders.

    Attributes:
        root: Its folder.
        bases: Split and folder; one base with the split None where there are no split folders.
        refusals: What lies beside split folders.
    """

    root: Path
    bases: tuple[tuple[str | None, Folder], ...]
    refusals: tuple[Refusal, ...] = field(default=())


def list_tree(root: Path) -> Tree:
    """List a tree.

    Split folders are taken as such if no other folder with audio lies beside them, or if "train" is one of at
    least two; otherwise "Test" is just a name. Their names are compared without regard to capitals.

    Raises:
        NoInputError: There is no such folder.
    """
    if not root.is_dir():
        raise NoInputError("there is no such folder", file=root)
    top = _list_folder(root, depth=DEPTH_BELOW_SPLIT + 1)
    splits = [folder for folder in top.folders if folder.name.casefold() in SPLIT_OF_FOLDER]
    others = [folder for folder in top.folders if folder not in splits and folder.has_audio]
    is_split = bool(splits) if not others else len(splits) > 1 and any(_is_train(folder) for folder in splits)
    if not is_split:
        return Tree(root=root, bases=((None, top),))
    beside = (*(folder.path for folder in others), *top.audio, *top.strangers)
    return Tree(
        root=root,
        bases=tuple((SPLIT_OF_FOLDER[folder.name.casefold()], folder) for folder in splits),
        refusals=tuple(unknown(path, "lies beside the split folders") for path in beside),
    )


def _is_train(folder: Folder) -> bool:
    return folder.name.casefold() == "train"


def _list_folder(path: Path, *, depth: int) -> Folder:
    folders, audio, strangers = [], [], []
    for name, is_folder in _entries(path):
        if is_folder:
            folders.append(_list_folder(path / name, depth=depth - 1) if depth else Folder(path=path / name))
        elif _suffix(name) in _AUDIO:
            audio.append(path / name)
        elif _suffix(name) not in _COMPANION_SUFFIXES:
            strangers.append(path / name)
    inner = [folder for folder in folders if _belongs_to_track(folder, depth)]
    return Folder(
        path=path,
        folders=tuple(folder for folder in folders if folder not in inner),
        audio=tuple(audio + [file for folder in inner for file in folder.audio]),
        strangers=tuple(strangers + [file for folder in inner for file in folder.strangers]),
    )


def _belongs_to_track(folder: Folder, depth: int) -> bool:
    is_below_root = depth <= DEPTH_BELOW_SPLIT
    return is_below_root and folder.name.casefold() == STEMS_FOLDER and not folder.folders


def _entries(path: Path) -> list[tuple[str, bool]]:
    with os.scandir(path) as entries:
        return sorted(
            (entry.name, entry.is_dir())
            for entry in entries
            if not entry.name.startswith(".") and entry.name.casefold() not in _COMPANION_NAMES
        )


def _suffix(name: str) -> str:
    return os.path.splitext(name)[1].casefold()  # noqa: PTH122 - a Path per entry would double the time


def unknown(path: Path, reason: str, *, track: str = "") -> Refusal:
    """A refusal of something that does not fit the layout."""
    return Refusal(kind="unknown_name", reason=reason, file=path, track=track)


def empty(folder: Folder) -> Refusal:
    """A refusal of a folder without audio."""
    reason = f"the folder has no audio file ({' '.join(AUDIO_SUFFIXES)})"
    return Refusal(kind="empty_folder", reason=reason, file=folder.path, track=folder.name)


def strangers_in(folders: Iterable[Folder]) -> Iterator[Refusal]:
    """Refusals of the files that are neither audio nor a usual companion."""
    for folder in folders:
        for path in folder.strangers:
            yield unknown(path, f"not a kind of file that is read ({' '.join(AUDIO_SUFFIXES)})")


def misplaced(folder: Folder, *, files: bool = False, folders: bool = False) -> Iterator[Refusal]:
    """Refusals of audio files or of folders with audio that lie at a level where the layout has none."""
    for path in folder.audio if files else ():
        yield unknown(path, "an audio file at a level where the layout has folders only")
    for inner in folder.folders if folders else ():
        if inner.has_audio:
            yield unknown(inner.path, "a folder with audio at a level where the layout has files only")
