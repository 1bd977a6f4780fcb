"""Kinds of faults, the rules that say what is done about them, and the list of those that were met."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

from sep_pipeline.errors import (
    ConfigurationError,
    DataError,
    NoInputError,
    SilentStemError,
    SplitOverlapError,
    StemMismatchError,
    TooShortError,
    TruncatedFileError,
    UnreadableFileError,
)

if TYPE_CHECKING:
    import pandas

Rule = Literal["stop", "drop", "keep"]
Action = Literal["kept", "repaired", "dropped", "stopped"]


@dataclass(frozen=True)
class FaultKind:
    """One kind of fault.

    Attributes:
        rule: What is done about it unless a user says otherwise.
        error: Type of the error under the rule "stop".
        can_be_kept: Whether the rule "keep" makes sense.
        in_place_rule: The rule for files used in place, which cannot be cut or converted; None for the same.
    """

    rule: Rule
    error: type[DataError]
    can_be_kept: bool = True
    in_place_rule: Rule | None = None


KINDS: Mapping[str, FaultKind] = {
    "unreadable": FaultKind("stop", UnreadableFileError),
    "truncated": FaultKind("stop", TruncatedFileError),
    "not_finite": FaultKind("stop", DataError),
    "duplicate": FaultKind("stop", SplitOverlapError),
    "name_collision": FaultKind("stop", SplitOverlapError),
    "missing_stem": FaultKind("drop", NoInputError),
    "too_few_stems": FaultKind("drop", NoInputError, can_be_kept=False),
    "too_short": FaultKind("drop", TooShortError),
    "empty_folder": FaultKind("drop", NoInputError, can_be_kept=False),
    "unknown_name": FaultKind("drop", NoInputError, can_be_kept=False),
    "left_out": FaultKind("drop", NoInputError, can_be_kept=False),
    "length_mismatch": FaultKind("keep", StemMismatchError, in_place_rule="stop"),
    "rate_mismatch": FaultKind("keep", StemMismatchError, in_place_rule="stop"),
    "channel_mismatch": FaultKind("keep", StemMismatchError, in_place_rule="stop"),
    "mixture_not_sum": FaultKind("keep", StemMismatchError),
    "silent_stem": FaultKind("keep", SilentStemError),
    "clipped": FaultKind("keep", DataError),
    "known_defect": FaultKind("keep", DataError),
}


@dataclass(frozen=True)
class Fault:
    """One line of the fault list.

    Attributes:
        set: Data set.
        track: Name of the track; empty for what belongs to none.
        stem: Name of the stem; empty for the whole track.
        file: The file or folder at fault.
        kind: A key of `KINDS`.
        reason: What was measured or expected.
        action: What was done: the track or file was kept, repaired or dropped, or it stops the run.
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

    @property
    def is_stopping(self) -> bool:
        """Whether the run ends after the list is complete."""
        return self.action == "stopped"


class FaultLog:
    """Collects the faults of one track, or of the whole set, by the rules.

    Args:
        set_name: Data set.
        track_id: Name of the track; empty for the whole set.
        rules: Rule of every kind.

    Attributes:
        faults: What was found so far.
        is_dropped: Whether a rule drops the track or stops the run, so that no more work on it is worth while.
    """

    def __init__(self, set_name: str, track_id: str, rules: Mapping[str, Rule]) -> None:
        self.set_name = set_name
        self._track_id = track_id
        self._rules = rules
        self.faults: list[Fault] = []
        self.is_dropped = False

    def note(
        self, kind: str, reason: str, *, file: Path | str, stem: str = "", is_repaired: bool = False
    ) -> Rule:
        """Record a fault and give the rule that decides about it."""
        rule = self._rules[kind]
        action: Action = "repaired" if is_repaired else "kept"
        if rule != "keep":
            action = "stopped" if rule == "stop" else "dropped"
            self.is_dropped = True
        self.faults.append(Fault(self.set_name, self._track_id, stem, str(file), kind, reason, action, rule))
        return rule


def complete_rules(on_fault: Mapping[str, str], *, is_in_place: bool = False) -> dict[str, Rule]:
    """Put a user's rules over the usual ones.

    Args:
        on_fault: Kind of fault to rule.
        is_in_place: Whether the files are used where they lie.

    Raises:
        ConfigurationError: A kind or a rule is unknown, or the kind cannot be kept.
    """
    rules = {name: (kind.in_place_rule if is_in_place else None) or kind.rule for name, kind in KINDS.items()}
    for name, rule in on_fault.items():
        if name not in KINDS:
            near = difflib.get_close_matches(name, KINDS, n=3, cutoff=0.0)
            raise _wrong(name, "there is no such kind of fault", ", ".join(near), name)
        possible = ("stop", "drop", "keep") if KINDS[name].can_be_kept else ("stop", "drop")
        if rule not in possible:
            raise _wrong(name, "there is no such rule for this kind of fault", " or ".join(possible), rule)
        rules[name] = cast(Rule, rule)
    return rules


def _wrong(kind: str, problem: str, expected: str, found: str) -> ConfigurationError:
    return ConfigurationError(problem, parameter=f"on_fault.{kind}", expected=expected, found=found)


def stop_if_told(faults: Iterable[Fault], fault_list: Path) -> None:
    """End the run if the rule of any fault says so, after all of them have been listed.

    Args:
        faults: All faults of the set.
        fault_list: The file that lists them.

    Raises:
        DataError: The first fault whose rule is "stop"; the type belongs to its kind.
    """
    stopping = [fault for fault in faults if fault.is_stopping]
    if not stopping:
        return
    first = stopping[0]
    place = ", ".join(
        f"{name} {value}" for name, value in (("track", first.track), ("stem", first.stem)) if value
    )
    others = f"; {len(stopping) - 1} more such faults stop the run" if len(stopping) > 1 else ""
    rules = "drop or keep" if KINDS[first.kind].can_be_kept else "drop"
    raise KINDS[first.kind].error(
        f"{place or 'data set'}: {first.kind.replace('_', ' ')}{others}; all faults are listed in {fault_list}",
        file=first.file,
        parameter=f"on_fault.{first.kind}",
        expected=f"no such fault, or the rule {rules}",
        found=first.reason,
    )


def fault_frame(faults: Iterable[Fault]) -> pandas.DataFrame:
    """Put faults into a frame, one column per field of `Fault`."""
    import pandas

    return pandas.DataFrame(
        [asdict(fault) for fault in faults], columns=[field.name for field in fields(Fault)]
    )
