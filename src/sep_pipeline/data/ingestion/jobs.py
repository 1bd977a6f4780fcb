"""What ingestion has to do for one track, and when that is already done."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from sep_pipeline.data.ingestion.config import StoreConfig
from sep_pipeline.data.ingestion.faults import FaultLog
from sep_pipeline.data.ingestion.grouping import Grouping
from sep_pipeline.data.ingestion.records import TrackRecord, read_record
from sep_pipeline.data.layouts.source import SourceTrack
from sep_pipeline.data.manifest import MIXTURE
from sep_pipeline.files import files_digest

RECORDS_FOLDER = "measured"
FORMAT_VERSION = "2"


@dataclass(frozen=True, kw_only=True)
class TrackJob:
    """One track to convert, or to measure in place.

    Attributes:
        track: The source.
        split: "train", "validation" or "test".
        layout: Name of the layout it comes from.
        is_aligned: Whether its parts belong together in time.
        is_in_place: Whether its files are used where they lie.
        set_name: Data set.
        store_folder: Root of the store.
        config: Parameters of ingestion.
        grouping: Which parts each stem sums.
    """

    track: SourceTrack
    split: str
    layout: str
    is_aligned: bool
    is_in_place: bool
    set_name: str
    store_folder: Path
    config: StoreConfig
    grouping: Grouping

    @property
    def key(self) -> str:
        """Folder of the store and name; validation tracks lie in `train`, as in MUSDB18."""
        return f"{'test' if self.split == 'test' else 'train'}/{self.track.track_id}"

    @property
    def folder(self) -> Path:
        """The track folder in the store."""
        return self.store_folder / self.key

    @property
    def record(self) -> Path:
        """The record of the finished track."""
        return self.store_folder / RECORDS_FOLDER / f"{self.key}.json"

    def source_of(self, stem: str) -> Path:
        """The first file that a stem or the mixture was made from; the track's folder where there is none."""
        mixture = (self.track.mixture,) if stem == MIXTURE and self.track.mixture else ()
        parts = mixture or tuple(part for part in self.track.parts if self.grouping.stem_of(part) == stem)
        return next((part.path for part in parts if part.path is not None), self.track.folder)

    def new_log(self) -> FaultLog:
        """An empty fault log with the rules of the set."""
        return FaultLog(self.set_name, self.track.track_id, self.config.rules(is_in_place=self.is_in_place))

    def digest(self) -> str:
        """Hash of everything that the result depends on; audio by name, size and time."""
        parts = (
            FORMAT_VERSION,
            files_digest(self.track.files, self.track.folder),
            self.config.digest(),
            repr(self.grouping),
            repr([(part.key, part.label, part.aliases, part.program) for part in self.track.parts]),
            repr(self.track.defects),
            self.layout,
            self.set_name,
            self.split,
            f"{self.is_in_place}",
            str(self.track.folder.resolve()) if self.is_in_place else "",
        )
        return hashlib.sha256("|".join(parts).encode()).hexdigest()

    def finished(self) -> TrackRecord | None:
        """The record of an earlier ingestion, if nothing has changed since."""
        return read_record(self.record, self.digest(), self.store_folder)
