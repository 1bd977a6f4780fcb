"""Which sources of a drum kit become loops, and which hits they play."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from sep_pipeline.data.rendering.schedule import Part
from sep_pipeline.errors import ConfigurationError

# General MIDI keys. Side stick (37) and hand clap (39) sound unlike a snare drum, and songs use them as
# percussion beside it; toms are no source either.
SOURCES: Mapping[str, tuple[int, ...]] = {
    "cymbals": (42, 44, 46, 49, 51, 52, 53, 55, 57, 59),
    "kick": (35, 36),
    "snare": (38, 40),
}
NUM_KEYS = 128


@dataclass(frozen=True, kw_only=True)
class DrumKitConfig:
    """Which sources of a drum kit become loops.

    Attributes:
        sources: Source to the General MIDI keys that it plays; other keys are left out.
        min_hits: Fewer hits of a source in the rendered part of a song give no loop.
        splits: "songs" puts all loops of a song below the split of its part of the song list; "files" makes no
            split folders, so that the reader of the tree divides the files of every source by lot.
    """

    sources: Mapping[str, tuple[int, ...]] = field(default_factory=lambda: dict(SOURCES))
    min_hits: int = 8
    splits: Literal["songs", "files"] = "songs"

    def __post_init__(self) -> None:
        """Refuse values outside their range; lists of keys become tuples."""
        object.__setattr__(self, "sources", {name: tuple(keys) for name, keys in self.sources.items()})
        if not self.sources:
            raise _wrong("sources", "at least one", self.sources)
        _check_sources(self.sources)
        if self.min_hits < 1:
            raise _wrong("min_hits", "one or more", self.min_hits)
        if self.splits not in ("songs", "files"):
            raise _wrong("splits", "songs or files", self.splits)


def _check_sources(sources: Mapping[str, tuple[int, ...]]) -> None:
    taken: set[int] = set()
    for name, keys in sources.items():
        if not re.fullmatch(r"[A-Za-z0-9_-]+", name):
            raise _wrong(f"sources.{name}", "a name of letters, digits, _ and -", name)
        if not keys or min(keys) < 0 or max(keys) >= NUM_KEYS:
            raise _wrong(f"sources.{name}", f"keys from 0 to {NUM_KEYS - 1}, at least one", keys)
        if not taken.isdisjoint(keys) or len(set(keys)) < len(keys):
            raise _wrong(f"sources.{name}", "every key once and in one source", keys)
        taken.update(keys)


def _wrong(parameter: str, expected: str, found: object) -> ConfigurationError:
    return ConfigurationError(
        "a parameter of the drum kit is out of range", parameter=parameter, expected=expected, found=found
    )


def source_parts(drums: Sequence[Part], drum_kit: DrumKitConfig) -> tuple[Part, ...]:
    """Divide drum parts by source; a source that is hit too seldom is left out.

    Args:
        drums: At most one part with the whole kit.
        drum_kit: Keys of the sources, and how many hits are enough.

    Returns:
        Parts whose keys are the names of the sources.
    """
    divided = (
        replace(part, key=source, notes=tuple(note for note in part.notes if note.pitch in keys))
        for part in drums
        for source, keys in drum_kit.sources.items()
    )
    return tuple(part for part in divided if len(part.notes) >= drum_kit.min_hits)
