"""Score many methods on many tracks, and read the results back."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sep_pipeline.data.manifest import Track
from sep_pipeline.errors import ConfigurationError, NoInputError
from sep_pipeline.files import write_text
from sep_pipeline.mapping import map_tracks
from sep_pipeline.metrics.museval_scores import write_museval_json
from sep_pipeline.scoring.folder import MUSEVAL_FOLDER, RECORDS_FOLDER, remove_other_tracks, score_frame
from sep_pipeline.scoring.job import ScoringConfig, TrackScores, read_record
from sep_pipeline.scoring.methods import SCALED_MIXTURE, Method, MethodJob, MethodScores, score_method

if TYPE_CHECKING:
    import pandas

CARD_NAME = "method.json"

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class MethodResult:
    """One method and seed on all tracks.

    Attributes:
        method: The method.
        scores: Track id to scores.
        computing_seconds: Time of separating all tracks.
        playing_seconds: Their length.
    """

    method: Method
    scores: dict[str, TrackScores]
    computing_seconds: float
    playing_seconds: float

    def frame(self) -> pandas.DataFrame:
        """One row per track, stem and metric."""
        return score_frame(self.scores, arm=self.method.name, seed=self.method.seed)


def score_methods(
    folder: Path,
    methods: Sequence[Method],
    tracks: Sequence[Track],
    config: ScoringConfig,
    scales: Mapping[str, float],
    *,
    device: str = "cpu",
    precision: str = "fp32",
    num_processes: int | None = None,
) -> None:
    """Separate and score every track with every method; what was scored before is left alone.

    Args:
        folder: Where `<method>/seed_<n>/{test,tracks}/<track>.json` and `method.json` go; methods that are no
            longer there leave it.
        methods: What is compared.
        tracks: The test set.
        config: How to score.
        scales: Factors of the scaled mixture by stem.
        device: Where separators run.
        precision: Of separators.
        num_processes: Worker processes; None takes one per core.

    Raises:
        ConfigurationError: Two methods have the same folder.
        DataError: A track cannot be scored; what was scored until then is kept.
        CheckpointError: A separator cannot be loaded.
    """
    keys = _distinct_keys(methods)
    jobs = {
        f"{method.key}/{track.track_id}": MethodJob(
            method=method,
            track=track,
            config=config,
            record=folder / method.key / RECORDS_FOLDER / f"{track.track_id}.json",
            scales=scales if method.name == SCALED_MIXTURE else {},
            device=device,
            precision=precision,
        )
        for method in methods
        for track in tracks
    }
    found = {name: job.finished() for name, job in jobs.items()}
    pending = {name: job for name, job in jobs.items() if found[name] is None}
    if len(pending) < len(jobs):
        logger.info("%d of %d scores are there already", len(jobs) - len(pending), len(jobs))
    new = (
        map_tracks(score_method, pending, description="score", num_processes=num_processes) if pending else {}
    )
    _remove_others(folder, keys)
    for method in methods:
        results = {
            track.track_id: found[(name := f"{method.key}/{track.track_id}")] or new[name] for track in tracks
        }
        _write(folder / method.key, method, results)


def _distinct_keys(methods: Sequence[Method]) -> set[str]:
    known: dict[str, Method] = {}
    for method in methods:
        # Names that differ in case only are one folder on some file systems.
        other = known.setdefault(method.key.casefold(), method)
        if other is not method:
            raise ConfigurationError(
                f"two methods are called {method.name} and have the seed {method.seed}",
                file=method.folder,
                expected="another name in separator.json, or only one of them in the folder",
                found=other.folder or f"the {other.kind} {other.name}",
            )
    return {method.key for method in methods}


def _write(folder: Path, method: Method, results: Mapping[str, MethodScores]) -> None:
    remove_other_tracks(folder, results)
    for track_id, result in results.items():
        write_museval_json(folder / MUSEVAL_FOLDER / f"{track_id}.json", result.scores.frames)
    card = {
        "method": {**asdict(method), "folder": str(method.folder) if method.folder else None},
        "tracks": list(results),
        "computing_seconds": sum(result.computing_seconds for result in results.values()),
        "playing_seconds": sum(result.playing_seconds for result in results.values()),
    }
    write_text(folder / CARD_NAME, json.dumps(card, indent=1))


def _remove_others(folder: Path, keys: set[str]) -> None:
    for card in folder.glob(f"*/*/{CARD_NAME}"):
        if str(card.parent.relative_to(folder)) not in keys:
            shutil.rmtree(card.parent)
            if not any(card.parent.parent.iterdir()):
                card.parent.parent.rmdir()


def read_results(folder: Path) -> list[MethodResult]:
    """Read what `score_methods` left, method by method.

    Raises:
        NoInputError: There is nothing.
    """
    cards = sorted(folder.glob(f"*/*/{CARD_NAME}"))
    if not cards:
        raise NoInputError("there are no scores of methods", file=folder, expected=f"*/*/{CARD_NAME}")
    return [_read(card) for card in cards]


def _read(card: Path) -> MethodResult:
    content: dict[str, Any] = json.loads(card.read_text(encoding="utf-8"))
    values = content["method"]
    values |= {
        "stems": tuple(values["stems"]),
        "folder": Path(values["folder"]) if values["folder"] else None,
    }
    return MethodResult(
        method=Method(**values),
        scores={
            track: read_record(card.parent / RECORDS_FOLDER / f"{track}.json") for track in content["tracks"]
        },
        computing_seconds=content["computing_seconds"],
        playing_seconds=content["playing_seconds"],
    )
