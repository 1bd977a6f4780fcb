"""Parameters of scoring any folder of estimates, and of the leaderboard."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator, model_validator

from sep_pipeline.configuration.strict import ProjectPath, Strict

AUTO = "auto"


class ScoreParameters(Strict):
    """Which estimates are scored against which references.

    Attributes:
        estimates: Folder `<estimates>/[test/]<track>/<stem>.wav`; None until a run names one.
        references: Folder of a stem store (with `tracks.parquet`); None takes the store of study 1's data set.
        name: Name of the method, in tables and folders; `auto` takes that of the folder of estimates.
        split: Which tracks.
        stems: Stems that are scored together; None takes all that the references and the estimates share.
        channels: `mono` scores the mean of the channels, `as_stored` those of the references.
        engine: What computes BSS Eval.
    """

    estimates: ProjectPath | None = None
    references: ProjectPath | None = None
    name: str = Field(default="none", pattern=r"^[A-Za-z0-9_-]+$")
    split: Literal["train", "validation", "test"] = "test"
    stems: tuple[str, ...] | None = None
    channels: Literal["mono", "as_stored"] = "as_stored"
    engine: Literal["fast", "museval"] = "fast"

    @model_validator(mode="before")
    @classmethod
    def _resolve(cls, values: object) -> object:
        if not isinstance(values, Mapping):
            return values
        given = dict(values)
        if given.get("name", AUTO) == AUTO:
            given["name"] = _name_of(Path(str(given.get("estimates") or "none")))
        stems = given.get("stems")
        if isinstance(stems, str):
            given["stems"] = None if stems == AUTO else tuple(stems.split("+"))
        return given

    @field_validator("stems")
    @classmethod
    def _require_names(cls, stems: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if stems is not None and (not stems or not all(stems) or len(set(stems)) < len(stems)):
            raise ValueError("every stem is named once, at least one")
        return stems


def _name_of(estimates: Path) -> str:
    """The folder's name; a study's folders of seeds are called by their arm as well."""
    is_seed = re.fullmatch(r"seed_\d+", estimates.name) and estimates.parent.name
    name = f"{estimates.parent.name}_{estimates.name}" if is_seed else estimates.name
    return re.sub(r"[^A-Za-z0-9_-]+", "_", name)


class LeaderboardParameters(Strict):
    """Every trained separator, the oracles and the floors on one test set.

    The test set is that of study 1's data set.

    Attributes:
        separators: Folder that is searched for trained separators.
        has_oracles: Whether oracles take part.
        sorted_by: Metric that decides the order.
        channels: As in `ScoreParameters`; a mono separator separates every channel by itself.
        engine: What computes BSS Eval.
    """

    separators: ProjectPath = Field(default=Path("data/06_models"), validate_default=True)
    has_oracles: bool = True
    sorted_by: Literal["SDR", "ISR", "SIR", "SAR", "uSDR", "SI-SDR"] = "SDR"
    channels: Literal["mono", "as_stored"] = "as_stored"
    engine: Literal["fast", "museval"] = "fast"
