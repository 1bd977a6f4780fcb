"""Score the estimates of one track: read, check, score by every definition, keep the result."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from sep_pipeline.audio.channels import to_channels
from sep_pipeline.audio.containers import read_any
from sep_pipeline.data.manifest import MIXTURE, Track
from sep_pipeline.errors import DataError, NoInputError, StemMismatchError
from sep_pipeline.files import files_digest, write_text
from sep_pipeline.metrics.aggregate import SilenceCount, count_silence, median_of_frames
from sep_pipeline.metrics.museval_scores import EngineName, TargetScores, score_track
from sep_pipeline.metrics.track_scores import score_whole_track

# Raised when a score changes its meaning or its number, so that kept scores are made again.
FORMAT_VERSION = "1"
TIME_SUFFIX = ".time.json"
"""Ending of the file beside a record that says how long separating took."""
# Decoders pad; anything longer is another recording.
LARGEST_LENGTH_DIFFERENCE_SECONDS = 0.1

Audio = npt.NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class ScoringConfig:
    """How a test set is scored.

    Attributes:
        stems: Stems that are scored together; BSS Eval's SIR and SAR depend on which they are.
        num_channels: 1 scores the means of the channels; None scores the channels of the references.
        engine: What computes BSS Eval: "fast", or "museval" itself, with equal results.
        code: Digest of the code that scores, so that scores of other code are not taken over.
    """

    stems: tuple[str, ...]
    num_channels: Literal[1] | None = None
    engine: EngineName = "fast"
    code: str = ""


@dataclass(frozen=True, kw_only=True)
class TrackScores:
    """Every score of one track.

    Attributes:
        digest: Hash of everything they depend on.
        values: (stem, metric, dB): the definitions for whole tracks, and medians of frames of museval's.
        frames: museval's four metrics per frame.
        silence: Stem to what is silent in it.
    """

    digest: str
    values: list[tuple[str, str, float]]
    frames: list[TargetScores]
    silence: dict[str, SilenceCount] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class FileScoringJob:
    """One track whose estimates lie in files.

    Attributes:
        track: The references.
        estimates: Stem to the file of its estimate.
        config: How to score.
        record: Where the result is kept.
    """

    track: Track
    estimates: Mapping[str, Path]
    config: ScoringConfig
    record: Path

    def digest(self) -> str:
        """Hash of everything that the scores depend on; audio by name, size and time."""
        # A reference that is missing is named on scoring.
        references = [self.track.paths.get(stem, Path()) for stem in (MIXTURE, *self.config.stems)]
        parts = (
            FORMAT_VERSION,
            files_digest(references, Path("/")),
            files_digest([self.estimates[stem] for stem in self.config.stems], Path("/")),
            json.dumps(asdict(self.config), sort_keys=True),
        )
        return hashlib.sha256("|".join(parts).encode()).hexdigest()


def score_files(job: FileScoringJob) -> TrackScores:
    """Score the files of one track and keep the result.

    Raises:
        NoInputError: An estimate is missing.
        UnreadableFileError: A file is missing, damaged or truncated.
        StemMismatchError: Sample rate, channels or length of an estimate differ from its reference.
        DataError: A file holds samples that are no finite numbers.
    """
    references, mixture = read_references(job.track, job.config)
    estimates = np.stack([_estimate(job, stem, references.shape[1:]) for stem in job.config.stems])
    scores = score_arrays(
        references, estimates, mixture, job.track.sample_rate, job.config, digest=job.digest()
    )
    write_text(job.record, scores_text(scores))
    return scores


def score_arrays(
    references: Audio,
    estimates: Audio,
    mixture: Audio,
    sample_rate: int,
    config: ScoringConfig,
    *,
    digest: str = "",
) -> TrackScores:
    """Score one track by every definition.

    Args:
        references: float32, (stem, channel, time).
        estimates: The same shape.
        mixture: float32, (channel, time), for improvements over it.
        sample_rate: Hz.
        config: How to score.
        digest: Kept with the scores.

    Returns:
        The scores; NaN where a definition gives none, with counts of what is silent.
    """
    named = dict(zip(config.stems, references, strict=True)), dict(zip(config.stems, estimates, strict=True))
    frames = score_track(*named, sample_rate, engine=config.engine)
    whole = score_whole_track(references, estimates, mixture, config.stems)
    values = [(score.stem, score.metric, score.value) for score in whole]
    values += [(stem, metric, value) for (stem, metric), value in median_of_frames(frames).items()]
    return TrackScores(
        digest=digest, values=values, frames=frames, silence=count_silence(*named, sample_rate)
    )


def read_references(track: Track, config: ScoringConfig) -> tuple[Audio, Audio]:
    """Read the true stems, float32 (stem, channel, time), and the mixture, (channel, time).

    Raises:
        StemMismatchError: The track lacks a stem.
        UnreadableFileError: A file is missing, damaged or truncated.
        DataError: A file holds samples that are no finite numbers.
    """
    missing = [name for name in (MIXTURE, *config.stems) if name not in track.paths]
    if missing:
        raise StemMismatchError(
            f"track {track.track_id} has no reference of {missing[0]}",
            expected=", ".join(config.stems),
            found=", ".join(track.paths),
        )
    signals = [_reference(track.paths[name], config) for name in (MIXTURE, *config.stems)]
    num_frames = min(signal.shape[1] for signal in signals)
    mixture, *stems = (signal[:, :num_frames] for signal in signals)
    return np.stack(stems), mixture


def _reference(path: Path, config: ScoringConfig) -> Audio:
    audio, _ = read_any(path)
    _require_finite(audio, "a reference", path)
    return _channels(audio, config)


def _channels(audio: Audio, config: ScoringConfig) -> Audio:
    return audio if config.num_channels is None else to_channels(audio, config.num_channels)


def _estimate(job: FileScoringJob, stem: str, shape: tuple[int, ...]) -> Audio:
    path = job.estimates[stem]
    if not path.is_file():
        raise NoInputError(f"track {job.track.track_id} has no estimate of {stem}", file=path)
    audio, rate = read_any(path)
    if rate != job.track.sample_rate:
        raise _mismatch("another sample rate", path, f"{job.track.sample_rate} Hz", f"{rate} Hz")
    _require_finite(audio, "an estimate", path)
    audio = _channels(audio, job.config)
    if audio.shape[0] not in (1, shape[0]):
        raise _mismatch("another number of channels", path, shape[0], audio.shape[0])
    if abs(audio.shape[1] - shape[1]) > LARGEST_LENGTH_DIFFERENCE_SECONDS * rate:
        raise _mismatch("another length", path, f"{shape[1]} frames", f"{audio.shape[1]} frames")
    fitted = np.zeros(shape, dtype=np.float32)
    num_frames = min(shape[1], audio.shape[1])
    fitted[:, :num_frames] = audio[:, :num_frames]
    return fitted


def _require_finite(audio: Audio, what: str, path: Path) -> None:
    num_others = int((~np.isfinite(audio)).sum())
    if num_others:
        raise DataError(
            f"{what} has samples that are NaN or infinite",
            file=path,
            expected="finite numbers",
            found=f"{num_others} others",
        )


def _mismatch(what: str, path: Path, expected: object, found: object) -> StemMismatchError:
    return StemMismatchError(
        f"an estimate has {what} than its reference", file=path, expected=expected, found=found
    )


def scores_text(scores: TrackScores) -> str:
    """The scores as JSON text; NaN and infinity are the bare tokens that Python writes and reads."""
    return json.dumps(asdict(scores))


def read_scores(path: Path, digest: str) -> TrackScores | None:
    """Read kept scores; None when there are none, or when they were made from something else."""
    try:
        scores = read_record(path)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return scores if scores.digest == digest else None


def read_record(path: Path) -> TrackScores:
    """Read kept scores, whatever they were made from.

    Raises:
        OSError: The file cannot be read.
        ValueError: It does not parse.
    """
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return TrackScores(
        digest=content["digest"],
        values=[(stem, metric, value) for stem, metric, value in content["values"]],
        frames=content["frames"],
        silence={stem: SilenceCount(**counts) for stem, counts in content["silence"].items()},
    )
