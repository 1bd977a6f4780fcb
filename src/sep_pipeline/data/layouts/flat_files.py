"""Read one's own stems from one folder: `<track>_<stem>.wav`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from sep_pipeline.data.layouts.assembly import StemFile, TrackFiles, assemble
from sep_pipeline.data.layouts.flat_names import divide
from sep_pipeline.data.layouts.names import Named, labels_of
from sep_pipeline.data.layouts.shapes import seen_as
from sep_pipeline.data.layouts.source import Reading, Refusal
from sep_pipeline.data.layouts.trees import Tree, empty, list_tree, misplaced, strangers_in, unknown


@dataclass(frozen=True, kw_only=True)
class FlatFiles:
    """Files named for track and stem in one folder, or in one for each split.

    Separators are ` - `, `-`, `_` and `.`; where a name has several, what comes again in other files decides
    (see `divide`). A stem's key is the end of the file name, its label the same as a stem name (see
    `label_of`), without a number in front where all have one.
    """

    name: ClassVar[str] = "flat_files"
    pattern: ClassVar[str] = "<track>_<stem>.wav"

    def recognise(self, root: Path) -> str | None:
        """Say which endings were seen; None if the tree does not look like files of tracks and stems."""
        return seen_as(self.name, root)

    def read(self, root: Path) -> Reading:
        """Read every file.

        Raises:
            NoInputError: No file name has a track and a stem.
        """
        tree = list_tree(root)
        files = [(split, path) for split, base in tree.bases for path in base.audio]
        cuts = divide([path.stem for _, path in files], [split for split, _ in files])
        refusals = [*tree.refusals, *_stray(tree)]
        refusals += [_unfit(path) for (_, path), cut in zip(files, cuts, strict=True) if cut is None]
        found = [(*file, cut) for file, cut in zip(files, cuts, strict=True) if cut is not None]
        return assemble(self, root, _tracks(found), refusals)


def _tracks(found: Sequence[tuple[str | None, Path, Named]]) -> list[TrackFiles]:
    labels = labels_of([cut for _, _, cut in found])
    files: dict[tuple[str | None, str], list[StemFile]] = defaultdict(list)
    for (split, path, cut), label in zip(found, labels, strict=True):
        files[split, cut.track].append(StemFile(key=cut.name, label=label, path=path))
    return [
        TrackFiles(track_id=track, folder=stems[0].path, split=split, files=tuple(stems))
        for (split, track), stems in files.items()
    ]


def _unfit(path: Path) -> Refusal:
    return unknown(path, "the name cannot be divided into a track and a stem that other files have too")


def _stray(tree: Tree) -> list[Refusal]:
    bases = [base for _, base in tree.bases]
    refusals = [empty(base) for base in bases if not base.has_audio]
    refusals += [refusal for base in bases for refusal in misplaced(base, folders=True)]
    return [*refusals, *strangers_in(bases)]
