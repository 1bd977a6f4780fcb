"""Read one's own stems, one folder per stem: `<stem>/<track>.wav`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from sep_pipeline.data.layouts.assembly import StemFile, TrackFiles, assemble
from sep_pipeline.data.layouts.names import Named, labels_of
from sep_pipeline.data.layouts.shapes import seen_as
from sep_pipeline.data.layouts.source import Reading, Refusal, normalised
from sep_pipeline.data.layouts.trees import Folder, Tree, empty, list_tree, misplaced, strangers_in


@dataclass(frozen=True, kw_only=True)
class StemFolders:
    """Stem folders with one audio file per track, below split folders or not.

    Files whose names are equal, apart from capitals, spaces and suffix, make a track; its name is that of the
    first. A stem's key is the folder's name, its label the same as a stem name (see `label_of`), without
    a number in front where all folders have one.
    """

    name: ClassVar[str] = "stem_folders"
    pattern: ClassVar[str] = "<stem>/<track>.wav"

    def recognise(self, root: Path) -> str | None:
        """Say which names were seen; None if the tree does not look like stem folders."""
        return seen_as(self.name, root)

    def read(self, root: Path) -> Reading:
        """Read every stem folder.

        Raises:
            NoInputError: No folder has an audio file that could be a stem.
        """
        tree = list_tree(root)
        labels = _labels(tree)
        tracks = [
            TrackFiles(track_id=files[0].path.stem, folder=files[0].path, split=split, files=tuple(files))
            for split, base in tree.bases
            for files in _by_track(base, labels).values()
        ]
        refusals = [*tree.refusals, *(refusal for _, base in tree.bases for refusal in stray(base))]
        return assemble(self, root, tracks, refusals)


def _labels(tree: Tree) -> dict[str, str]:
    names = sorted({folder.name for _, base in tree.bases for folder in base.folders if folder.audio})
    return dict(zip(names, labels_of([Named(track="", name=name) for name in names]), strict=True))


def _by_track(base: Folder, labels: Mapping[str, str]) -> dict[str, list[StemFile]]:
    files: dict[str, list[StemFile]] = {}
    for folder in base.folders:
        for path in folder.audio:
            file = StemFile(key=folder.name, label=labels[folder.name], path=path)
            files.setdefault(normalised(path.stem), []).append(file)
    return files


def stray(base: Folder) -> Iterator[Refusal]:
    """Refusals of what does not fit one level of folders with audio files."""
    if not base.has_audio:
        yield empty(base)
    yield from misplaced(base, files=True)
    yield from strangers_in((base, *base.folders))
    for folder in base.folders:
        yield from misplaced(folder, folders=True)
        if not folder.has_audio:
            yield empty(folder)
