"""Make the stem store of a data set: read its tree, convert or measure its tracks, list its faults."""

from __future__ import annotations

import logging
import shutil
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from sep_pipeline.audio.io import audio_info
from sep_pipeline.data.ingestion.checks import check_formats, without_duplicates
from sep_pipeline.data.ingestion.config import StoreConfig
from sep_pipeline.data.ingestion.conversion import convert_track
from sep_pipeline.data.ingestion.faults import Fault, FaultLog, fault_frame, stop_if_told
from sep_pipeline.data.ingestion.grouping import Grouping, grouping_of
from sep_pipeline.data.ingestion.in_place import measure_track
from sep_pipeline.data.ingestion.jobs import RECORDS_FOLDER, TrackJob
from sep_pipeline.data.ingestion.records import TrackRecord
from sep_pipeline.data.ingestion.report import REPORT_NAME, report_text
from sep_pipeline.data.ingestion.splits import with_splits
from sep_pipeline.data.layouts.detection import read_tree
from sep_pipeline.data.layouts.source import Reading, SourceTrack, normalised
from sep_pipeline.data.manifest import MANIFEST_NAME, manifest_frame, write_manifest
from sep_pipeline.errors import NoInputError, UnreadableFileError
from sep_pipeline.files import write_text
from sep_pipeline.mapping import map_tracks

if TYPE_CHECKING:
    import pandas

FAULTS_NAME = "faults.csv"
IN_PLACE_LAYOUT = "musdb_hq"

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
    """Make the stem store of a data set and write its tracks.parquet, faults.csv and report.md.

    Tracks are converted to `<store_folder>/{train,test}/<track>/{mixture,<stem>...}.wav`. A MUSDB18-HQ tree
    whose files already are what is wanted is only measured. Finished tracks are left alone while nothing has
    changed, and tracks that the source no longer has are removed.

    Args:
        root: Folder of the data set.
        store_folder: Folder of the store.
        config: Layout, stems and rules.
        set_name: Name of the data set in the manifest.
        validation_tracks: Training tracks to hold out; None leaves the choice to the tree and `config.splits`.
        num_processes: Worker processes; None takes one per core.

    Returns:
        Manifest and fault list, as written.

    Raises:
        NoInputError: `root` has no track of the layout, or every track was dropped.
        DataError: A fault whose rule is "stop", after all faults have been listed; the type belongs to the
            kind of fault.
        ConfigurationError: Stems, grouping, splits or options do not fit what was found.
        StorageError: The store is not writable or the disk is full.
    """
    reading = read_tree(root, config.layout, config.layout_options)
    grouping = grouping_of(config, reading)
    is_in_place = _is_in_place(reading, grouping, config)
    set_log = FaultLog(set_name, "", config.rules(is_in_place=is_in_place))
    tracks = with_splits(reading.tracks, config.splits, validation_tracks, root)
    jobs = [
        TrackJob(
            track=track,
            split=str(track.split),
            layout=reading.layout,
            is_aligned=reading.are_aligned,
            is_in_place=is_in_place,
            set_name=set_name,
            store_folder=store_folder,
            config=config,
            grouping=grouping,
        )
        for track in _without_collisions(tracks, set_log)
    ]
    _note_refusals(reading, set_log)
    _remove_unwanted(store_folder, jobs)
    records = _ingested(jobs, num_processes)
    manifest, faults = _checked(records, jobs, set_log, config, is_in_place=is_in_place)
    fault_list = fault_frame(faults)
    write_text(store_folder / FAULTS_NAME, fault_list.to_csv(index=False))
    report = report_text(reading, manifest, faults, root=root, set_name=set_name)
    write_text(store_folder / REPORT_NAME, report)
    logger.info("%s\n(%s)", report, store_folder / REPORT_NAME)
    stop_if_told(faults, store_folder / FAULTS_NAME)
    if not len(manifest):
        reasons = Counter(fault.kind for fault in faults if fault.action == "dropped")
        raise NoInputError("every track was dropped", file=root, found=dict(reasons))
    write_manifest(manifest, store_folder / MANIFEST_NAME)
    return manifest, fault_list


