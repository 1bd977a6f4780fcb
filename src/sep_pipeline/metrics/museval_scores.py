"""Frame scores of one track in museval's own form, and the files that museval's stores read."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypedDict

import numpy as np
import numpy.typing as npt

from sep_pipeline.errors import StemMismatchError
from sep_pipeline.files import write_text
from sep_pipeline.metrics.bsseval import bss_eval, fit_length
from sep_pipeline.metrics.frames import is_silent, num_frames

METRICS = ("SDR", "SIR", "SAR", "ISR")
"""The four metrics in the order of museval's files."""

FRAME_SECONDS = 1.0

EngineName = Literal["fast", "museval"]
Signal = npt.NDArray[np.floating[Any]]
Scores = npt.NDArray[np.float64]


class Frame(TypedDict):
    """Scores of one frame: start and length in seconds, metric name to dB."""

    time: float
    duration: float
    metrics: dict[str, float]


class TargetScores(TypedDict):
    """All frames of one stem."""

    name: str
    frames: list[Frame]


def score_track(
    references: Mapping[str, Signal],
    estimates: Mapping[str, Signal],
    sample_rate: int,
    *,
    engine: EngineName = "fast",
) -> list[TargetScores]:
    """Score all stems of one track in frames of one second (BSS Eval v4).

    A stem whose reference or estimate is silent from start to end has no score, and museval refuses the whole
    track; here that stem gets NaN and the others are scored among themselves. `aggregate.count_silence` counts
    such stems.

    Args:
        references: Stem name to the true signal, (channel, time), all of one shape.
        estimates: The estimates of the same stems; cut or padded with zeros at the end to the references'
            length, as museval does.
        sample_rate: In Hz.
        engine: What computes the scores, see `bsseval.bss_eval`.

    Returns:
        One entry per stem in the order of `references`, values unrounded.

    Raises:
        StemMismatchError: The stems or their shapes differ.
        DataError: A sample is no finite number.
    """
    true, guess = _stacked(references, estimates)
    window = int(FRAME_SECONDS * sample_rate)
    scores = np.full((len(METRICS), len(true), num_frames(true.shape[-1], window, window)), np.nan)
    sounds = [not (is_silent(stem) or is_silent(own)) for stem, own in zip(true, guess, strict=True)]
    if any(sounds):
        found = bss_eval(true[sounds], guess[sounds], window=window, hop=window, engine=engine)
        scores[:, sounds] = np.stack([found.sdr, found.sir, found.sar, found.isr])
    return [_target(name, scores[:, index]) for index, name in enumerate(references)]


def write_museval_json(path: Path, targets: Sequence[TargetScores]) -> None:
    """Write the scores of one track as museval does, readable by its `EvalStore` and `MethodStore`.

    Args:
        path: `<method>/test/<track>.json`; the stores read only the folder `test` and take the method's name
            from the folder above it, up to the first full stop.
        targets: Scores of one track; values are rounded to 5 decimals, infinite ones become NaN.
    """
    write_text(path, museval_json(targets))


def museval_json(targets: Sequence[TargetScores]) -> str:
    """The text of museval's track file; NaN is the bare token, as museval writes and reads it."""
    rounded = [
        {
            "name": target["name"],
            "frames": [
                {**frame, "metrics": {name: _stored(frame["metrics"][name]) for name in METRICS}}
                for frame in target["frames"]
            ],
        }
        for target in targets
    ]
    return json.dumps({"targets": rounded, "museval_version": _museval_version()}, indent=2, allow_nan=True)


def read_museval_json(path: Path) -> list[TargetScores]:
    """Read the scores of one track back."""
    content: dict[str, list[TargetScores]] = json.loads(path.read_text(encoding="utf-8"))
    return content["targets"]


def _stored(value: float) -> float:
    return round(value, 5) if math.isfinite(value) else math.nan


def _museval_version() -> str:
    from importlib.metadata import version

    return version("museval")


def _stacked(references: Mapping[str, Signal], estimates: Mapping[str, Signal]) -> tuple[Signal, Signal]:
    if not references or set(references) != set(estimates):
        raise StemMismatchError(
            "references and estimates name different stems",
            expected=sorted(references) or "at least one stem",
            found=sorted(estimates),
        )
    shapes = {name: signal.shape for name, signal in references.items()}
    if len(set(shapes.values())) > 1:
        raise StemMismatchError("the references differ in shape", expected="one shape", found=shapes)
    true = np.stack([np.asarray(signal) for signal in references.values()])
    length = true.shape[-1]
    guess = np.stack([fit_length(np.asarray(estimates[name])[None], length)[0] for name in references])
    return true, guess


def _target(name: str, scores: Scores) -> TargetScores:
    """Scores, (metric, frame), of one stem as museval nests them."""
    frames: list[Frame] = [
        {
            "time": index * FRAME_SECONDS,
            "duration": FRAME_SECONDS,
            "metrics": {metric: float(value) for metric, value in zip(METRICS, column, strict=True)},
        }
        for index, column in enumerate(scores.T)
    ]
    return {"name": name, "frames": frames}
