"""Parameters of ingestion: which stems a store has and how they are made."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Literal

from sep_pipeline.data.checks import DEFAULT_RULES, IN_PLACE_RULES, Rule, complete_rules
from sep_pipeline.data.manifest import MIXTURE
from sep_pipeline.data.midi import CLASS_NAMES, normalised_class
from sep_pipeline.errors import ConfigurationError

Layout = Literal["slakh", "musdb_hq"]
REST = "other"
DEFAULT_GROUPING: Mapping[str, tuple[str, ...]] = {
    "drums": ("Drums",),
    "bass": ("Bass",),
    "guitar": ("Guitar",),
    "piano": ("Piano",),
}


@dataclass(frozen=True, kw_only=True)
class StoreConfig:
    """How a data set becomes a stem store.

    Attributes:
        layout: "slakh", or "musdb_hq", which is used in place.
        stems: Stem names.
        grouping: Stem to the instrument classes it sums; entries of other stems are ignored. At most one
            stem has no entry and takes all remaining classes; without such a stem the rest goes to an
            additional one, "other", so that the mixture is always the whole song. None groups by the usual
            names.
        sample_rate: Hz; foreign rates are converted, or noted as a fault where files are used in place.
        channels: 1 or 2.
        min_seconds: Shorter tracks are noted as too short.
        on_fault: Kind of fault to "stop", "drop" or "keep", over the default rules.
    """

    layout: Layout
    stems: tuple[str, ...]
    grouping: Mapping[str, Sequence[str]] | None = None
    sample_rate: int = 44100
    channels: int = 2
    min_seconds: float = 0.0
    on_fault: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse values that do not fit each other."""
        if self.layout not in ("slakh", "musdb_hq"):
            raise _wrong("layout", "slakh or musdb_hq", self.layout)
        if not self.stems or len(set(self.stems)) != len(self.stems) or MIXTURE in self.stems:
            raise _wrong("stems", "different names, none of them 'mixture'", self.stems)
        if self.channels not in (1, 2):
            raise _wrong("channels", "1 or 2", self.channels)
        if self.sample_rate <= 0 or self.min_seconds < 0:
            raise _wrong("sample_rate, min_seconds", "positive", (self.sample_rate, self.min_seconds))
        self.rules()
        if self.layout == "slakh":
            self._check_grouping()

    def _check_grouping(self) -> None:
        rests = [stem for stem in self.stems if stem not in self._given_groups()]
        if len(rests) > 1:
            raise _wrong("grouping", "classes for every stem but one", f"none for {', '.join(rests)}")
        classes = [normalised_class(name) for names in self._given_groups().values() for name in names]
        for name in classes:
            if name not in CLASS_NAMES:
                raise _wrong("grouping", ", ".join(CLASS_NAMES), name)
            if classes.count(name) > 1:
                raise _wrong("grouping", "every class in one stem", f"{name} in several")

    def _given_groups(self) -> dict[str, Sequence[str]]:
        grouping = DEFAULT_GROUPING if self.grouping is None else self.grouping
        return {stem: grouping[stem] for stem in self.stems if stem in grouping}

    def rules(self) -> dict[str, Rule]:
        """Rule of every kind of fault."""
        return complete_rules(self.on_fault, DEFAULT_RULES if self.layout == "slakh" else IN_PLACE_RULES)

    def rest_stem(self) -> str:
        """The stem that takes the classes of no other stem."""
        own = [stem for stem in self.stems if stem not in self._given_groups()]
        return own[0] if own else REST if REST not in self.stems else "rest"

    def written_stems(self) -> tuple[str, ...]:
        """Stems of a converted track in order, the additional one for the rest included."""
        rest = self.rest_stem()
        return self.stems if rest in self.stems else (*self.stems, rest)

    def stem_of(self, inst_class: str) -> str:
        """The stem that an instrument class is summed into."""
        for stem, names in self._given_groups().items():
            if normalised_class(inst_class) in {normalised_class(name) for name in names}:
                return stem
        return self.rest_stem()

    def digest(self) -> str:
        """Hash of all parameters."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


def _wrong(parameter: str, expected: object, found: object) -> ConfigurationError:
    return ConfigurationError(
        "a parameter of ingestion does not fit", parameter=parameter, expected=expected, found=found
    )
