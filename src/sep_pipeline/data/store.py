"""Ingestion: a data set of any supported layout becomes a stem store with a manifest and a fault list."""

from __future__ import annotations

import logging
import shutil
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from sep_pipeline.data.checks import Fault, fault_frame, without_duplicates
from sep_pipeline.data.conversion import RECORD_NAME, ConversionJob, convert_track
from sep_pipeline.data.in_place import RECORDS_FOLDER, MeasuringJob, measure_track
from sep_pipeline.data.manifest import MANIFEST_NAME, manifest_frame, write_manifest
from sep_pipeline.data.musdb_hq import read_musdb_tree
from sep_pipeline.data.records import TrackRecord
from sep_pipeline.data.slakh import SlakhTrack, read_slakh_tree
from sep_pipeline.data.store_config import Layout, StoreConfig
from sep_pipeline.errors import ConfigurationError, NoInputError, SplitOverlapError
from sep_pipeline.files import write_text
from sep_pipeline.mapping import map_tracks

if TYPE_CHECKING:
    import pandas

__all__ = ["FAULTS_NAME", "Layout", "StoreConfig", "ingest"]

FAULTS_NAME = "faults.csv"

logger = logging.getLogger(__name__)


def ingest(
    root: Path,
    store_folder: Path,
    config: StoreConfig,
    *,
    set_name: str,
    validation_tracks: Collection[str] | None = None,
    num_processes: int | None = None,
) -> tuple[pandas.DataFrame, pandas.DataFrame]:
    """Make the stem store of a data set and write its tracks.parquet and faults.csv.

    A Slakh tree is converted to `<store_folder>/{train,test}/<track>/{mixture,<stem>...}.wav`; finished
    tracks are left alone, and tracks that the source no longer has are removed. A MUSDB18-HQ tree is only
    measured.

    Args:
        root: Folder of the data set.
        store_folder: Folder of the store.
        config: Layout, stems and rules.
        set_name: Name of the data set in the manifest.
        validation_tracks: Training tracks to hold out; None takes the layout's own validation tracks.
        num_processes: Worker processes; None takes one per core.

    Returns:
        Manifest and fault list, as written.

    Raises:
        NoInputError: `root` has no track of the layout, or every track was dropped.
        DataError: A fault whose rule is "stop"; the type belongs to the kind of fault.
        StorageError: The store is not writable or the disk is full.
    """
    if config.layout == "slakh":
        records = _converted(root, store_folder, config, set_name, validation_tracks, num_processes)
    else:
        records = _measured(root, store_folder, config, set_name, validation_tracks, num_processes)
    faults = [fault for record in records for fault in record.faults]
    rows = [row for record in records for row in record.rows]
    if not rows:
        reasons = Counter(fault.kind for fault in faults if fault.action == "dropped")
        raise NoInputError("every track was dropped", file=root, found=dict(reasons))
    manifest, duplicates = without_duplicates(manifest_frame(rows), config.rules())
    fault_list = fault_frame([*faults, *duplicates])
    _log_faults([*faults, *duplicates])
    write_text(store_folder / FAULTS_NAME, fault_list.to_csv(index=False))
    write_manifest(manifest, store_folder / MANIFEST_NAME)
    return manifest, fault_list


def _converted(
    root: Path,
    store_folder: Path,
    config: StoreConfig,
    set_name: str,
    validation_tracks: Collection[str] | None,
    num_processes: int | None,
) -> list[TrackRecord]:
    tracks = read_slakh_tree(root)
    if validation_tracks is not None:
        _refuse_unknown(
            validation_tracks, (track.track_id for track in tracks if track.split != "test"), root
        )
        tracks = tuple(_moved(track, validation_tracks) for track in tracks)
    jobs = [
        ConversionJob(track=track, set_name=set_name, store_folder=store_folder, config=config)
        for track in tracks
    ]
    _refuse_equal_names(jobs, root)
    _remove_unwanted(store_folder, {job.folder for job in jobs})
    records = map_tracks(
        convert_track,
        {f"{job.track.split}/{job.track.track_id}": job for job in jobs},
        description="ingest",
        num_processes=num_processes,
    )
    for job, record in zip(jobs, records.values(), strict=True):
        if not record.rows:
            shutil.rmtree(job.folder, ignore_errors=True)
    return list(records.values())


def _measured(
    root: Path,
    store_folder: Path,
    config: StoreConfig,
    set_name: str,
    validation_tracks: Collection[str] | None,
    num_processes: int | None,
) -> list[TrackRecord]:
    tracks = read_musdb_tree(root, stems=config.stems, validation_tracks=validation_tracks)
    jobs = {
        f"{track.folder.parent.name}/{track.track_id}": MeasuringJob(
            track=track, set_name=set_name, store_folder=store_folder, config=config
        )
        for track in tracks
    }
    wanted = {job.record for job in jobs.values()}
    for record in (store_folder / RECORDS_FOLDER).glob("*/*.json"):
        if record not in wanted:
            record.unlink()
    return list(map_tracks(measure_track, jobs, description="ingest", num_processes=num_processes).values())


def _moved(track: SlakhTrack, validation_tracks: Collection[str]) -> SlakhTrack:
    """The track in the split that the user's choice of validation tracks gives it."""
    if track.split == "test":
        return track
    return replace(track, split="validation" if track.track_id in validation_tracks else "train")


def _refuse_unknown(wanted: Collection[str], present: Iterable[str], root: Path) -> None:
    missing = sorted(set(wanted) - set(present))
    if missing:
        raise ConfigurationError(
            "a validation track is not among the training tracks",
            file=root,
            parameter="validation_tracks",
            found=missing[0],
        )


def _refuse_equal_names(jobs: Iterable[ConversionJob], root: Path) -> None:
    """Training and validation tracks share a folder of the store, so their names must differ."""
    for folder, count in Counter(job.folder for job in jobs).items():
        if count > 1:
            raise SplitOverlapError(
                "training and validation tracks have the same name", file=root, found=folder.name
            )


def _remove_unwanted(store_folder: Path, wanted: set[Path]) -> None:
    for record in store_folder.glob(f"*/*/{RECORD_NAME}"):
        if record.parent not in wanted:
            shutil.rmtree(record.parent)
    for partial in store_folder.glob("*/.*.partial"):
        shutil.rmtree(partial, ignore_errors=True)


def _log_faults(faults: Iterable[Fault]) -> None:
    for (kind, action), count in sorted(Counter((fault.kind, fault.action) for fault in faults).items()):
        logger.warning("%d times %s: %s", count, kind.replace("_", " "), action)
