"""Which tracks are for training, validation and test where the tree of a data set does not say."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sep_pipeline.data.layouts.source import SourceTrack, normalised
from sep_pipeline.data.manifest import SPLITS
from sep_pipeline.errors import ConfigurationError, NoInputError, UnreadableFileError


@dataclass(frozen=True, kw_only=True)
class SplitConfig:
    """How tracks without a split are divided.

    Attributes:
        test_share: Share of the tracks for test.
        validation_share: Share of the tracks for validation; also taken from the training tracks of a tree
            that names training and test but no validation.
        seed: Seed of the draw.
        override: Whether the shares also replace the splits that the tree or the data set names.
        file: CSV list with the columns `track` and `split`, over everything else; tracks that it does not
            name are left as they are.
    """

    test_share: float = 0.1
    validation_share: float = 0.1
    seed: int = 0
    override: bool = False
    file: Path | None = None

    def __post_init__(self) -> None:
        """Refuse shares that leave nothing to train on."""
        shares = (self.test_share, self.validation_share)
        if min(shares) < 0 or sum(shares) >= 1:
            raise ConfigurationError(
                "shares of test and validation must leave tracks for training",
                parameter="splits.test_share, splits.validation_share",
                expected="not negative, together below 1",
                found=shares,
            )


def with_splits(
    tracks: Sequence[SourceTrack], config: SplitConfig, validation_tracks: Collection[str] | None, root: Path
) -> tuple[SourceTrack, ...]:
    """Give every track a split.

    Tracks without one are divided by a seeded draw over their names, so that a track that joins or leaves the
    set moves few others. From two tracks on there is one for test, from three on one for validation.

    Args:
        tracks: Tracks as the reader found them.
        config: Shares, seed and list.
        validation_tracks: Training tracks to hold out, instead of all others; none of the names may be
            missing. None leaves the choice to the tree and the shares.
        root: Folder of the data set, for messages.

    Raises:
        ConfigurationError: A track of `validation_tracks` or of the list is not there.
        NoInputError: The list does not exist.
        UnreadableFileError: The list lacks a column or names another split.
    """
    if config.override:
        tracks = [replace(track, split=None) for track in tracks]
    if config.file is not None:
        tracks = _listed(tracks, config.file)
    tracks = _divided(tracks, config)
    if validation_tracks is not None:
        return _held_out(tracks, validation_tracks, root)
    return _with_validation(tracks, config)


def _divided(tracks: Sequence[SourceTrack], config: SplitConfig) -> list[SourceTrack]:
    loose = _drawn_order([track for track in tracks if track.split is None], config.seed)
    num_test = _share(len(loose), config.test_share, least_tracks=2)
    num_validation = _share(len(loose), config.validation_share, least_tracks=3)
    split_of = {
        id(track): "test"
        if place < num_test
        else "validation"
        if place < num_test + num_validation
        else "train"
        for place, track in enumerate(loose)
    }
    return [track if track.split else replace(track, split=split_of[id(track)]) for track in tracks]


def _with_validation(tracks: Sequence[SourceTrack], config: SplitConfig) -> tuple[SourceTrack, ...]:
    """Hold training tracks out where nothing else did."""
    if any(track.split == "validation" for track in tracks):
        return tuple(tracks)
    training = _drawn_order([track for track in tracks if track.split == "train"], config.seed)
    num_validation = _share(len(training), config.validation_share, least_tracks=2)
    chosen = {id(track) for track in training[:num_validation]}
    return tuple(replace(track, split="validation") if id(track) in chosen else track for track in tracks)


def _share(num_tracks: int, share: float, *, least_tracks: int) -> int:
    return max(1, round(num_tracks * share)) if share > 0 and num_tracks >= least_tracks else 0


def _drawn_order(tracks: Sequence[SourceTrack], seed: int) -> list[SourceTrack]:
    def place(track: SourceTrack) -> str:
        return hashlib.sha256(f"{seed}|{normalised(track.track_id)}".encode()).hexdigest()

    return sorted(tracks, key=place)


def _held_out(tracks: Sequence[SourceTrack], wanted: Collection[str], root: Path) -> tuple[SourceTrack, ...]:
    missing = sorted(set(wanted) - {track.track_id for track in tracks if track.split != "test"})
    if missing:
        raise ConfigurationError(
            "a validation track is not among the training tracks",
            file=root,
            parameter="validation_tracks",
            found=missing[0],
        )
    return tuple(
        track
        if track.split == "test"
        else replace(track, split="validation" if track.track_id in wanted else "train")
        for track in tracks
    )


def _listed(tracks: Sequence[SourceTrack], path: Path) -> list[SourceTrack]:
    split_of = _read_list(path)
    missing = sorted(set(split_of) - {track.track_id for track in tracks})
    if missing:
        raise ConfigurationError(
            "a track of the list of splits is not in the data set",
            file=path,
            parameter="splits.file",
            found=missing[0],
        )
    return [replace(track, split=split_of.get(track.track_id, track.split)) for track in tracks]


def _read_list(path: Path) -> dict[str, str]:
    if not path.is_file():
        raise NoInputError("there is no such list of splits", file=path, parameter="splits.file")
    with path.open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream))
    for number, row in enumerate(rows, start=2):
        if not row.get("track") or row.get("split") not in SPLITS:
            raise UnreadableFileError(
                f"line {number} of the list of splits does not parse",
                file=path,
                expected=f"columns track and split, the latter one of {', '.join(SPLITS)}",
                found=row,
            )
    return {row["track"]: row["split"] for row in rows}
