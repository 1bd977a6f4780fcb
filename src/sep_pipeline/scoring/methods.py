"""Everything that can be scored on a test set: trained separators, oracles that know the stems, and floors."""

from __future__ import annotations

import functools
import hashlib
import json
import struct
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Literal

import numpy as np

from sep_pipeline.audio.channels import to_channels
from sep_pipeline.data.layouts.names import REST_NAMES
from sep_pipeline.data.manifest import Track
from sep_pipeline.errors import MissingCheckpointError, TruncatedCheckpointError
from sep_pipeline.files import files_digest, write_text
from sep_pipeline.mapping import torch_threads
from sep_pipeline.scoring.job import (
    FORMAT_VERSION,
    TIME_SUFFIX,
    Audio,
    ScoringConfig,
    TrackScores,
    read_references,
    read_scores,
    score_arrays,
    scores_text,
)
from sep_pipeline.separation import Separator, load_separator, separate
from sep_pipeline.separation.card import CARD_NAME, SeparatorCard, read_card
from sep_pipeline.separation.floors import FLOORS, Floor, scaled_mixture_floor
from sep_pipeline.separation.oracles import ORACLES

MethodKind = Literal["separator", "oracle", "floor"]
SCALED_MIXTURE = "scaled_mixture"
REST_STEMS = frozenset(REST_NAMES)
"""Stems that hold whatever the others do not, so that they mean the same only beside the same others."""


@dataclass(frozen=True, kw_only=True)
class Method:
    """One row of a leaderboard for one seed.

    Attributes:
        name: Name in tables, without the seed.
        kind: What it is.
        seed: Training seed; 0 where there is none.
        folder: Folder of a trained separator.
        stems: Stems it gives that mean the same as those of the test set.
        steps: Training steps.
        weights: What its training started from, or the licence of its weights.
        num_parameters: Parameters of all its models.
        data_hash: Hash of its training data.
    """

    name: str
    kind: MethodKind
    seed: int = 0
    folder: Path | None = None
    stems: tuple[str, ...] = ()
    steps: int | None = None
    weights: str = "none"
    num_parameters: int | None = None
    data_hash: str = ""

    @property
    def key(self) -> str:
        """Name as a folder."""
        words = "".join(letter if letter.isalnum() or letter in "+-_" else "_" for letter in self.name)
        return f"{words}/seed_{self.seed}"


def separators_below(folder: Path, stems: tuple[str, ...]) -> list[Method]:
    """Every trained separator in a folder and its subfolders, by place.

    Separators without a stem of the test set are left out.

    Args:
        folder: Where to look.
        stems: Stems of the test set.

    Raises:
        MissingCheckpointError: Weights that a card names are missing.
        TruncatedCheckpointError: A card or a weights file does not parse.
        CheckpointMismatchError: A card has unknown or missing entries.
    """
    methods = []
    for path in sorted(folder.rglob(CARD_NAME)):
        if any(part.startswith(".") for part in path.relative_to(folder).parts):
            continue  # Left by a run that was killed while it wrote.
        card = read_card(path.parent)
        shared = shared_stems(card.stems, stems)
        if shared:
            methods.append(_method_of(card, path.parent, shared))
    return methods


def _method_of(card: SeparatorCard, folder: Path, stems: tuple[str, ...]) -> Method:
    return Method(
        name=card.name,
        kind="separator",
        seed=card.seed or 0,
        folder=folder,
        stems=stems,
        steps=card.steps,
        weights=str(card.metadata.get("weights", card.licence)),
        num_parameters=sum(_num_parameters(folder / file) for file in card.weights.values()),
        data_hash=card.data_hash,
    )


def shared_stems(given: tuple[str, ...], wanted: tuple[str, ...]) -> tuple[str, ...]:
    """Stems of a test set that a separator gives with the same meaning, in the test set's order."""
    has_same_rest = set(given) == set(wanted)
    return tuple(stem for stem in wanted if stem in given and (has_same_rest or stem not in REST_STEMS))


def oracles_and_floors(stems: tuple[str, ...]) -> list[Method]:
    """The methods that need no training."""
    return [
        *(Method(name=name, kind="oracle", stems=stems) for name in ORACLES),
        *(Method(name=name, kind="floor", stems=stems) for name in FLOORS),
        Method(name=SCALED_MIXTURE, kind="floor", stems=stems),
    ]


