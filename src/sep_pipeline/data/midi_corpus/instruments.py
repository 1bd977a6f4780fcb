"""The instruments that stems can be made of: single General MIDI programs, or families of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, get_args

from sep_pipeline.data.midi import DRUM_PROGRAM
from sep_pipeline.errors import ConfigurationError

Grouping = Literal["exact", "family"]

# The ten candidates of the study, in its order: frequent programs of its corpus without near-duplicates.
_EXACT = {
    "drums": DRUM_PROGRAM,
    "piano": 0,
    "strings": 48,
    "bass": 33,
    "steel_guitar": 25,
    "nylon_guitar": 24,
    "choir": 52,
    "flute": 73,
    "electric_piano": 4,
    "trumpet": 56,
}
CANDIDATES: Mapping[Grouping, Mapping[str, frozenset[int]]] = {
    "exact": {name: frozenset({program}) for name, program in _EXACT.items()},
    "family": {
        "drums": frozenset({DRUM_PROGRAM}),
        "piano": frozenset(range(8)),
        "strings": frozenset({*range(40, 46), *range(48, 52)}),
        "bass": frozenset(range(32, 40)),
        "guitar": frozenset(range(24, 32)),
        "organ": frozenset(range(16, 24)),
        "voice": frozenset(range(52, 55)),
        "brass": frozenset(range(56, 64)),
        "wind": frozenset(range(64, 80)),
    },
}


def programs_of(instruments: Sequence[str], grouping: Grouping) -> dict[str, frozenset[int]]:
    """Zero-based programs of some instruments, 128 for drums, in the order of `instruments`.

    Raises:
        ConfigurationError: The grouping or a name is unknown, a name stands twice, or there is none.
    """
    if grouping not in get_args(Grouping):
        raise ConfigurationError(
            "unknown grouping of programs", parameter="grouping", expected="exact or family", found=grouping
        )
    known = CANDIDATES[grouping]
    if not instruments or len(set(instruments)) < len(instruments) or set(instruments) - set(known):
        raise ConfigurationError(
            "the instruments do not fit their grouping",
            parameter="instruments",
            expected=f"each once, of {', '.join(known)}",
            found=", ".join(instruments) or "none",
        )
    return {name: known[name] for name in instruments}
