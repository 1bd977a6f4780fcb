"""Read one's own stems, one folder per track: `<track>/<stem>.wav`, or `<artist>/<track>/<stem>.wav`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from sep_pipeline.data.layouts.assembly import StemFile, TrackFiles, assemble
from sep_pipeline.data.layouts.names import Named, labels_of
from sep_pipeline.data.layouts.shapes import seen_as
from sep_pipeline.data.layouts.source import Reading, Refusal
from sep_pipeline.data.layouts.trees import Folder, empty, list_tree, misplaced, strangers_in


@dataclass(frozen=True, kw_only=True)
class TrackFolders:
    """Track folders with one audio file per stem, below split folders or not.

    A stem's key is its file name without suffix, its label the same as a stem name (see `label_of`), without
    the track's name or a number in front where all files have one (see `labels_of`). A folder without audio
    files of its own is an artist's: the folders in it are tracks called "<artist> - <track>". Files in a folder
    `stems` of the track are read as if they lay beside it.
    """

    name: ClassVar[str] = "track_folders"
    pattern: ClassVar[str] = "<track>/<stem>.wav"

    def recognise(self, root: Path) -> str | None:
        """Say which names were seen; None if the tree does not look like track folders."""
        return seen_as(self.name, root)

    def read(self, root: Path) -> Reading:
        """Read every track folder.

        Raises:
            NoInputError: No folder has an audio file that could be a stem.
        """
        tree = list_tree(root)
        refusals = [*tree.refusals]
        found: list[tuple[str | None, str, Folder]] = []
        for split, base in tree.bases:
            found += [(split, track_id, folder) for track_id, folder in _tracks(base)]
            refusals += _refusals(base)
        return assemble(self, root, _with_labels(found), refusals)


def _tracks(base: Folder) -> Iterator[tuple[str, Folder]]:
    for folder in base.folders:
        if folder.audio:
            yield folder.name, folder
        else:
            for inner in folder.folders:
                if inner.audio:
                    yield f"{folder.name} - {inner.name}", inner


def _refusals(base: Folder) -> Iterator[Refusal]:
    if not base.has_audio:
        yield empty(base)
    yield from misplaced(base, files=True)
    yield from strangers_in((base, *base.folders))
    for folder in base.folders:
        inner = () if folder.audio else folder.folders
        yield from strangers_in(inner)
        if folder.audio:
            yield from misplaced(folder, folders=True)
        elif not inner:
            yield empty(folder)
        for track in inner:
            yield from misplaced(track, folders=True) if track.audio else (empty(track),)


def _with_labels(found: Sequence[tuple[str | None, str, Folder]]) -> list[TrackFiles]:
    named = [Named(track=folder.name, name=path.stem) for _, _, folder in found for path in folder.audio]
    labels = iter(labels_of(named))
    return [
        TrackFiles(
            track_id=track_id,
            folder=folder.path,
            split=split,
            files=tuple(StemFile(key=path.stem, label=next(labels), path=path) for path in folder.audio),
        )
        for split, track_id, folder in found
    ]
