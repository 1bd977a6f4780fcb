"""The track manifest: one row per track and stem, and the tracks of a split read from it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from sep_pipeline.audio.loudness import frame_rms_db, integrated_loudness, silent_spans
from sep_pipeline.errors import DataError, NoInputError, SplitOverlapError, UnreadableFileError
from sep_pipeline.files import written_aside

if TYPE_CHECKING:
    import pandas

MANIFEST_NAME = "tracks.parquet"
MIXTURE = "mixture"
SPLITS = ("train", "validation", "test")
MANIFEST_COLUMNS = (
    "set",
    "split",
    "track",
    "stem",
    "path",
    "sample_rate",
    "channels",
    "frames",
    "peak",
    "rms",
    "loudness_lufs",
    "silent_spans",
    "content_hash",
    "provenance",
)


@dataclass(frozen=True, kw_only=True)
class Track:
    """One song with its mixture and stems on disk.

    Attributes:
        set_name: Data set it belongs to.
        split: "train", "validation" or "test".
        track_id: Name, unique in its set.
        sample_rate: Hz.
        num_channels: Channels of every file.
        num_frames: Samples per channel of every file.
        paths: "mixture" and every stem name to its audio file.
    """

    set_name: str
    split: str
    track_id: str
    sample_rate: int
    num_channels: int
    num_frames: int
    paths: Mapping[str, Path]

    @property
    def stems(self) -> tuple[str, ...]:
        """Stem names in manifest order, without the mixture."""
        return tuple(name for name in self.paths if name != MIXTURE)

    @property
    def duration_seconds(self) -> float:
        """Length in seconds."""
        return self.num_frames / self.sample_rate


def measured_row(
    audio: npt.NDArray[np.float32],
    *,
    sample_rate: int,
    set_name: str,
    split: str,
    track_id: str,
    stem: str,
    path: str,
    provenance: Mapping[str, object],
) -> dict[str, Any]:
    """Measure one file and give its manifest row.

    Args:
        audio: float32, (channel, time), in [-1, 1].
        sample_rate: Hz.
        set_name: Data set.
        split: "train", "validation" or "test".
        track_id: Name of the track.
        stem: Name of the stem, or "mixture".
        path: The file, relative to the manifest's folder or absolute.
        provenance: Where the audio comes from (MIDI file, sound font, engine, licence).

    Returns:
        A value for each of `MANIFEST_COLUMNS`; silent spans are stretches of 1 s frames under -60 dBFS, and
        the content hash is SHA-256 over the sample values, so that it does not depend on the file format.
    """
    duration_seconds = audio.shape[1] / sample_rate
    spans = silent_spans(frame_rms_db(audio, sample_rate))
    spans = [(start, min(end, duration_seconds)) for start, end in spans]
    return {
        "set": set_name,
        "split": split,
        "track": track_id,
        "stem": stem,
        "path": path,
        "sample_rate": sample_rate,
        "channels": int(audio.shape[0]),
        "frames": int(audio.shape[1]),
        "peak": float(np.abs(audio).max(initial=0.0)),
        "rms": float(np.sqrt(np.square(audio, dtype=np.float64).mean())) if audio.size else 0.0,
        "loudness_lufs": integrated_loudness(audio, sample_rate),
        "silent_spans": json.dumps(spans),
        "content_hash": hashlib.sha256(np.ascontiguousarray(audio, dtype="<f4").tobytes()).hexdigest(),
        "provenance": json.dumps(provenance, sort_keys=True),
    }


def manifest_frame(rows: list[dict[str, Any]]) -> pandas.DataFrame:
    """Put manifest rows into a frame with the fixed columns, by set, split and track."""
    import pandas

    frame = pandas.DataFrame(rows, columns=list(MANIFEST_COLUMNS))
    return frame.sort_values(["set", "split", "track"], kind="stable", ignore_index=True)


def write_manifest(manifest: pandas.DataFrame, path: Path) -> None:
    """Write a manifest as parquet so that `path` is never half written."""
    with written_aside(path) as aside:
        manifest.to_parquet(aside, index=False)


def read_manifest(path: Path) -> pandas.DataFrame:
    """Read a manifest written by `write_manifest`.

    Raises:
        NoInputError: The file does not exist.
        UnreadableFileError: The file is no manifest.
    """
    import pandas

    if not path.is_file():
        raise NoInputError("there is no track manifest; run the ingest pipeline first", file=path)
    try:
        manifest = pandas.read_parquet(path)
    except (OSError, ValueError) as error:
        raise UnreadableFileError("the track manifest does not parse", file=path, found=str(error)) from error
    missing = [column for column in MANIFEST_COLUMNS if column not in manifest.columns]
    if missing:
        raise UnreadableFileError("the track manifest lacks columns", file=path, expected=missing)
    return manifest


def tracks_of(manifest: pandas.DataFrame, split: str, *, root: Path | None = None) -> tuple[Track, ...]:
    """Give the tracks of one split, ordered by track id.

    Args:
        manifest: Rows with `MANIFEST_COLUMNS`.
        split: "train", "validation" or "test".
        root: Folder of the manifest, against which its relative paths are resolved; None leaves them as
            they are.

    Returns:
        The tracks; empty when the split has none.

    Raises:
        DataError: `split` is not one of the three names.
    """
    if split not in SPLITS:
        raise DataError("there is no such split", expected=", ".join(SPLITS), found=split)
    rows = manifest[manifest["split"] == split]
    tracks = []
    for (set_name, track_id), track_rows in rows.groupby(["set", "track"], sort=True):
        first = track_rows.iloc[0]
        paths = {
            stem: Path(path) if root is None else root / path
            for stem, path in zip(track_rows["stem"], track_rows["path"], strict=True)
        }
        tracks.append(
            Track(
                set_name=str(set_name),
                split=split,
                track_id=str(track_id),
                sample_rate=int(first["sample_rate"]),
                num_channels=int(first["channels"]),
                num_frames=int(track_rows["frames"].min()),
                paths=paths,
            )
        )
    return tuple(sorted(tracks, key=lambda track: track.track_id))


def overlapping_rows(manifest: pandas.DataFrame) -> pandas.DataFrame:
    """Rows whose audio, silence aside, also stands in another split, ordered by content hash."""
    sounding = manifest[manifest["peak"] > 0]
    num_splits = sounding.groupby("content_hash")["split"].transform("nunique")
    return sounding[num_splits > 1].sort_values(["content_hash", "split", "track"])


def check_disjoint(manifest: pandas.DataFrame) -> None:
    """Refuse a manifest in which the same audio stands in two splits.

    Raises:
        SplitOverlapError: Names the first such track of each split.
    """
    rows = overlapping_rows(manifest)
    if len(rows):
        first = rows[rows["content_hash"] == rows["content_hash"].iloc[0]]
        found = "; ".join(f"{row.split}/{row.track}/{row.stem}" for row in first.itertuples())
        raise SplitOverlapError(
            "the same audio stands in two splits", file=first["path"].iloc[0], found=found
        )
