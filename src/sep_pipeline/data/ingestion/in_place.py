"""Measure one track where it lies; nothing is copied or changed."""

from __future__ import annotations

import numpy as np

from sep_pipeline.data.ingestion.checks import Signal, check_signal, check_sum
from sep_pipeline.data.ingestion.faults import FaultLog
from sep_pipeline.data.ingestion.jobs import TrackJob
from sep_pipeline.data.ingestion.reading import DecodedPart, decoded_parts
from sep_pipeline.data.ingestion.records import TrackRecord, write_record
from sep_pipeline.data.manifest import MIXTURE, measured_row


def measure_track(job: TrackJob) -> TrackRecord:
    """Check and measure the files of one track.

    Raises:
        StorageError: The folder of the manifest is not writable.
    """
    log = job.new_log()
    parts = {MIXTURE if part.is_mixture else part.part.label: part for part in decoded_parts(job, log)}
    _check(parts, job, log)
    wanted = {name: part for name, part in parts.items() if name in (MIXTURE, *job.config.stems)}
    ordered = sorted(wanted, key=(MIXTURE, *job.config.stems).index)
    rows = [] if log.is_dropped else [_row(name, wanted[name], job) for name in ordered]
    record = TrackRecord(key=job.key, digest=job.digest(), rows=rows, faults=log.faults)
    write_record(job.record, record)
    return record


def _check(parts: dict[str, DecodedPart], job: TrackJob, log: FaultLog) -> None:
    config, folder = job.config, job.track.folder
    for stem in (MIXTURE, *config.stems):
        if stem not in parts and stem not in {fault.stem for fault in log.faults}:
            log.note("missing_stem", "its audio file is missing", file=folder / f"{stem}.wav", stem=stem)
    for name, part in parts.items():
        file = part.part.path or folder
        if part.sample_rate != config.sample_rate:
            reason = f"{part.sample_rate} Hz, not {config.sample_rate} Hz"
            log.note("rate_mismatch", reason, file=file, stem=name)
        if part.num_channels != config.channels:
            reason = f"{part.num_channels} channels, not {config.channels}"
            log.note("channel_mismatch", reason, file=file, stem=name)
        check_signal(log, part.audio, part.sample_rate, file=file, stem=name)
    _check_lengths(parts, job, log)
    _check_mixture(parts, job, log)


def _check_lengths(parts: dict[str, DecodedPart], job: TrackJob, log: FaultLog) -> None:
    lengths = {part.audio.shape[1] for part in parts.values()}
    if len(lengths) > 1:
        log.note("length_mismatch", f"{min(lengths)} to {max(lengths)} frames", file=job.track.folder)
    seconds = min(lengths, default=0) / job.config.sample_rate
    if seconds == 0 or seconds < job.config.min_seconds:
        reason = f"{seconds:.2f} s, less than {job.config.min_seconds} s"
        log.note("too_short", reason, file=job.track.folder)


def _check_mixture(parts: dict[str, DecodedPart], job: TrackJob, log: FaultLog) -> None:
    """Compare the mixture with the sum of all parts, where all of them are there and of one shape."""
    stems = [part for part in parts.values() if not part.is_mixture]
    mixture = parts.get(MIXTURE)
    shapes = {part.audio.shape for part in parts.values()}
    if mixture is None or mixture.part.path is None or len(shapes) != 1:
        return
    if len(stems) == len(job.track.parts):
        total: Signal = np.stack([part.audio for part in stems]).sum(axis=0)
        check_sum(log, mixture.audio, total, file=mixture.part.path, is_repaired=False)


def _row(stem: str, part: DecodedPart, job: TrackJob) -> dict[str, object]:
    assert part.part.path is not None
    return measured_row(
        part.audio,
        sample_rate=part.sample_rate,
        set_name=job.set_name,
        split=job.split,
        track_id=job.track.track_id,
        stem=stem,
        path=str(part.part.path.resolve()),
        provenance={**job.track.provenance, "layout": job.layout},
    )