@dataclass(frozen=True, kw_only=True)
class MethodJob:
    """One method on one track.

    Attributes:
        method: What separates.
        track: The references.
        config: How to score; its stems are those of the test set.
        record: Where the result is kept.
        scales: Factors of the scaled mixture by stem.
        device: Where separators run.
        precision: Of separators.
    """

    method: Method
    track: Track
    config: ScoringConfig
    record: Path
    scales: Mapping[str, float] = field(default_factory=dict)
    device: str = "cpu"
    precision: str = "fp32"

    def digest(self) -> str:
        """Hash of everything that the scores depend on; files by name, size and time."""
        parts = (
            FORMAT_VERSION,
            files_digest(self.track.paths.values(), Path("/")),
            self.weights_digest(),
            json.dumps([asdict(self.config), dict(self.scales), self.device, self.precision]),
            repr((self.method.name, self.method.kind, self.method.stems)),
        )
        return hashlib.sha256("|".join(parts).encode()).hexdigest()

    def weights_digest(self) -> str:
        """Hash of the separator's files by name, size and time."""
        files = sorted(self.method.folder.iterdir()) if self.method.folder else []
        return files_digest(files, Path("/"))

    def finished(self) -> MethodScores | None:
        """The result of an earlier call, if nothing has changed since."""
        scores = read_scores(self.record, self.digest())
        timing = self.record.with_suffix(TIME_SUFFIX)
        if scores is None or not timing.is_file():
            return None
        seconds = json.loads(timing.read_text(encoding="utf-8"))
        return MethodScores(scores=scores, **seconds)


@dataclass(frozen=True, kw_only=True)
class MethodScores:
    """Scores of one method on one track, and how long separating took.

    Attributes:
        scores: The scores of the stems it gives.
        computing_seconds: Time of separating on one thread, without reading, loading of weights and scoring.
        playing_seconds: Length of the track.
    """

    scores: TrackScores
    computing_seconds: float
    playing_seconds: float


def score_method(job: MethodJob) -> MethodScores:
    """Separate one track with one method, score the estimates and keep the scores; no audio is written.

    Stems that the method does not give are not scored, and BSS Eval compares the others among themselves.

    Raises:
        DataError: The track cannot be scored.
        CheckpointError: The separator cannot be loaded.
        StorageError: The folder is not writable.
    """
    config = replace(job.config, stems=job.method.stems)
    references, mixture = read_references(job.track, config)
    if job.method.kind == "separator":
        _separator(job)
    # Numbers and times shall not depend on how many processes work.
    with torch_threads(1):
        start = time.perf_counter()
        estimates = _estimates(job, mixture)
        seconds = time.perf_counter() - start
    rate = job.track.sample_rate
    scores = score_arrays(references, estimates, mixture, rate, config, digest=job.digest())
    timing = {"computing_seconds": seconds, "playing_seconds": mixture.shape[1] / rate}
    write_text(job.record.with_suffix(TIME_SUFFIX), json.dumps(timing))
    write_text(job.record, scores_text(scores))
    return MethodScores(scores=scores, **timing)


def _estimates(job: MethodJob, mixture: Audio) -> Audio:
    method, rate = job.method, job.track.sample_rate
    if method.kind == "oracle":
        # An oracle knows everything that is in the mixture, whatever is scored.
        known = replace(job.config, stems=job.track.stems)
        references, _ = read_references(job.track, known)
        estimates = ORACLES[method.name].estimate(mixture, references, sample_rate=rate)
        return np.stack([estimates[known.stems.index(stem)] for stem in method.stems])
    if method.kind == "floor":
        return _floor(job).function(mixture, len(method.stems))
    separator = _separator(job)
    estimates = separate(separator, mixture, rate, channels="per_channel")
    chosen = [separator.stems.index(stem) for stem in method.stems]
    return np.stack([to_channels(estimates[at], len(mixture)) for at in chosen])


def _floor(job: MethodJob) -> Floor:
    if job.method.name == SCALED_MIXTURE:
        return scaled_mixture_floor({stem: job.scales[stem] for stem in job.method.stems})
    return FLOORS[job.method.name]


def _separator(job: MethodJob) -> Separator:
    assert job.method.folder is not None
    return _loaded(job.method.folder, job.weights_digest(), job.device, job.precision)


@functools.lru_cache(maxsize=1)
def _loaded(folder: Path, digest: str, device: str, precision: str) -> Separator:
    """The separator that a worker process uses; its jobs come method by method, and new weights are read."""
    del digest
    return load_separator(folder, device=device, precision=precision)


def _num_parameters(weights: Path) -> int:
    """Numbers in a safetensors file, from its header; buffers such as statistics count too."""
    if not weights.is_file():
        raise MissingCheckpointError("there is no weights file", file=weights)
    try:
        with weights.open("rb") as stream:
            (size,) = struct.unpack("<Q", stream.read(8))
            header = json.loads(stream.read(size))
    except (struct.error, ValueError) as error:
        raise TruncatedCheckpointError(
            "the weights file does not parse", file=weights, found=error
        ) from error
    return sum(int(np.prod(entry["shape"])) for name, entry in header.items() if name != "__metadata__")
