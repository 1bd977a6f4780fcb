"""What is asked of a stem store: its tracks."""

from __future__ import annotations

from pathlib import Path

from sep_pipeline.data.manifest import MANIFEST_NAME, Track, read_manifest, tracks_of
from sep_pipeline.errors import NoInputError


def store_tracks(stem_store: Path, split: str) -> tuple[Track, ...]:
    """Tracks of a split of a stem store, sorted by id.

    Raises:
        NoInputError: There is no store, or the split has no track.
    """
    tracks = tracks_of(read_manifest(stem_store / MANIFEST_NAME), split, root=stem_store)
    if not tracks:
        raise NoInputError(f"the stem store has no {split} track", file=stem_store)
    return tracks
