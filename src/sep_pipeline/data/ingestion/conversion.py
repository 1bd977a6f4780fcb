"""Turn one track of any data set into a track folder of the stem store."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sep_pipeline.audio.channels import to_channels
from sep_pipeline.audio.io import write_audio
from sep_pipeline.audio.pcm import FULL_SCALE, from_int16, to_int16
from sep_pipeline.audio.resampling import resample
from sep_pipeline.data.ingestion.checks import Signal, check_signal, check_sum
from sep_pipeline.data.ingestion.faults import FaultLog
from sep_pipeline.data.ingestion.jobs import TrackJob
from sep_pipeline.data.ingestion.reading import DecodedPart, decoded_parts, note_mixed_formats
from sep_pipeline.data.ingestion.records import TrackRecord, write_record
from sep_pipeline.data.manifest import MIXTURE, measured_row
from sep_pipeline.files import folder_written_aside

Samples = npt.NDArray[np.int16]


@dataclass(frozen=True, kw_only=True)
class _Sums:
    """Stems of a track before they are written, all of one length."""

    stems: dict[str, Signal]
    members: dict[str, list[DecodedPart]]


def convert_track(job: TrackJob) -> TrackRecord:
    """Decode, resample, group, sum and write one track.

    Stems are written as 16-bit WAV and the mixture is their exact integer sum. Where it would clip, one
    common gain is applied to the track and noted. The mixture is left out where the parts of a track do not
    belong together in time.

    Raises:
        StorageError: The store is not writable or the disk is full.
    """
    log = job.new_log()
    parts = decoded_parts(job, log)
    note_mixed_formats(parts, log)
    rows: list[dict[str, object]] = []
    if not log.is_dropped:
        rows = _converted(job, log, parts)
    formats = list(dict.fromkeys((part.sample_rate, part.num_channels) for part in parts))
    examples = {(part.sample_rate, part.num_channels): str(part.part.path) for part in parts}
    record = TrackRecord(
        key=job.key,
        digest=job.digest(),
        rows=rows,
        faults=log.faults,
        formats=[(*form, examples[form]) for form in formats],
    )
    write_record(job.record, record)
    return record


def _converted(job: TrackJob, log: FaultLog, parts: list[DecodedPart]) -> list[dict[str, object]]:
    sums = _summed(job, log, parts)
    if log.is_dropped:
        return []
    stems, gain = _quantised(sums.stems, job, log)
    if job.is_aligned:
        mixture = np.stack(list(stems.values())).sum(axis=0, dtype=np.int32).astype(np.int16)
        _compare_mixture(mixture, gain, job, log, parts)
        stems = {MIXTURE: mixture, **stems}
    _check(sums, job, log)
    return [] if log.is_dropped else _written(stems, sums, job)


def _summed(job: TrackJob, log: FaultLog, parts: list[DecodedPart]) -> _Sums:
    """Sum of parts by stem; stems without a part are noted and silent."""
    grouping, config = job.grouping, job.config
    members: dict[str, list[DecodedPart]] = defaultdict(list)
    for part in parts:
        stem = None if part.is_mixture else grouping.stem_of(part.part)
        if stem is not None:
            members[stem].append(part)
    signals = {
        id(part): to_channels(resample(part.audio, part.sample_rate, config.sample_rate), config.channels)
        for part in parts
        if grouping.rest_source == "mixture" or not part.is_mixture
    }
    mixtures = [part for part in parts if part.is_mixture]
    takes_mixture = grouping.rest is not None and grouping.rest_source == "mixture"
    used = [part for group in members.values() for part in group] + (mixtures if takes_mixture else [])
    lengths = {signals[id(part)].shape[1] for part in used}
    _note_lengths(lengths, job, log)
    shape = (config.channels, max(lengths, default=0))
    stems = {
        stem: _total([signals[id(part)] for part in members[stem]], shape)
        for stem in grouping.written
        if members[stem] or job.is_aligned
    }
    if takes_mixture and grouping.rest is not None and mixtures:
        members[grouping.rest] = mixtures
        stems[grouping.rest] = _total([signals[id(part)] for part in mixtures], shape) - sum(stems.values())
    _note_missing(members, job, log)
    return _Sums(stems=stems, members=dict(members))


def _note_lengths(lengths: set[int], job: TrackJob, log: FaultLog) -> None:
    rate = job.config.sample_rate
    if len(lengths) > 1:
        reason = (
            f"{min(lengths)} to {max(lengths)} frames ({min(lengths) / rate:.2f} to {max(lengths) / rate:.2f} s), "
            "filled with silence"
        )
        log.note("length_mismatch", reason, file=job.track.folder, is_repaired=True)
    num_frames = max(lengths, default=0)
    if num_frames < max(1.0, job.config.min_seconds * rate):
        reason = f"{num_frames / rate:.2f} s, less than {job.config.min_seconds} s"
        log.note("too_short", reason, file=job.track.folder)


def _note_missing(members: dict[str, list[DecodedPart]], job: TrackJob, log: FaultLog) -> None:
    if not job.is_aligned:
        return
    noted = {fault.stem for fault in log.faults}
    present = [stem for stem in job.config.stems if members.get(stem)]
    for stem in job.config.stems:
        if stem not in present and stem not in noted:
            log.note("missing_stem", "the track has no part for it", file=job.track.folder, stem=stem)
    if len(present) < job.config.min_stems:
        reason = f"{len(present)} of the wanted {job.config.min_stems}: {', '.join(present) or 'none'}"
        log.note("too_few_stems", reason, file=job.track.folder)


def _total(members: list[Signal], shape: tuple[int, int]) -> Signal:
    """Sum of signals, cut or filled with silence to one length; exact for 16-bit samples."""
    total = np.zeros(shape, dtype=np.float32)
    for audio in members:
        num_frames = min(audio.shape[1], shape[1])
        total[:, :num_frames] += audio[:, :num_frames]
    return total


def _quantised(stems: dict[str, Signal], job: TrackJob, log: FaultLog) -> tuple[dict[str, Samples], float]:
    """16-bit stems, and the gain that keeps their sum and each of them in range."""
    mixture = np.sum(list(stems.values()), axis=0, dtype=np.float64)
    peak = max(float(np.abs(audio).max(initial=0.0)) for audio in (mixture, *stems.values()))
    room_for_rounding = (FULL_SCALE - 1 - len(stems) / 2) / FULL_SCALE
    is_exact = all(np.array_equal(from_int16(to_int16(audio)), audio) for audio in stems.values())
    limit = (FULL_SCALE - 1) / FULL_SCALE if is_exact else room_for_rounding
    gain = 1.0 if peak <= limit else room_for_rounding / peak
    if gain != 1.0:
        reason = f"the sum peaks at {peak:.3f}, whole track times {gain:.4f}"
        log.note("clipped", reason, file=job.track.folder, is_repaired=True)
    return {stem: to_int16(audio * np.float32(gain)) for stem, audio in stems.items()}, gain


def _compare_mixture(
    mixture: Samples, gain: float, job: TrackJob, log: FaultLog, parts: list[DecodedPart]
) -> None:
    """Note a mixture file that is not the sum; the store holds the sum, whatever the file says."""
    for part in parts:
        if part.is_mixture and part.part.path is not None:
            rate, channels = job.config.sample_rate, job.config.channels
            given = to_channels(resample(part.audio, part.sample_rate, rate), channels) * np.float32(gain)
            check_sum(log, given, from_int16(mixture), file=part.part.path, is_repaired=True)


def _check(sums: _Sums, job: TrackJob, log: FaultLog) -> None:
    for stem in job.config.stems:
        if sums.members.get(stem):
            file = sums.members[stem][0].part.path or job.track.folder
            check_signal(log, sums.stems[stem], job.config.sample_rate, file=file, stem=stem)


def _written(stems: dict[str, Samples], sums: _Sums, job: TrackJob) -> list[dict[str, object]]:
    rows = []
    with folder_written_aside(job.folder) as folder:
        for stem, audio in stems.items():
            write_audio(folder / f"{stem}.wav", audio, job.config.sample_rate)
            parts = sums.members.get(stem, [])
            rows.append(
                measured_row(
                    from_int16(audio),
                    sample_rate=job.config.sample_rate,
                    set_name=job.set_name,
                    split=job.split,
                    track_id=job.track.track_id,
                    stem=stem,
                    path=(job.folder / f"{stem}.wav").relative_to(job.store_folder).as_posix(),
                    provenance={
                        **job.track.provenance,
                        "layout": job.layout,
                        "parts": [part.part.key for part in parts],
                        "source_formats": sorted({f"{p.sample_rate} Hz, {p.num_channels} ch" for p in parts}),
                    },
                )
            )
    return rows
