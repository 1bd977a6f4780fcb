"""Read loose recordings of sources that belong to no common song: `<source>/<anything>.wav`."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np

from sep_pipeline.data.layouts.assembly import StemFile, part_of
from sep_pipeline.data.layouts.names import label_of
from sep_pipeline.data.layouts.shapes import seen_as
from sep_pipeline.data.layouts.source import Reading, Refusal, SourceTrack
from sep_pipeline.data.layouts.stem_folders import stray
from sep_pipeline.data.layouts.trees import Folder, Tree, list_tree, unknown
from sep_pipeline.errors import ConfigurationError, NoInputError


@dataclass(frozen=True, kw_only=True)
class Remixpacks:
    """Source folders with recordings that are not aligned, such as loops of snare, kick and cymbals.

    Every file is a track of one part, called "<source> - <file>". A tree below split folders keeps its
    splits. Otherwise, with sources and file names sorted, one generator (`numpy.random.RandomState`, whose
    stream is the same in all versions) draws for each source in turn floor(n · share) of its n files without
    replacement for training; the rest is for test.

    Attributes:
        train_share: Share of the files of each source for training, between 0 and 1.
        seed: Seed of the generator.
    """

    name: ClassVar[str] = "remixpacks"
    pattern: ClassVar[str] = "<source>/<anything>.wav"

    train_share: float = 2 / 3
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse a share or a seed of the wrong kind or size."""
        if not _is_number(self.train_share, (int, float)) or not 0 < self.train_share < 1:
            raise _wrong("train_share", "a number between 0 and 1", self.train_share)
        if not _is_number(self.seed, (int,)) or not 0 <= self.seed < 2**32:
            raise _wrong("seed", "a whole number from 0 to 2³² - 1", self.seed)

    def recognise(self, root: Path) -> str | None:
        """Say which sources were seen; None if the tree does not look like loose recordings."""
        return seen_as(self.name, root)

    def read(self, root: Path) -> Reading:
        """Read every recording and give it a split.

        Raises:
            NoInputError: No folder has an audio file.
        """
        tree = list_tree(root)
        refusals = [*tree.refusals, *(refusal for _, base in tree.bases for refusal in stray(base))]
        tracks = _with_unique_names(_tracks(tree, refusals))
        if not tracks:
            raise NoInputError("no source folder with recordings was found", file=root, expected=self.pattern)
        if all(track.split is None for track in tracks):
            tracks = self._divided(tracks)
        sources = tuple(sorted({track.parts[0].label for track in tracks}))
        return Reading(
            layout=self.name,
            tracks=tuple(sorted(tracks, key=lambda track: (track.split or "", track.track_id))),
            labels=sources,
            default_stems=sources,
            refusals=tuple(refusals),
            are_aligned=False,
        )

    def _divided(self, tracks: Sequence[SourceTrack]) -> list[SourceTrack]:
        random = np.random.RandomState(self.seed)
        divided = []
        for source in sorted({track.parts[0].key for track in tracks}):
            members = [track for track in tracks if track.parts[0].key == source]
            # A share such as 0.29 of 100 files is a hair below 29 in floating point.
            num_train = math.floor(len(members) * self.train_share + 1e-9)
            chosen = set(random.choice(len(members), num_train, replace=False).tolist())
            divided += [
                replace(track, split="train" if place in chosen else "test")
                for place, track in enumerate(members)
            ]
        return divided


def _is_number(value: object, kinds: tuple[type, ...]) -> bool:
    return isinstance(value, kinds) and not isinstance(value, bool)


def _wrong(option: str, expected: str, found: object) -> ConfigurationError:
    return ConfigurationError(
        "an option of the layout remixpacks does not fit",
        parameter=f"layout_options.{option}",
        expected=expected,
        found=found,
    )


def _tracks(tree: Tree, refusals: list[Refusal]) -> list[SourceTrack]:
    tracks = []
    for split, base in tree.bases:
        for folder in base.folders:
            if label_of(folder.name):
                tracks += [_track(split, folder, path) for path in folder.audio]
            else:
                refusals.append(unknown(folder.path, "the name has neither a letter nor a digit"))
    return tracks


def _track(split: str | None, folder: Folder, path: Path) -> SourceTrack:
    part = part_of(StemFile(key=folder.name, label=label_of(folder.name), path=path))
    return SourceTrack(track_id=f"{folder.name} - {path.stem}", folder=path, split=split, parts=(part,))


def _with_unique_names(tracks: Sequence[SourceTrack]) -> list[SourceTrack]:
    """Name files with suffix, and then with their split, where names would come twice."""
    with_suffix = _renamed(tracks, lambda track: f"{track.parts[0].key} - {track.folder.name}")
    return _renamed(with_suffix, lambda track: f"{track.track_id} ({track.folder.parent.parent.name})")


def _renamed(tracks: Sequence[SourceTrack], name: Callable[[SourceTrack], str]) -> list[SourceTrack]:
    counts = Counter(track.track_id for track in tracks)
    return [replace(track, track_id=name(track)) if counts[track.track_id] > 1 else track for track in tracks]
