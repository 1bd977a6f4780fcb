"""Read trees in the layout of MUSDB18-HQ: one folder of WAV files per track, in `train` and `test`."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from sep_pipeline.data.layouts.musdb_lists import (
    MIXTURE,
    SPLIT_FOLDERS,
    STEMS,
    errata,
    log_counts,
    published_validation_tracks,
    split_of,
)
from sep_pipeline.data.layouts.source import Part, Reading, Refusal, SourceTrack
from sep_pipeline.data.layouts.trees import list_tree
from sep_pipeline.errors import NoInputError

PUBLISHED_FILES = frozenset(f"{name}.wav" for name in (MIXTURE, *STEMS))


@dataclass(frozen=True, kw_only=True)
class MusdbHq:
    """MUSDB18-HQ, and every tree of the same form with stems of other names.

    Every WAV file beside a mixture is a part, so that own stems may be added. A track that lacks a part which
    others have gets it without a file. The 14 published validation tracks lie in `train` and are told by name.
    """

    name: ClassVar[str] = "musdb_hq"
    pattern: ClassVar[str] = "{train,test}/<track>/{mixture,drums,bass,other,vocals}.wav"

    def recognise(self, root: Path) -> str | None:
        """Say how many track folders were seen; None for a tree with other stems, files or splits.

        Such a tree is read too when the layout is named, and then its files are used in place.
        """
        bases = {base.name: base.folders for _, base in list_tree(root).bases}
        names = {file.name for folders in bases.values() for track in folders for file in track.audio}
        if names != PUBLISHED_FILES or not set(bases) <= set(SPLIT_FOLDERS):
            return None
        counts = [f"{len(bases[split])} of {split}" for split in SPLIT_FOLDERS if split in bases]
        return f"mixture and the usual four stems, track folders: {', '.join(counts)}"

    def read(self, root: Path) -> Reading:
        """Read every track folder.

        Raises:
            NoInputError: No folder has a WAV file that could be a stem.
        """
        files = {folder: _wav_files(folder) for split in SPLIT_FOLDERS for folder in _folders(root / split)}
        labels = _labels(name for found in files.values() for name in found)
        if not labels:
            raise NoInputError("no track in MUSDB18-HQ's layout was found", file=root, expected=self.pattern)
        validation = published_validation_tracks()
        tracks = tuple(_track(folder, found, labels, validation) for folder, found in files.items() if found)
        log_counts(root, (track.split for track in tracks))
        return Reading(
            layout=self.name,
            tracks=tracks,
            labels=labels,
            default_stems=STEMS if set(STEMS) <= set(labels) else labels,
            refusals=tuple(_empty(folder) for folder, found in files.items() if not found),
        )


def _folders(parent: Path) -> list[Path]:
    if not parent.is_dir():
        return []
    return sorted(path for path in parent.iterdir() if path.is_dir() and not path.name.startswith("."))


def _wav_files(folder: Path) -> dict[str, Path]:
    return {
        path.stem: path
        for path in sorted(folder.iterdir())
        if path.suffix.lower() == ".wav" and not path.name.startswith(".") and path.is_file()
    }


def _labels(names: Iterable[str]) -> tuple[str, ...]:
    """The usual four first and in their order, then others by name."""
    found = set(names) - {MIXTURE}
    return (*(name for name in STEMS if name in found), *sorted(found.difference(STEMS)))


def _track(
    folder: Path, found: dict[str, Path], labels: tuple[str, ...], validation_tracks: Collection[str]
) -> SourceTrack:
    mixture = Part(key=MIXTURE, label=MIXTURE, path=found[MIXTURE]) if MIXTURE in found else None
    return SourceTrack(
        track_id=folder.name,
        folder=folder,
        split=split_of(folder.name, folder.parent.name, validation_tracks),
        parts=tuple(Part(key=label, label=label, path=found.get(label)) for label in labels),
        mixture=mixture,
        defects=errata(folder.name),
    )


def _empty(folder: Path) -> Refusal:
    return Refusal(
        kind="empty_folder", reason="the track folder has no WAV file", file=folder, track=folder.name
    )
