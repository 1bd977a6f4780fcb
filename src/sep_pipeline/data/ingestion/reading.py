"""Decode the parts of a track and note what is wrong with the files."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sep_pipeline.audio.containers import read_any
from sep_pipeline.data.ingestion.checks import Signal, count_of_bad_samples
from sep_pipeline.data.ingestion.faults import FaultLog
from sep_pipeline.data.ingestion.jobs import TrackJob
from sep_pipeline.data.layouts.source import Part, normalised
from sep_pipeline.data.manifest import MIXTURE
from sep_pipeline.errors import DataError, TooShortError, TruncatedFileError, UnreadableFileError


@dataclass(frozen=True, kw_only=True)
class DecodedPart:
    """One recording of a track.

    Attributes:
        part: Where it comes from.
        audio: float32, (channel, time), finite.
        sample_rate: Hz.
        is_mixture: Whether it is the recording of the mixture.
    """

    part: Part
    audio: Signal
    sample_rate: int
    is_mixture: bool = False

    @property
    def num_channels(self) -> int:
        """Channels of the file."""
        return int(self.audio.shape[0])


def decoded_parts(job: TrackJob, log: FaultLog) -> list[DecodedPart]:
    """Decode every part that a stem needs, and the mixture; what cannot be used is noted."""
    for defect in job.track.defects:
        log.note("known_defect", defect, file=job.track.folder)
    wanted = [part for part in job.track.parts if job.grouping.stem_of(part) is not None]
    parts = [
        decoded
        for part in _without_collisions(wanted, log)
        if (decoded := _decoded(part, part.key, job, log)) is not None
    ]
    if job.track.mixture is not None and job.is_aligned:
        mixture = _decoded(job.track.mixture, MIXTURE, job, log, is_mixture=True)
        parts += [mixture] if mixture is not None else []
    return parts


def _without_collisions(parts: list[Part], log: FaultLog) -> list[Part]:
    """Note files whose names differ in spelling only; the first is used, under "keep" all of them are."""
    groups: dict[str, list[Part]] = defaultdict(list)
    for part in parts:
        groups[normalised(part.key)].append(part)
    kept = []
    for first, *others in groups.values():
        kept.append(first)
        for other in others:
            reason = f"{_name(other)} and {_name(first)} are the same name"
            rule = log.note("name_collision", reason, file=other.path or "", stem=other.key)
            kept += [other] if rule == "keep" else []
    return kept


def _name(part: Part) -> str:
    return part.path.name if part.path else part.key


def _decoded(
    part: Part, stem: str, job: TrackJob, log: FaultLog, *, is_mixture: bool = False
) -> DecodedPart | None:
    if part.path is None or not part.path.is_file():
        file = part.path or job.track.folder / stem
        log.note("missing_stem", "its audio file is missing", file=file, stem=stem)
        return None
    try:
        audio, rate = read_any(part.path, stream=part.stream)
    except (UnreadableFileError, TooShortError) as error:
        kind = "truncated" if isinstance(error, TruncatedFileError) else "unreadable"
        log.note(kind, _why(error), file=part.path, stem=stem)
        return None
    if not np.isfinite(audio).all():
        reason = f"{count_of_bad_samples(audio)}, set to zero"
        log.note("not_finite", reason, file=part.path, stem=stem, is_repaired=True)
        audio = np.nan_to_num(audio, nan=0.0, posinf=0.0, neginf=0.0)
    return DecodedPart(part=part, audio=audio, sample_rate=rate, is_mixture=is_mixture)


def _why(error: DataError) -> str:
    sizes = f", {error.found} instead of {error.expected}" if error.expected else f": {error.found}"
    return error.problem + (sizes if error.found else "")


def note_mixed_formats(parts: list[DecodedPart], log: FaultLog) -> None:
    """Note the files of a track that differ from most of its files in sample rate or channels."""
    if not parts:
        return
    rates = Counter(part.sample_rate for part in parts)
    channels = Counter(part.num_channels for part in parts)
    for part in parts:
        path = part.part.path or Path(part.part.key)
        if part.sample_rate != rates.most_common(1)[0][0]:
            reason = f"{part.sample_rate} Hz, other files of the track {rates.most_common(1)[0][0]} Hz"
            log.note("rate_mismatch", reason, file=path, stem=part.part.key, is_repaired=True)
        if part.num_channels != channels.most_common(1)[0][0]:
            reason = f"{part.num_channels} channels, other files of the track {channels.most_common(1)[0][0]}"
            log.note("channel_mismatch", reason, file=path, stem=part.part.key, is_repaired=True)
