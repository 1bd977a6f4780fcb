"""Tell which of the layouts for one's own stems a tree has, from its names alone."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sep_pipeline.data.layouts.flat_names import divide
from sep_pipeline.data.layouts.names import Named, label_of, labels_of, ordered_labels, share_of_stem_words
from sep_pipeline.data.layouts.source import normalised
from sep_pipeline.data.layouts.trees import Folder, Tree, list_tree

LEAST_SHARE = 0.5
MAX_NAMES = 8


@dataclass(frozen=True, kw_only=True)
class Shape:
    """What a tree looks like.

    Attributes:
        layout: Name of the layout.
        seen: What speaks for it, in a few words.
    """

    layout: str
    seen: str


def seen_as(layout: str, root: Path) -> str | None:
    """What speaks for a layout, or None if another one or none fits the tree."""
    shape = shape_of(list_tree(root)) if root.is_dir() else None
    return shape.seen if shape is not None and shape.layout == layout else None


def shape_of(tree: Tree) -> Shape | None:
    """The layout that fits the names of a tree, or None.

    Where most files lie in no folder, their names decide. With folders, the axis with the more words that
    usually name stems is that of the stems. Where the folders are the stems, files of the same names in them
    are tracks, and files of different names are loose recordings. In doubt folders are tracks, if the names
    of their files come again or usually name stems.
    """
    folders = [folder for _, base in tree.bases for folder in base.folders if folder.has_audio]
    num_loose = sum(len(base.audio) for _, base in tree.bases)
    if num_loose > sum(len(track.audio) for track in opened(folders)):
        return _flat_shape(tree)
    plain = [folder for folder in folders if folder.audio]
    if not folders:
        return None
    if 2 * len(plain) < len(folders):
        return _track_shape(opened(folders))
    return _stem_shape(plain) if _are_stems(plain) else _track_shape(plain)


def opened(folders: Iterable[Folder]) -> list[Folder]:
    """Folders of tracks: those with audio files, and those in a folder that has none itself."""
    return [
        track
        for folder in folders
        for track in ((folder,) if folder.audio else folder.folders)
        if track.audio
    ]


def _are_stems(folders: Sequence[Folder]) -> bool:
    """Whether the folders rather than the files have the names of stems."""
    share = share_of_stem_words(sorted({label_of(folder.name) for folder in folders}))
    labels = labels_of(_named(folders))
    has_repeated = _share_repeated(labels, _places(folders)) > 0
    is_clear = share > share_of_stem_words(labels) or (len(folders) > 1 and not has_repeated)
    return share >= LEAST_SHARE and is_clear


def _named(folders: Iterable[Folder]) -> list[Named]:
    return [Named(track=folder.name, name=path.stem) for folder in folders for path in folder.audio]


def _places(folders: Iterable[Folder]) -> list[Path]:
    return [folder.path for folder in folders for _ in folder.audio]


def _track_shape(folders: Sequence[Folder]) -> Shape | None:
    labels = labels_of(_named(folders))
    is_repeated = len(folders) == 1 or _share_repeated(labels, _places(folders)) > 0
    if not is_repeated and share_of_stem_words(labels) < LEAST_SHARE:
        return None
    return Shape(layout="track_folders", seen=f"{_folders(len(folders))} with files called {_names(labels)}")


def _stem_shape(folders: Sequence[Folder]) -> Shape:
    names = [normalised(path.stem) for folder in folders for path in folder.audio]
    places = [label_of(folder.name) for folder in folders for _ in folder.audio]
    if len(set(places)) > 1 and _share_repeated(names, places) < LEAST_SHARE:
        return _loose_shape(folders)
    seen = f"folders called {_names(places)} with files of the same names in them"
    return Shape(layout="stem_folders", seen=seen)


def _loose_shape(folders: Sequence[Folder]) -> Shape:
    labels = [label_of(folder.name) for folder in folders]
    return Shape(layout="remixpacks", seen=f"folders called {_names(labels)} with files of different names")


def _flat_shape(tree: Tree) -> Shape | None:
    paths = [path for _, base in tree.bases for path in base.audio]
    places = [split for split, base in tree.bases for _ in base.audio]
    divided = [entry for entry in divide([path.stem for path in paths], places) if entry is not None]
    if len(divided) < max(2, LEAST_SHARE * len(paths)):
        return None
    labels = labels_of(divided)
    if len({entry.track for entry in divided}) < 2 and share_of_stem_words(labels) < LEAST_SHARE:
        return None
    return Shape(layout="flat_files", seen=f"{len(divided)} files whose names end in {_names(labels)}")


def _share_repeated(names: Sequence[str], places: Sequence[Hashable]) -> float:
    """Share of the files whose name stands in more than one place."""
    places_of = defaultdict(set)
    for name, place in zip(names, places, strict=True):
        places_of[name].add(place)
    return sum(len(places_of[name]) > 1 for name in names) / len(names) if names else 0.0


def _folders(count: int) -> str:
    return f"{count} folder" + "s" * (count != 1)


def _names(labels: Iterable[str]) -> str:
    """The labels once each, cut short if there are many."""
    names = ordered_labels(Counter(labels))
    return ", ".join(names[:MAX_NAMES]) + (" …" if len(names) > MAX_NAMES else "")
