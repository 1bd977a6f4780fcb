"""Faults of a data set: what was found, what was done about it, and when a run stops."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from sep_pipeline.audio.loudness import frame_rms_db
from sep_pipeline.data.manifest import overlapping_rows
from sep_pipeline.errors import (
    ConfigurationError,
    DataError,
    NoInputError,
    SilentStemError,
    SplitOverlapError,
    StemMismatchError,
    TooShortError,
    UnreadableFileError,
)

if TYPE_CHECKING:
    import pandas

Rule = Literal["stop", "drop", "keep"]
Action = Literal["kept", "repaired", "dropped", "stopped"]

SILENCE_DBFS = -60.0
CLIPPED_SHARE = 1e-3
# Slakh's mixtures differ from the sum of their stems by half a step per stem, 2e-4 for a dozen.
SUM_TOLERANCE = 1e-3

ERROR_OF_KIND: Mapping[str, type[DataError]] = {
    "length_mismatch": StemMismatchError,
    "rate_mismatch": StemMismatchError,
    "channel_mismatch": StemMismatchError,
    "silent_stem": SilentStemError,
    "missing_stem": NoInputError,
    "too_short": TooShortError,
    "unreadable": UnreadableFileError,
    "not_finite": DataError,
    "clipped": DataError,
    "mixture_not_sum": StemMismatchError,
    "duplicate": SplitOverlapError,
}
DEFAULT_RULES: Mapping[str, Rule] = {
    "length_mismatch": "keep",
    "rate_mismatch": "keep",
    "channel_mismatch": "keep",
    "silent_stem": "keep",
    "missing_stem": "drop",
    "too_short": "drop",
    "unreadable": "stop",
    "not_finite": "stop",
    "clipped": "keep",
    "mixture_not_sum": "keep",
    "duplicate": "stop",
}
# A file used in place cannot be resampled or mixed down.
IN_PLACE_RULES: Mapping[str, Rule] = {**DEFAULT_RULES, "rate_mismatch": "drop", "channel_mismatch": "drop"}
_KEPT_FIRST = ("test", "validation", "train")


@dataclass(frozen=True)
class Fault:
    """One line of the fault list.

    Attributes:
        set: Data set.
        track: Name of the track.
        stem: Name of the stem; empty for the whole track.
        file: The file at fault.
        kind: A key of `DEFAULT_RULES`.
        reason: What was measured or expected.
        action: What was done: the track or file was kept, repaired or dropped, or the run stopped.
        rule: The rule that decided.
    """

    set: str
    track: str
    stem: str
    file: str
    kind: str
    reason: str
    action: str
    rule: str


class FaultLog:
    """Collects the faults of one track by the rules.

    Args:
        set_name: Data set.
        track_id: Name of the track.
        rules: Rule of every kind.

    Attributes:
        faults: What was found so far.
        is_dropped: Whether a rule drops the track.
    """

    def __init__(self, set_name: str, track_id: str, rules: Mapping[str, Rule]) -> None:
        self._set_name = set_name
        self._track_id = track_id
        self._rules = rules
        self.faults: list[Fault] = []
        self.is_dropped = False

    def note(self, kind: str, reason: str, *, file: Path, stem: str = "", is_repaired: bool = False) -> None:
        """Record a fault.

        Raises:
            DataError: The rule for `kind` is "stop"; the type belongs to the kind.
        """
        rule = self._rules[kind]
        if rule == "stop":
            raise ERROR_OF_KIND[kind](
                f"track {self._track_id}{f', stem {stem}' if stem else ''}: {kind.replace('_', ' ')}",
                file=file,
                parameter=f"on_fault.{kind}",
                expected="a sound file, or the rule drop or keep",
                found=reason,
            )
        action: Action = "dropped" if rule == "drop" else "repaired" if is_repaired else "kept"
        self.is_dropped |= rule == "drop"
        self.faults.append(Fault(self._set_name, self._track_id, stem, str(file), kind, reason, action, rule))


def complete_rules(
    on_fault: Mapping[str, str], defaults: Mapping[str, Rule] = DEFAULT_RULES
) -> dict[str, Rule]:
    """Put a user's rules over the default ones.

    Raises:
        ConfigurationError: A kind or a rule is unknown.
    """
    rules = dict(defaults)
    for kind, rule in on_fault.items():
        if kind not in rules:
            near = difflib.get_close_matches(kind, rules, n=3, cutoff=0.0)
            raise ConfigurationError(
                "there is no such kind of fault",
                parameter=f"on_fault.{kind}",
                expected=", ".join(near),
                found=kind,
            )
        if rule not in ("stop", "drop", "keep"):
            raise ConfigurationError(
                "there is no such rule",
                parameter=f"on_fault.{kind}",
                expected="stop, drop or keep",
                found=rule,
            )
        rules[kind] = rule  # type: ignore[assignment]
    return rules


def check_signal(
    log: FaultLog, audio: npt.NDArray[np.float32], sample_rate: int, *, file: Path, stem: str
) -> None:
    """Note samples that are not finite, clipping, and a stem with no 1 s frame over -60 dBFS."""
    if not np.isfinite(audio).all():
        log.note(
            "not_finite",
            f"{int((~np.isfinite(audio)).sum())} samples are NaN or infinite",
            file=file,
            stem=stem,
        )
        return
    share = float((np.abs(audio) >= 32767 / 32768).mean()) if audio.size else 0.0
    if share > CLIPPED_SHARE:
        log.note("clipped", f"{share:.2%} of the samples are at full scale", file=file, stem=stem)
    if not np.any(frame_rms_db(audio, sample_rate) > SILENCE_DBFS):
        log.note("silent_stem", f"no 1 s frame rises over {SILENCE_DBFS:.0f} dBFS", file=file, stem=stem)


def check_sum(
    log: FaultLog,
    mixture: npt.NDArray[np.float32],
    stem_sum: npt.NDArray[np.float32],
    *,
    file: Path,
    is_repaired: bool,
) -> None:
    """Note a mixture that differs from the sum of its stems by more than `SUM_TOLERANCE`, as measured."""
    num_frames = min(mixture.shape[1], stem_sum.shape[1])
    difference = mixture[:, :num_frames] - stem_sum[:, :num_frames]
    largest = float(np.abs(difference).max(initial=0.0))
    if largest > SUM_TOLERANCE or mixture.shape[1] != stem_sum.shape[1]:
        power = float(np.square(mixture, dtype=np.float64).sum()) or 1.0
        ratio = float(np.square(difference, dtype=np.float64).sum()) / power
        level = f"{10 * np.log10(ratio):.1f} dB" if ratio > 0 else "-inf dB"
        reason = (
            f"largest difference {largest:.2e}, {level} of the mixture, "
            f"{mixture.shape[1]} and {stem_sum.shape[1]} frames"
        )
        log.note("mixture_not_sum", reason, file=file, stem="mixture", is_repaired=is_repaired)


def without_duplicates(
    manifest: pandas.DataFrame, rules: Mapping[str, Rule]
) -> tuple[pandas.DataFrame, list[Fault]]:
    """Apply the rule for the same audio in two splits; "drop" keeps test before validation before train.

    Raises:
        SplitOverlapError: The rule is "stop".
    """
    rows = overlapping_rows(manifest)
    faults: list[Fault] = []
    dropped: set[tuple[str, str]] = set()
    for _, same in rows.groupby("content_hash", sort=False):
        ordered = same.assign(rank=same["split"].map(_KEPT_FIRST.index)).sort_values(["rank", "track"])
        kept = ordered.iloc[0]
        for row in ordered[ordered["split"] != kept["split"]].itertuples():
            log = FaultLog(str(row.set), str(row.track), rules)
            place = f"{kept['split']}/{kept['track']}"
            log.note("duplicate", f"the same audio as {place}", file=Path(str(row.path)), stem=str(row.stem))
            faults += log.faults
            if log.is_dropped:
                dropped.add((str(row.split), str(row.track)))
    is_kept = [pair not in dropped for pair in zip(manifest["split"], manifest["track"], strict=True)]
    return manifest[is_kept].reset_index(drop=True), faults


def fault_frame(faults: Iterable[Fault]) -> pandas.DataFrame:
    """Put faults into a frame, one column per field of `Fault`."""
    import pandas

    return pandas.DataFrame(
        [asdict(fault) for fault in faults], columns=[field.name for field in fields(Fault)]
    )
