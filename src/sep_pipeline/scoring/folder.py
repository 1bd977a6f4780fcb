"""Score a folder of estimates against the tracks of a stem store, side by side and without doing work twice."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sep_pipeline.data.layouts.source import AUDIO_SUFFIXES
from sep_pipeline.data.manifest import Track
from sep_pipeline.errors import NoInputError
from sep_pipeline.mapping import map_tracks
from sep_pipeline.metrics.museval_scores import write_museval_json
from sep_pipeline.reporting.silence import SILENT_ESTIMATES, SILENT_REFERENCES
from sep_pipeline.scoring.job import (
    TIME_SUFFIX,
    FileScoringJob,
    ScoringConfig,
    TrackScores,
    read_record,
    read_scores,
    score_files,
)

if TYPE_CHECKING:
    import pandas

RECORDS_FOLDER = "tracks"
MUSEVAL_FOLDER = "test"
"""The only folder in which museval's stores look."""

logger = logging.getLogger(__name__)


def score_folder(
    folder: Path,
    estimates: Path,
    tracks: Sequence[Track],
    config: ScoringConfig,
    *,
    num_processes: int | None = None,
) -> dict[str, TrackScores]:
    """Score every track and write one museval file each.

    Estimates are looked for as `<estimates>/[{test,train}/]<track>/<stem>.<wav, flac, …>`, the layout of MUSDB
    results and of this project. Tracks that were scored from the same files before are not scored again.
    Scores of other tracks leave the folder.

    Args:
        folder: Where `test/<track>.json` (museval's files) and `tracks/<track>.json` (everything) go.
        estimates: The folder of estimates.
        tracks: Their references.
        config: How to score.
        num_processes: Worker processes; None takes one per core.

    Returns:
        Track id to scores.

    Raises:
        NoInputError: A track has no folder of estimates, or an estimate is missing; the first is named.
        DataError: A file cannot be scored; tracks scored until then are kept.
        StorageError: The folder is not writable.
    """
    jobs = {
        track.track_id: FileScoringJob(
            track=track,
            estimates=estimates_of(estimates, track.track_id, config.stems),
            config=config,
            record=folder / RECORDS_FOLDER / f"{track.track_id}.json",
        )
        for track in tracks
    }
    found = {name: read_scores(job.record, job.digest()) for name, job in jobs.items()}
    pending = {name: job for name, job in jobs.items() if found[name] is None}
    if len(pending) < len(jobs):
        logger.info("%d of %d tracks have been scored before", len(jobs) - len(pending), len(jobs))
    new = (
        map_tracks(score_files, pending, description="score", num_processes=num_processes) if pending else {}
    )
    scores = {name: found[name] or new[name] for name in jobs}
    remove_other_tracks(folder, jobs)
    for name, result in scores.items():
        write_museval_json(folder / MUSEVAL_FOLDER / f"{name}.json", result.frames)
    return scores


def remove_other_tracks(folder: Path, track_ids: Iterable[str]) -> None:
    """Remove the scores of tracks that are not named, so that nobody counts them."""
    wanted = {f"{track_id}.json" for track_id in track_ids}
    for place in (folder / RECORDS_FOLDER, folder / MUSEVAL_FOLDER):
        for file in place.glob("*.json"):
            if file.name.replace(TIME_SUFFIX, ".json") not in wanted:
                file.unlink()


def estimates_of(folder: Path, track_id: str, stems: Sequence[str]) -> dict[str, Path]:
    """Files of the estimates of one track.

    Raises:
        NoInputError: There is no folder for the track, or a stem is missing in it.
    """
    place = _place_of(folder, track_id)
    return {stem: _file_of(place, stem) for stem in stems}


def stems_of_estimates(folder: Path, track_id: str) -> tuple[str, ...]:
    """Names of the audio files in the folder of one track.

    Raises:
        NoInputError: There is no folder for the track.
    """
    files = sorted(_place_of(folder, track_id).iterdir())
    return tuple(file.stem for file in files if file.suffix.lower() in AUDIO_SUFFIXES)


def _place_of(folder: Path, track_id: str) -> Path:
    candidates = (folder / "test" / track_id, folder / "train" / track_id, folder / track_id)
    places = [place for place in candidates if place.is_dir()]
    if not places:
        raise NoInputError(
            f"there are no estimates of track {track_id}",
            file=folder,
            expected=f"{folder / 'test' / track_id} or {folder / track_id}",
        )
    return places[0]


def _file_of(folder: Path, stem: str) -> Path:
    for suffix in AUDIO_SUFFIXES:
        if (folder / f"{stem}{suffix}").is_file():
            return folder / f"{stem}{suffix}"
    raise NoInputError(
        "an estimate is missing",
        file=folder,
        expected=f"{stem}.wav",
        found=", ".join(sorted(path.name for path in folder.iterdir())) or "an empty folder",
    )


def kept_scores(folder: Path) -> dict[str, TrackScores]:
    """Scores that `score_folder` left in a folder, by track.

    Raises:
        NoInputError: There are none.
    """
    records = sorted((folder / RECORDS_FOLDER).glob("*.json"))
    if not records:
        raise NoInputError("there are no scores", file=folder, expected=f"{RECORDS_FOLDER}/*.json")
    return {record.stem: read_record(record) for record in records}


def score_frame(scores: Mapping[str, TrackScores], *, arm: str, seed: int) -> pandas.DataFrame:
    """One row per track, stem and metric, see `reporting.scores.SCORE_COLUMNS`.

    Beside the scores in dB it has the numbers of frames that no frame score covers, as the metrics
    `SILENT_REFERENCES` and `SILENT_ESTIMATES`.
    """
    import pandas

    rows = [
        {"arm": arm, "seed": seed, "track": track, "stem": stem, "metric": metric, "value": value}
        for track, result in scores.items()
        for stem, metric, value in (*result.values, *_counts(result))
    ]
    return pandas.DataFrame(rows, columns=["arm", "seed", "track", "stem", "metric", "value"])


def _counts(scores: TrackScores) -> list[tuple[str, str, float]]:
    return [
        (stem, metric, float(count))
        for stem, counts in scores.silence.items()
        for metric, count in (
            (SILENT_REFERENCES, counts.num_silent_references),
            (SILENT_ESTIMATES, counts.num_silent_estimates),
        )
    ]
