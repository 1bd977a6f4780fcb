"""Read trees in the layout of MUSDB18: one `.stem.mp4` file of five audio streams per track."""

from __future__ import annotations

from collections.abc import Collection
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
from sep_pipeline.errors import NoInputError

SUFFIX = ".stem.mp4"


@dataclass(frozen=True, kw_only=True)
class Musdb18:
    """MUSDB18 as published in stems format, and its preview of 7 s excerpts, which has the same form.

    Streams are the mixture, drums, bass, other and vocals, from 0. They are coded with loss, one by one: their
    band ends at about 16 kHz and the sum of the stems is not the mixture. The 14 published validation tracks
    lie in `train` and are told by name.
    """

    name: ClassVar[str] = "musdb18"
    pattern: ClassVar[str] = (
        "{train,test}/<track>.stem.mp4 (five audio streams: mixture, drums, bass, other, vocals)"
    )

    def recognise(self, root: Path) -> str | None:
        """Say how many stem files were seen; None if there is none."""
        counts = [sum(_is_stem_file(path) for path in _files(root / split)) for split in SPLIT_FOLDERS]
        return f"{counts[0]} {SUFFIX} files in train and {counts[1]} in test" if any(counts) else None

    def read(self, root: Path) -> Reading:
        """List every stem file; none is opened.

        Raises:
            NoInputError: There is none.
        """
        files = [path for split in SPLIT_FOLDERS for path in _files(root / split)]
        validation = published_validation_tracks()
        tracks = tuple(_track(path, validation) for path in files if _is_stem_file(path))
        if not tracks:
            raise NoInputError("no track in MUSDB18's layout was found", file=root, expected=self.pattern)
        log_counts(root, (track.split for track in tracks))
        return Reading(
            layout=self.name,
            tracks=tracks,
            labels=STEMS,
            default_stems=STEMS,
            refusals=tuple(_unknown(path) for path in files if not _is_stem_file(path)),
        )


def _files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))


def _is_stem_file(path: Path) -> bool:
    return path.name.endswith(SUFFIX)


def _track(path: Path, validation_tracks: Collection[str]) -> SourceTrack:
    track_id = path.name.removesuffix(SUFFIX)
    return SourceTrack(
        track_id=track_id,
        folder=path,
        split=split_of(track_id, path.parent.name, validation_tracks),
        parts=tuple(
            Part(key=stem, label=stem, path=path, stream=number) for number, stem in enumerate(STEMS, start=1)
        ),
        mixture=Part(key=MIXTURE, label=MIXTURE, path=path, stream=0),
        defects=errata(track_id),
    )


def _unknown(path: Path) -> Refusal:
    return Refusal(
        kind="unknown_name", reason=f"the name does not end in {SUFFIX}", file=path, track=path.stem
    )
