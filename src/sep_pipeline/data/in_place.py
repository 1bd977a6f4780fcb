"""Measure one track of a MUSDB18-HQ tree where it lies; nothing is copied or changed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sep_pipeline.audio.io import read_audio
from sep_pipeline.data.checks import FaultLog, check_signal, check_sum
from sep_pipeline.data.manifest import MIXTURE, measured_row
from sep_pipeline.data.musdb_hq import STEMS, MusdbTrack
from sep_pipeline.data.records import TrackRecord, read_record, write_record
from sep_pipeline.data.store_config import StoreConfig
from sep_pipeline.errors import UnreadableFileError
from sep_pipeline.files import tree_digest

RECORDS_FOLDER = "measured"
FORMAT_VERSION = "1"

Signal = npt.NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class MeasuringJob:
    """One track to measure.

    Attributes:
        track: The source.
        set_name: Data set.
        store_folder: Folder of the manifest, where records of finished tracks are kept.
        config: Parameters of ingestion.
    """

    track: MusdbTrack
    set_name: str
    store_folder: Path
    config: StoreConfig

    @property
    def record(self) -> Path:
        """The record of the finished track."""
        place = Path(RECORDS_FOLDER) / self.track.folder.parent.name / f"{self.track.track_id}.json"
        return self.store_folder / place


def measure_track(job: MeasuringJob) -> TrackRecord:
    """Check and measure the files of one track, unless that was done with the same files before.

    Raises:
        DataError: A fault whose rule is "stop".
        StorageError: The folder of the manifest is not writable.
    """
    parts = (
        FORMAT_VERSION,
        tree_digest(job.track.folder),
        job.config.digest(),
        job.set_name,
        job.track.split,
    )
    digest = hashlib.sha256("|".join((*parts, str(job.track.folder.resolve()))).encode()).hexdigest()
    record = read_record(job.record, digest)
    if record is not None:
        return record
    log = FaultLog(job.set_name, job.track.track_id, job.config.rules())
    signals = _read(job, log)
    _check(signals, job, log)
    rows = [] if log.is_dropped else [_row(stem, audio, rate, job) for stem, (audio, rate) in signals.items()]
    record = TrackRecord(digest=digest, rows=rows, faults=log.faults)
    write_record(job.record, record)
    return record


def _read(job: MeasuringJob, log: FaultLog) -> dict[str, tuple[Signal, int]]:
    signals = {}
    for stem, path in job.track.paths.items():
        if not path.is_file():
            log.note("missing_stem", "its audio file is missing", file=path, stem=stem)
            continue
        try:
            signals[stem] = read_audio(path)
        except UnreadableFileError as error:
            log.note("unreadable", str(error), file=path, stem=stem)
    return signals


def _check(signals: dict[str, tuple[Signal, int]], job: MeasuringJob, log: FaultLog) -> None:
    config, paths = job.config, job.track.paths
    for stem, (audio, rate) in signals.items():
        if rate != config.sample_rate:
            log.note("rate_mismatch", f"{rate} Hz, not {config.sample_rate} Hz", file=paths[stem], stem=stem)
        if audio.shape[0] != config.channels:
            reason = f"{audio.shape[0]} channels, not {config.channels}"
            log.note("channel_mismatch", reason, file=paths[stem], stem=stem)
        check_signal(log, audio, rate, file=paths[stem], stem=stem)
    lengths = {audio.shape[1] for audio, _ in signals.values()}
    if len(lengths) > 1:
        log.note("length_mismatch", f"{min(lengths)} to {max(lengths)} frames", file=job.track.folder)
    seconds = min(lengths, default=0) / config.sample_rate
    if seconds == 0 or seconds < config.min_seconds:
        log.note("too_short", f"{seconds:.2f} s, less than {config.min_seconds} s", file=job.track.folder)
    is_whole = set(STEMS) <= set(signals) and MIXTURE in signals
    if is_whole and len(lengths) == 1 and len({audio.shape[0] for audio, _ in signals.values()}) == 1:
        total: Signal = np.stack([signals[stem][0] for stem in STEMS]).sum(axis=0)
        check_sum(log, signals[MIXTURE][0], total, file=paths[MIXTURE], is_repaired=False)


def _row(stem: str, audio: Signal, rate: int, job: MeasuringJob) -> dict[str, object]:
    return measured_row(
        audio,
        sample_rate=rate,
        set_name=job.set_name,
        split=job.track.split,
        track_id=job.track.track_id,
        stem=stem,
        path=str(job.track.paths[stem].resolve()),
        provenance={"layout": "musdb_hq"},
    )