def _is_in_place(reading: Reading, grouping: Grouping, config: StoreConfig) -> bool:
    """Whether the files themselves can be the store: plain stems of the wanted rate and channels."""
    if (
        reading.layout != IN_PLACE_LAYOUT
        or not grouping.is_plain
        or set(config.stems) != set(grouping.entries)
    ):
        return False
    for track in reading.tracks:
        if track.mixture is not None and track.mixture.path is not None:
            try:
                info = audio_info(track.mixture.path)
            except UnreadableFileError:
                continue
            return (info.sample_rate, info.num_channels) == (config.sample_rate, config.channels)
    return False


def _without_collisions(tracks: Sequence[SourceTrack], log: FaultLog) -> list[SourceTrack]:
    """Note tracks of one store folder whose names differ in spelling only.

    The first is used; under the rule "keep" the others are used too, with a number behind their names.
    """
    groups: dict[tuple[bool, str], list[SourceTrack]] = defaultdict(list)
    for track in tracks:
        groups[track.split == "test", normalised(track.track_id)].append(track)
    kept = []
    for first, *others in groups.values():
        kept.append(first)
        for number, other in enumerate(others, start=2):
            reason = (
                f"{other.track_id} ({other.split}) and {first.track_id} ({first.split}) are the same name"
            )
            if log.note("name_collision", reason, file=other.folder) == "keep":
                kept.append(replace(other, track_id=f"{other.track_id} ({number})"))
    return kept


def _note_refusals(reading: Reading, log: FaultLog) -> None:
    for refusal in reading.refusals:
        reason = f"{refusal.track}: {refusal.reason}" if refusal.track else refusal.reason
        log.note(refusal.kind, reason, file=refusal.file, stem=refusal.stem)


def _remove_unwanted(store_folder: Path, jobs: Sequence[TrackJob]) -> None:
    """Remove what an earlier ingestion wrote for tracks that the source no longer has."""
    wanted = {job.record for job in jobs}
    for record in (store_folder / RECORDS_FOLDER).glob("*/*.json"):
        if record not in wanted:
            shutil.rmtree(store_folder / record.parent.name / record.stem, ignore_errors=True)
            record.unlink()
    for partial in store_folder.glob("*/.*.partial"):
        shutil.rmtree(partial, ignore_errors=True)


def _ingested(jobs: Sequence[TrackJob], num_processes: int | None) -> list[TrackRecord]:
    """Records of all tracks; only those that are not finished are handed to worker processes."""
    found = {job.key: job.finished() for job in jobs}
    open_jobs: Mapping[str, TrackJob] = {job.key: job for job in jobs if found[job.key] is None}
    if open_jobs and len(open_jobs) < len(jobs):
        logger.info("%d of %d tracks are finished already", len(jobs) - len(open_jobs), len(jobs))
    function = measure_track if jobs and jobs[0].is_in_place else convert_track
    new = (
        map_tracks(function, open_jobs, description="ingest", num_processes=num_processes)
        if open_jobs
        else {}
    )
    for key, record in new.items():
        if not record.rows and not open_jobs[key].is_in_place:
            shutil.rmtree(open_jobs[key].folder, ignore_errors=True)
    return [found[job.key] or new[job.key] for job in jobs]


def _checked(
    records: Sequence[TrackRecord],
    jobs: Sequence[TrackJob],
    set_log: FaultLog,
    config: StoreConfig,
    *,
    is_in_place: bool,
) -> tuple[pandas.DataFrame, list[Fault]]:
    """The manifest without what a rule for the whole set drops, and all faults."""
    rules = config.rules(is_in_place=is_in_place)
    formats = {} if is_in_place else check_formats(records, rules, set_name=set_log.set_name)
    faults: list[Fault] = list(set_log.faults)
    rows = []
    for record in records:
        own = [*record.faults, *formats.get(record.key, [])]
        faults += own
        if all(fault.action in ("kept", "repaired") for fault in own):
            rows += record.rows
    job_of = {(job.split, job.track.track_id): job for job in jobs}
    manifest, duplicates = without_duplicates(
        manifest_frame(rows), rules, lambda split, track, stem: job_of[split, track].source_of(stem)
    )
    return manifest, [*faults, *duplicates]
