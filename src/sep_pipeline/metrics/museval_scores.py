"""Frame scores of one track in museval's own form, and the files that museval's stores read.

SDR is given for every frame. ISR, SIR and SAR, which cost minutes per track, come from museval itself on one
bounded excerpt; frames outside it hold NaN.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypedDict

import numpy as np
import numpy.typing as npt

from sep_pipeline.errors import ConfigurationError, StemMismatchError
from sep_pipeline.files import write_text
from sep_pipeline.metrics._museval_import import import_museval
from sep_pipeline.metrics.frames import frame_sdr, is_silent, silent_frames

METRICS = ("SDR", "SIR", "SAR", "ISR")
"""The four metrics in the order of museval's files."""

FRAME_SECONDS = 1.0

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
    excerpt_seconds: float | None,
) -> list[TargetScores]:
    """Score all stems of one track in frames of one second (BSS Eval v4).

    Args:
        references: Stem name to the true signal, (channel, time), all of one shape.
        estimates: The estimates of the same stems; cut or padded with zeros at the end to the references'
            length, as museval does.
        sample_rate: In Hz.
        excerpt_seconds: Length of the excerpt on which ISR, SIR and SAR are computed, rounded down to whole
            seconds; None takes the whole track, 0 computes SDR only.

    Returns:
        One entry per stem in the order of `references`, values unrounded.

    Raises:
        StemMismatchError: The stems or their shapes differ.
        ConfigurationError: `excerpt_seconds` is negative or below one second.
    """
    true, guess = _stacked(references, estimates)
    window = int(FRAME_SECONDS * sample_rate)
    sdr = frame_sdr(true, guess, window_samples=window, hop_samples=window)
    scores = np.full((len(METRICS), *sdr.shape), np.nan)
    scores[0] = sdr
    if excerpt_seconds is None or excerpt_seconds > 0:
        first, count = choose_excerpt(true, window, excerpt_seconds)
        span = slice(first * window, None if excerpt_seconds is None else (first + count) * window)
        scores[1:, :, first : first + count] = _filtered_scores(true[..., span], guess[..., span], window)
    elif excerpt_seconds < 0:
        raise ConfigurationError("must not be negative", parameter="excerpt_seconds", found=excerpt_seconds)
    return [_target(name, scores[:, index]) for index, name in enumerate(references)]


def choose_excerpt(references: Signal, window_samples: int, excerpt_seconds: float | None) -> tuple[int, int]:
    """Choose the span of frames on which the filters are fitted.

    It is the most energetic one in which no reference is silent in any frame; where no such span exists, the
    one with the most frames free of silence.

    Args:
        references: True stems, (stem, channel, time).
        window_samples: Length of a frame.
        excerpt_seconds: Wanted length; None takes all frames.

    Returns:
        Index of the first frame and number of frames.

    Raises:
        ConfigurationError: `excerpt_seconds` is shorter than one frame.
    """
    is_heard = ~np.any(
        silent_frames(references, window_samples=window_samples, hop_samples=window_samples), axis=0
    )
    total = len(is_heard)
    count = total if excerpt_seconds is None else min(total, int(excerpt_seconds / FRAME_SECONDS))
    if count < 1:
        raise ConfigurationError(
            "the excerpt is shorter than one frame",
            parameter="excerpt_seconds",
            expected=f"at least {FRAME_SECONDS}",
            found=excerpt_seconds,
        )
    energy = _frame_energy(references, window_samples, total)
    spans = range(total - count + 1)
    best = max(
        spans, key=lambda i: (int(is_heard[i : i + count].sum()), float(energy[i : i + count].sum()), -i)
    )
    return best, count


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
    guess = np.stack([_fitted(np.asarray(estimates[name]), length) for name in references])
    return true, guess


def _fitted(signal: Signal, num_samples: int) -> Signal:
    missing = max(0, num_samples - signal.shape[-1])
    return np.pad(signal[..., :num_samples], ((0, 0), (0, missing)))


def _frame_energy(references: Signal, window_samples: int, total: int) -> Scores:
    """Energy of the sum of all references in every frame."""
    mixture: Scores = np.asarray(np.sum(references, axis=0, dtype=np.float64))
    return np.array(
        [np.sum(mixture[:, i * window_samples : (i + 1) * window_samples] ** 2) for i in range(total)]
    )


def _filtered_scores(references: Signal, estimates: Signal, window_samples: int) -> Scores:
    """SIR, SAR and ISR of every frame, (metric, stem, frame); NaN where a stem is silent throughout."""
    if any(is_silent(stem) for stem in (*references, *estimates)):
        return np.full((len(METRICS) - 1, len(references), 1), np.nan)
    _, isr, sir, sar, _ = import_museval().metrics.bss_eval(
        np.asarray(references, np.float64).transpose(0, 2, 1),
        np.asarray(estimates, np.float64).transpose(0, 2, 1),
        window=window_samples,
        hop=window_samples,
        compute_permutation=False,
        framewise_filters=False,
        bsseval_sources_version=False,
    )
    return np.stack([sir, sar, isr])


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
