"""Parameters of ingestion: which stems a store has and how they are made."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Literal, get_args

from sep_pipeline.data.ingestion.faults import Rule, complete_rules
from sep_pipeline.data.ingestion.splits import SplitConfig
from sep_pipeline.data.manifest import MIXTURE
from sep_pipeline.errors import ConfigurationError

RestSource = Literal["auto", "parts", "mixture"]


@dataclass(frozen=True, kw_only=True)
class StoreConfig:
    """How a data set becomes a stem store.

    Attributes:
        stems: Stem names.
        layout: Name of the layout, or "auto".
        layout_options: Options of the layout's reader.
        grouping: Stem to the parts it sums, by label or alias, or by General MIDI program ("25", "24-31");
            over the layout's own grouping. Entries of other stems are ignored. A stem without an entry takes
            the part of its name; at most one stem has neither and takes the rest.
        rest: What the rest is: "parts" sums the parts that no other stem takes, "mixture" subtracts the other
            stems from the mixture; "auto" takes the parts where there are any.
        splits: Shares of validation and test where the tree names none; a list of tracks overrides both.
        sample_rate: Hz; foreign rates are converted, or noted as a fault where files are used in place.
        channels: 1 or 2.
        min_seconds: Shorter tracks are noted as too short.
        min_stems: Tracks in which fewer stems have a part are noted.
        on_fault: Kind of fault to "stop", "drop" or "keep", over the usual rules.
        code: Digest of the code that ingests, so that tracks of other code are done again.
    """

    stems: tuple[str, ...]
    layout: str = "auto"
    layout_options: Mapping[str, object] = field(default_factory=dict)
    grouping: Mapping[str, Sequence[str]] | None = None
    rest: RestSource = "auto"
    splits: SplitConfig = field(default_factory=SplitConfig)
    sample_rate: int = 44100
    channels: int = 2
    min_seconds: float = 0.0
    min_stems: int = 0
    on_fault: Mapping[str, str] = field(default_factory=dict)
    code: str = ""

    def __post_init__(self) -> None:
        """Refuse values that do not fit each other."""
        if not self.stems or len(set(self.stems)) != len(self.stems) or MIXTURE in self.stems:
            raise _wrong("stems", "different names, none of them 'mixture'", self.stems)
        if self.rest not in get_args(RestSource):
            raise _wrong("rest", ", ".join(get_args(RestSource)), self.rest)
        if self.channels not in (1, 2):
            raise _wrong("channels", "1 or 2", self.channels)
        if self.sample_rate <= 0 or self.min_seconds < 0:
            raise _wrong("sample_rate, min_seconds", "positive", (self.sample_rate, self.min_seconds))
        if not 0 <= self.min_stems <= len(self.stems):
            raise _wrong("min_stems", f"0 to {len(self.stems)}", self.min_stems)
        self.rules(is_in_place=False)

    def rules(self, *, is_in_place: bool) -> dict[str, Rule]:
        """Rule of every kind of fault."""
        return complete_rules(self.on_fault, is_in_place=is_in_place)

    def digest(self) -> str:
        """Hash of all parameters that the result for one track depends on."""
        values = asdict(self)
        del values["splits"], values["layout"]
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def _wrong(parameter: str, expected: object, found: object) -> ConfigurationError:
    return ConfigurationError(
        "a parameter of ingestion does not fit", parameter=parameter, expected=expected, found=found
    )
