"""Parameters of the shared left side: rendering, ingestion and the drawing of examples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from sep_pipeline.configuration.strict import ProjectPath, Strict
from sep_pipeline.data.rendering import RenderConfig
from sep_pipeline.errors import ConfigurationError

DEFAULT_STEMS = {
    "slakh": ("drums", "bass", "guitar", "other"),
    "musdb_hq": ("drums", "bass", "other", "vocals"),
}


MUSDB_OPTION = "--params=musdb_root=/path/to/musdb18hq"
StemName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+$")]
"""A stem names files, catalog entries and runs, so that it has no dots, slashes or quotes."""


class RenderingParameters(Strict):
    """What is rendered from MIDI files.

    Attributes:
        midi_folder: Folder of MIDI files.
        song_list: CSV list of songs with their parts; None splits the folder by note content.
        parts: Which parts of the list are rendered.
        max_songs: At most so many songs of each part, in the order of the list; None takes all.
        synthesis: How they are rendered.
    """

    midi_folder: ProjectPath
    song_list: ProjectPath | None = None
    parts: tuple[Literal["pretrain", "train", "validation", "test"], ...] = ("train", "validation", "test")
    max_songs: int | None = Field(default=None, ge=1)
    synthesis: RenderConfig = RenderConfig()


class StoreParameters(Strict):
    """A data set and how it becomes a stem store.

    Attributes:
        name: Name of the set: its folder in `03_primary`.
        layout: `slakh` (also what rendering writes) or `musdb_hq` (used in place).
        root: Folder of the data set; None when `rendering` makes it.
        rendering: Renders the set first.
        stems: Stem names, `auto` for those of the layout, or names joined by `+`.
        grouping: Stem to the instrument classes it sums, for layouts with finer stems; the stem without an
            entry takes the rest.
        validation_tracks: Training tracks to hold out; None takes the layout's own.
        channels: Channels of a converted store.
        min_seconds: Shorter tracks are dropped.
        on_fault: Kind of fault (a column of `faults.csv`) to what is done, over the default rules.
    """

    name: str = Field(pattern=r"^[a-z0-9_]+$")
    layout: Literal["slakh", "musdb_hq"]
    root: ProjectPath | None = None
    rendering: RenderingParameters | None = None
    stems: tuple[StemName, ...] = Field(min_length=1)
    grouping: dict[str, tuple[str, ...]] | None = None
    validation_tracks: tuple[str, ...] | None = None
    channels: Literal[1, 2] = 2
    min_seconds: float = Field(default=0.0, ge=0)
    on_fault: dict[str, Literal["stop", "drop", "keep"]] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _read_stems(cls, values: object) -> object:
        if not isinstance(values, Mapping):
            return values
        stems = values.get("stems", "auto")
        if stems == "auto":
            stems = DEFAULT_STEMS.get(str(values.get("layout")), ())
        elif isinstance(stems, str):
            stems = tuple(stems.split("+"))
        return {**values, "stems": stems}

    @field_validator("stems")
    @classmethod
    def _differ(cls, stems: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(stems)) < len(stems) or "mixture" in stems:
            raise ValueError("every stem is named once, and none is called mixture")
        return stems

    @model_validator(mode="after")
    def _has_a_source(self) -> StoreParameters:
        if (self.root is None) == (self.rendering is None):
            raise ConfigurationError(
                "a data set needs either a folder or a rendering",
                parameter=f"data root of {self.name}",
                expected=MUSDB_OPTION if self.layout == "musdb_hq" else "root or rendering",
                found="neither" if self.root is None else "both",
            )
        return self


class ExampleParameters(Strict):
    """How chunks are drawn for training.

    Attributes:
        chunk_samples: Length of a chunk.
        shift: Whether windows move at random by up to half a chunk.
        blend: How stereo becomes mono: `shared` draws one left-right weight for mixture and stem,
            `independent` one for each (as the study did), `off` takes the mean.
        item_share: Share of the timeline's windows that is trained on, from its start.
    """

    chunk_samples: int = Field(ge=8)
    shift: bool = True
    blend: Literal["shared", "independent", "off"] = "shared"
    item_share: float = Field(default=1.0, gt=0, le=1)
