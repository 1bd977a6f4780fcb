"""Find the reader for the tree of a data set: by name, or by looking, and then saying what was seen."""

from __future__ import annotations

import difflib
import inspect
import logging
import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

from sep_pipeline.data.layouts.bach10 import Bach10
from sep_pipeline.data.layouts.choirset import ChoirSet
from sep_pipeline.data.layouts.flat_files import FlatFiles
from sep_pipeline.data.layouts.musdb18 import Musdb18
from sep_pipeline.data.layouts.musdb_hq import MusdbHq
from sep_pipeline.data.layouts.remixpacks import Remixpacks
from sep_pipeline.data.layouts.slakh import Slakh
from sep_pipeline.data.layouts.source import Layout, Reading
from sep_pipeline.data.layouts.stem_folders import StemFolders
from sep_pipeline.data.layouts.track_folders import TrackFolders
from sep_pipeline.errors import ConfigurationError, NoInputError

logger = logging.getLogger(__name__)

AUTO = "auto"
MAX_LISTED = 8
MAX_COUNTED = 10_000
SPLITS = ("train", "validation", "test")

LAYOUTS: Mapping[str, Callable[..., Layout]] = MappingProxyType(
    {
        reader.name: reader
        for reader in (
            Musdb18,
            Slakh,
            ChoirSet,
            Bach10,
            MusdbHq,
            StemFolders,
            FlatFiles,
            Remixpacks,
            TrackFolders,
        )
    }
)
"""Readers by name, in the order in which `auto` asks them: published data sets before one's own stems."""


def layout_of(
    root: Path, layout: str = AUTO, options: Mapping[str, object] = MappingProxyType({})
) -> tuple[Layout, str]:
    """Choose the reader of a tree.

    Args:
        root: Folder of the data set.
        layout: Name of a layout, or "auto" for the first that recognises the tree.
        options: Options of the layout's reader.

    Returns:
        The reader, and what was seen of its layout.

    Raises:
        ConfigurationError: The layout or an option is unknown, or an option has a wrong value.
        NoInputError: There is no such folder, or "auto" recognises nothing in it.
    """
    require_layout(layout)
    if not root.is_dir():
        raise NoInputError("there is no such folder", file=root, parameter="root")
    if layout != AUTO:
        reader = _reader(layout, options)
        return reader, reader.recognise(root) or "named, although nothing of it was recognised"
    for name in LAYOUTS:
        seen = LAYOUTS[name]().recognise(root)
        if seen is not None:
            return _reader(name, options), seen
    raise NoInputError(
        "no layout recognises the folder; name one in `layout` if it has one",
        file=root,
        parameter="layout",
        expected="; ".join(f"{name} {make().pattern}" for name, make in LAYOUTS.items()),
        found=_contents(root),
    )


def require_layout(layout: str) -> None:
    """Refuse a name that is neither a layout nor "auto".

    Raises:
        ConfigurationError: It shows the nearest names.
    """
    if layout != AUTO and layout not in LAYOUTS:
        raise _unknown("there is no such layout", "layout", layout, (AUTO, *LAYOUTS))


def read_tree(
    root: Path, layout: str = AUTO, options: Mapping[str, object] = MappingProxyType({})
) -> Reading:
    """Read a tree with the reader that fits it, and log in one line what was found.

    Args:
        root: Folder of the data set.
        layout: Name of a layout, or "auto".
        options: Options of the layout's reader.

    Raises:
        ConfigurationError: The layout or an option is unknown, or an option has a wrong value.
        NoInputError: There is no such folder, nothing is recognised in it, or it has no track.
    """
    reader, seen = layout_of(root, layout, options)
    reading = reader.read(root)
    logger.info("%s: %s; layout %s (%s)", root.name, _summary(reader, reading), reader.name, seen)
    return reading


def _reader(name: str, options: Mapping[str, object]) -> Layout:
    known = tuple(inspect.signature(LAYOUTS[name]).parameters)
    for option in options:
        if option not in known:
            problem = f"the layout {name} has no such option"
            raise _unknown(problem, f"layout_options.{option}", option, known)
    return LAYOUTS[name](**options)


def _unknown(problem: str, parameter: str, found: str, known: Iterable[str]) -> ConfigurationError:
    names = sorted(known)
    nearest = difflib.get_close_matches(found, names, n=3, cutoff=0.5) or names
    expected = f"one of {', '.join(nearest)}" if nearest else "no option"
    return ConfigurationError(problem, parameter=parameter, expected=expected, found=found)


def _summary(reader: Layout, reading: Reading) -> str:
    num_tracks = len(reading.tracks)
    unit = ("track" if reading.are_aligned else "unaligned recording") + "s" * (num_tracks != 1)
    counts = Counter(track.split for track in reading.tracks)
    splits = ", ".join(f"{split} {counts[split]}" for split in SPLITS if counts[split])
    refused = f"; {len(reading.refusals)} not taken" if reading.refusals else ""
    labels = ", ".join(reading.labels)
    found = f"{num_tracks} {unit} as {reader.pattern}: {labels}"
    return f"{found}; {splits or 'no split folders'}{refused}"


def _contents(root: Path) -> str:
    """First entries of a folder, and how many files of which kind lie in and below it."""
    names = sorted(entry.name + "/" * entry.is_dir() for entry in root.iterdir())
    listed = ", ".join(names[:MAX_LISTED]) + (" …" if len(names) > MAX_LISTED else "")
    counts: Counter[str] = Counter()
    for _, _, files in os.walk(root):
        counts.update(os.path.splitext(file)[1].casefold() or "without suffix" for file in files)  # noqa: PTH122
        if counts.total() >= MAX_COUNTED:
            break
    kinds = ", ".join(f"{count} {suffix}" for suffix, count in counts.most_common(MAX_LISTED))
    return f"{listed or 'an empty folder'}{f'; files: {kinds}' if kinds else ''}"
