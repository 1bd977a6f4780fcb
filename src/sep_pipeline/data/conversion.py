"""Turn one track of a Slakh tree into a track folder of the stem store."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sep_pipeline.audio.channels import to_channels
from sep_pipeline.audio.io import read_audio, write_audio
from sep_pipeline.audio.pcm import FULL_SCALE, from_int16, to_int16
from sep_pipeline.audio.resampling import resample
from sep_pipeline.data.checks import FaultLog, check_signal, check_sum
from sep_pipeline.data.manifest import MIXTURE, measured_row
from sep_pipeline.data.records import TrackRecord, read_record, write_record
from sep_pipeline.data.slakh import SlakhTrack
from sep_pipeline.data.store_config import StoreConfig
from sep_pipeline.errors import UnreadableFileError
from sep_pipeline.files import folder_written_aside, tree_digest

RECORD_NAME = ".track.json"
FORMAT_VERSION = "1"

Signal = npt.NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class ConversionJob:
    """One track to convert.

    Attributes:
        track: The source.
        set_name: Data set.
        store_folder: Root of the store.
        config: Parameters of ingestion.
    """

    track: SlakhTrack
    set_name: str
    store_folder: Path
    config: StoreConfig

    @property
    def folder(self) -> Path:
        """The track folder in the store; validation tracks lie in `train`, as in MUSDB18."""
        return self.store_folder / ("test" if self.track.split == "test" else "train") / self.track.track_id


def convert_track(job: ConversionJob) -> TrackRecord:
    """Decode, resample, group, sum and write one track, unless that was done from the same files before.

    Stems are written as 16-bit WAV and the mixture is their exact integer sum. Where it would clip, one
    common gain is applied to the track and noted.

    Raises:
        DataError: A fault whose rule is "stop".
        StorageError: The store is not writable or the disk is full.
    """
    digest = _digest(job)
    record = read_record(job.folder / RECORD_NAME, digest)
    if record is not None:
        return record
    log = FaultLog(job.set_name, job.track.track_id, job.config.rules())
    sums = _summed_stems(job, log)
    if log.is_dropped:
        return TrackRecord(digest=digest, faults=log.faults)
    stems, gain = _quantised(sums, job, log)
    mixture: npt.NDArray[np.int16] = (
        np.stack(list(stems.values())).sum(axis=0, dtype=np.int32).astype(np.int16)
    )
    _compare_mixture(mixture, gain, job, log)
    _check(stems, job, log)
    if log.is_dropped:
        return TrackRecord(digest=digest, faults=log.faults)
    return _written({MIXTURE: mixture, **stems}, job, log, digest)


def _digest(job: ConversionJob) -> str:
    parts = (
        FORMAT_VERSION,
        tree_digest(job.track.folder),
        job.config.digest(),
        job.set_name,
        job.track.split,
    )
    return hashlib.sha256("|".join(parts).encode()).hexdigest()


def _summed_stems(job: ConversionJob, log: FaultLog) -> dict[str, Signal]:
    """Sum of instruments by stem, all of one length; stems without an instrument are noted and silent."""
    config = job.config
    groups: dict[str, list[Signal]] = {stem: [] for stem in config.written_stems()}
    rates: set[int] = set()
    for instrument in job.track.stems:
        if instrument.path is None:
            log.note("missing_stem", "its audio file is missing", file=job.track.folder, stem=instrument.key)
            continue
        decoded = _decoded(instrument.path, instrument.key, log)
        if decoded is not None:
            audio, rate = decoded
            rates.add(rate)
            converted = to_channels(resample(audio, rate, config.sample_rate), config.channels)
            groups[config.stem_of(instrument.inst_class)].append(converted)
    if len(rates) > 1:
        log.note("rate_mismatch", f"rates {sorted(rates)} Hz", file=job.track.folder, is_repaired=True)
    lengths = {audio.shape[1] for members in groups.values() for audio in members}
    if len(lengths) > 1:
        reason = f"{min(lengths)} to {max(lengths)} frames, filled with silence"
        log.note("length_mismatch", reason, file=job.track.folder, is_repaired=True)
    num_frames = max(lengths, default=0)
    if num_frames < max(1.0, config.min_seconds * config.sample_rate):
        reason = f"{num_frames / config.sample_rate:.2f} s, less than {config.min_seconds} s"
        log.note("too_short", reason, file=job.track.folder)
    for stem, members in groups.items():
        if not members and stem in config.stems:
            log.note("missing_stem", "no instrument plays it", file=job.track.folder, stem=stem)
    return {stem: _total(members, (config.channels, num_frames)) for stem, members in groups.items()}


def _decoded(path: Path, stem: str, log: FaultLog) -> tuple[Signal, int] | None:
    try:
        audio, rate = read_audio(path)
    except UnreadableFileError as error:
        log.note("unreadable", str(error), file=path, stem=stem)
        return None
    if not np.isfinite(audio).all():
        log.note(
            "not_finite",
            "some samples are NaN or infinite, set to zero",
            file=path,
            stem=stem,
            is_repaired=True,
        )
        audio = np.nan_to_num(audio, nan=0.0, posinf=0.0, neginf=0.0)
    return audio, rate


def _total(members: list[Signal], shape: tuple[int, int]) -> Signal:
    """Sum of signals, the shorter ones filled with silence; exact for 16-bit samples."""
    total = np.zeros(shape, dtype=np.float32)
    for audio in members:
        total[:, : audio.shape[1]] += audio
    return total


def _quantised(
    sums: dict[str, Signal], job: ConversionJob, log: FaultLog
) -> tuple[dict[str, npt.NDArray[np.int16]], float]:
    """16-bit stems, and the gain that keeps their sum and each of them in range."""
    mixture = np.sum(list(sums.values()), axis=0, dtype=np.float64)
    peak = max(float(np.abs(audio).max(initial=0.0)) for audio in (mixture, *sums.values()))
    room_for_rounding = (FULL_SCALE - 1 - len(sums) / 2) / FULL_SCALE
    is_exact = all(np.array_equal(from_int16(to_int16(audio)), audio) for audio in sums.values())
    limit = (FULL_SCALE - 1) / FULL_SCALE if is_exact else room_for_rounding
    gain = 1.0 if peak <= limit else room_for_rounding / peak
    if gain != 1.0:
        reason = f"peak {peak:.3f}, whole track times {gain:.4f}"
        log.note("clipped", reason, file=job.track.folder, is_repaired=True)
    return {stem: to_int16(audio * np.float32(gain)) for stem, audio in sums.items()}, gain


def _compare_mixture(mixture: npt.NDArray[np.int16], gain: float, job: ConversionJob, log: FaultLog) -> None:
    """Note a mixture file that is not the sum; the store holds the sum, whatever the file says."""
    path = job.track.mixture
    decoded = None if path is None else _decoded(path, MIXTURE, log)
    if path is not None and decoded is not None:
        audio, rate = decoded
        given = to_channels(resample(audio, rate, job.config.sample_rate), job.config.channels)
        check_sum(log, given * np.float32(gain), from_int16(mixture), file=path, is_repaired=True)


def _check(stems: dict[str, npt.NDArray[np.int16]], job: ConversionJob, log: FaultLog) -> None:
    missing = {fault.stem for fault in log.faults if fault.kind == "missing_stem"}
    for stem in job.config.stems:
        if stem not in missing:
            file = job.folder / f"{stem}.wav"
            check_signal(log, from_int16(stems[stem]), job.config.sample_rate, file=file, stem=stem)


def _written(
    signals: dict[str, npt.NDArray[np.int16]], job: ConversionJob, log: FaultLog, digest: str
) -> TrackRecord:
    rows = []
    with folder_written_aside(job.folder) as folder:
        for stem, audio in signals.items():
            write_audio(folder / f"{stem}.wav", audio, job.config.sample_rate)
            rows.append(
                measured_row(
                    from_int16(audio),
                    sample_rate=job.config.sample_rate,
                    set_name=job.set_name,
                    split=job.track.split,
                    track_id=job.track.track_id,
                    stem=stem,
                    path=(job.folder / f"{stem}.wav").relative_to(job.store_folder).as_posix(),
                    provenance=job.track.provenance,
                )
            )
        record = TrackRecord(digest=digest, rows=rows, faults=log.faults)
        write_record(folder / RECORD_NAME, record)
    return record
