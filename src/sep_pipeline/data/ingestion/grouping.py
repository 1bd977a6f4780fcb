"""Which parts of a track each stem sums."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from sep_pipeline.data.ingestion.config import StoreConfig
from sep_pipeline.data.layouts.source import Part, Reading, normalised
from sep_pipeline.data.midi import normalised_class
from sep_pipeline.errors import ConfigurationError

EXTRA_STEM_NAMES = ("other", "rest", "remainder")
"""Names for the stem of what nobody asked for; the first that is free is taken."""


@dataclass(frozen=True, kw_only=True)
class Grouping:
    """Stems of a store and where they come from.

    Attributes:
        entries: Stem to what it sums: normalised labels, and ranges of programs ("24-31").
        rest: The stem that takes what no entry names; None when nothing is left over.
        rest_source: Whether the rest is summed from parts or subtracted from the mixture.
        written: All stems of the store in order.
    """

    entries: Mapping[str, tuple[str, ...]]
    rest: str | None
    rest_source: Literal["parts", "mixture"]
    written: tuple[str, ...]

    def stem_of(self, part: Part) -> str | None:
        """The stem that a part is summed into; None when no stem of the store takes it."""
        for stem, names in self.entries.items():
            if any(_names(name, part) for name in names):
                return stem
        return self.rest if self.rest_source == "parts" else None

    @property
    def is_plain(self) -> bool:
        """Whether every stem is one part of its own name, so that files can serve as they are."""
        return all(names == (normalised(stem),) for stem, names in self.entries.items())


def grouping_of(config: StoreConfig, reading: Reading) -> Grouping:
    """Work out the grouping for what a reader found.

    Raises:
        ConfigurationError: A stem or an entry of the grouping fits no part, a part is asked for by two stems,
            or more than one stem is left without parts.
    """
    known = _known_names(reading)
    entries = {
        stem: names for stem in config.stems if (names := _entry(stem, config, reading, known)) is not None
    }
    _check_entries(entries, known, reading)
    without = [stem for stem in config.stems if stem not in entries]
    if len(without) > 1:
        raise ConfigurationError(
            "only one stem can be the rest, so the others need parts of the data set",
            parameter="stems, grouping",
            expected=f"parts among {', '.join(reading.labels)}",
            found=f"none for {', '.join(without)}",
        )
    has_left_over = _has_left_over(entries, reading)
    source = _rest_source(config, reading, without, has_left_over=has_left_over)
    rest = without[0] if without else None
    if rest is None and reading.are_aligned and _has_parts_left_over(entries, reading):
        rest = next(name for name in EXTRA_STEM_NAMES if name not in config.stems)
    written = config.stems if rest is None or rest in config.stems else (*config.stems, rest)
    return Grouping(entries=entries, rest=rest, rest_source=source, written=written)


def _has_left_over(entries: Mapping[str, tuple[str, ...]], reading: Reading) -> bool:
    """Whether a label or a part of the tree is taken by no entry."""
    grouping = Grouping(entries=entries, rest=None, rest_source="parts", written=())
    present = {normalised(part.label) for track in reading.tracks for part in track.parts}
    absent = (label for label in reading.labels if normalised(label) not in present)
    return _has_parts_left_over(entries, reading) or any(
        grouping.stem_of(Part(key=label, label=label, path=None)) is None for label in absent
    )


def _has_parts_left_over(entries: Mapping[str, tuple[str, ...]], reading: Reading) -> bool:
    grouping = Grouping(entries=entries, rest=None, rest_source="parts", written=())
    return any(grouping.stem_of(part) is None for track in reading.tracks for part in track.parts)


def _rest_source(
    config: StoreConfig, reading: Reading, without: Sequence[str], *, has_left_over: bool
) -> Literal["parts", "mixture"]:
    if not without:
        return "parts"
    has_mixture = any(track.mixture is not None for track in reading.tracks)
    if config.rest == "mixture" or (config.rest == "auto" and not has_left_over and has_mixture):
        return "mixture"
    if not has_left_over:
        raise ConfigurationError(
            f"nothing is left for the stem {without[0]}",
            parameter="stems",
            expected=f"some of {', '.join(reading.labels)}, or a data set with mixtures to subtract from",
            found=", ".join(config.stems),
        )
    return "parts"


def _entry(stem: str, config: StoreConfig, reading: Reading, known: frozenset[str]) -> tuple[str, ...] | None:
    for grouping in (config.grouping or {}, reading.default_grouping):
        if stem in grouping:
            return tuple(normalised(normalised_class(str(name))) for name in grouping[stem])
    return (normalised(stem),) if normalised(stem) in known else None


def _known_names(reading: Reading) -> frozenset[str]:
    aliases = (
        alias for track in reading.tracks for part in track.parts for alias in (part.label, *part.aliases)
    )
    return frozenset(normalised(name) for name in (*reading.labels, *aliases))


def _check_entries(entries: Mapping[str, tuple[str, ...]], known: frozenset[str], reading: Reading) -> None:
    owner: dict[str, str] = {}
    for stem, names in entries.items():
        for name in names:
            if name not in known and _program_range(name) is None:
                raise ConfigurationError(
                    f"the data set has nothing called {name}",
                    parameter=f"grouping.{stem}",
                    expected=", ".join(reading.labels),
                    found=name,
                )
            if name in owner:
                raise ConfigurationError(
                    "a part can be in one stem only",
                    parameter=f"grouping.{stem}",
                    expected=f"{name} in one stem",
                    found=f"in {owner[name]} and {stem}",
                )
            owner[name] = stem


def _names(name: str, part: Part) -> bool:
    programs = _program_range(name)
    if programs is not None and part.program is not None:
        return part.program in programs
    return name in {normalised(label) for label in (part.label, *part.aliases)}


def _program_range(name: str) -> range | None:
    """Programs of an entry such as "25", or "24_31" as the normalised form of "24-31"."""
    match = re.fullmatch(r"(\d{1,3})(?:_(\d{1,3}))?", name)
    return range(int(match[1]), int(match[2] or match[1]) + 1) if match else None
