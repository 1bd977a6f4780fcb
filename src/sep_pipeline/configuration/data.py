"""Parameters of the shared left side: rendering and ingestion."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from sep_pipeline.configuration.auto import resolved_store
from sep_pipeline.configuration.strict import ProjectPath, Strict
from sep_pipeline.data.chorales import ChoraleConfig
from sep_pipeline.data.ingestion import SplitConfig, StoreConfig
from sep_pipeline.data.ingestion.config import RestSource
from sep_pipeline.data.rendering import DrumKitConfig, RenderConfig
from sep_pipeline.errors import ConfigurationError

LOOP_LAYOUT = "remixpacks"
"""Layout of rendered drum loops."""

StemName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+$")]
"""A stem names files, catalog entries and runs, so that it has no dots, slashes or quotes."""


class RenderingParameters(Strict):
    """What is rendered from MIDI files.

    Attributes:
        midi_folder: Folder of MIDI files; without effect when `chorales` is given.
        song_list: CSV list of songs with their parts; None splits the folder by note content. Without effect
            when `chorales` is given.
        chorales: Renders Bach chorales from the music21 package instead of a folder; `synthesis` then
            requires no instrument classes unless it names them.
        drum_kit: Renders the drums of the songs to loops of single sources instead of whole songs, in the layout
            `remixpacks`; `synthesis` then requires no instrument classes unless it names them.
        parts: Which parts of the list are rendered.
        skip_songs: So many songs at the start of each part are passed over, so that two sets can share a list
            without sharing a song.
        max_songs: At most so many songs of each part, in the order of the list; None takes all.
        synthesis: How they are rendered.
    """

    midi_folder: ProjectPath | None = None
    song_list: ProjectPath | None = None
    chorales: ChoraleConfig | None = None
    drum_kit: DrumKitConfig | None = None
    parts: tuple[Literal["pretrain", "train", "validation", "test"], ...] = ("train", "validation", "test")
    skip_songs: int = Field(default=0, ge=0)
    max_songs: int | None = Field(default=None, ge=1)
    synthesis: RenderConfig = RenderConfig()

    @model_validator(mode="before")
    @classmethod
    def _require_no_band(cls, values: object) -> object:
        if not isinstance(values, Mapping):
            return values
        if values.get("chorales") is None and values.get("drum_kit") is None:
            return values
        synthesis = values.get("synthesis", {})
        if not isinstance(synthesis, Mapping):
            return values
        return {**values, "synthesis": {"required_classes": (), **synthesis}}

    @model_validator(mode="after")
    def _has_songs(self) -> RenderingParameters:
        if self.midi_folder is None and self.chorales is None:
            raise ConfigurationError(
                "there is nothing to render",
                parameter="rendering.midi_folder",
                expected="a folder of MIDI files, or chorales",
            )
        if self.chorales is not None and self.drum_kit is not None:
            raise ConfigurationError(
                "chorales have no drums",
                parameter="rendering.drum_kit",
                expected="no drum_kit beside chorales",
                found="both",
            )
        return self


class StoreParameters(Strict):
    """A data set and how it becomes a stem store.

    Attributes:
        name: Name of the set: its folder in `03_primary`. `auto` is `rendered` for rendered songs; else it is
            made from the folder's name and a few digits of its path, so that two folders never share a store.
        root: Folder of the data set; None when `rendering` makes it. With a folder, `rendering` is not used.
        layout: Name of a layout, or `auto`.
        layout_options: Options of the layout's reader, such as the microphone of a choir.
        rendering: Renders the set first.
        stems: Stem names, `auto` for those of the layout or the tree, or names joined by `+`.
        grouping: Stem to the labels or programs it sums, over those of the layout.
        rest: What a stem without parts of its own is: the `parts` that are left over, the `mixture` minus the
            other stems, or `auto`.
        splits: Shares and list of splits where the tree names none.
        validation_tracks: Training tracks to hold out; None leaves it to the layout and `splits`.
        sample_rate: Hz of a converted store.
        channels: Channels of a converted store.
        min_seconds: Shorter tracks are dropped.
        min_stems: Tracks in which fewer of the stems have a part are dropped.
        on_fault: Kind of fault (a column of `faults.csv`) to what is done, over the usual rules.
    """

    name: str = Field(pattern=r"^[a-z0-9_]+$")
    root: ProjectPath | None = None
    layout: str
    layout_options: dict[str, str | int | float | bool] = Field(default_factory=dict)
    rendering: RenderingParameters | None = None
    stems: tuple[StemName, ...] = Field(min_length=1)
    grouping: dict[str, tuple[str, ...]] | None = None
    rest: RestSource = "auto"
    splits: SplitConfig = SplitConfig()
    validation_tracks: tuple[str, ...] | None = None
    sample_rate: int = Field(default=44100, ge=1)
    channels: Literal[1, 2] = 2
    min_seconds: float = Field(default=0.0, ge=0)
    min_stems: int = Field(default=0, ge=0)
    on_fault: dict[str, Literal["stop", "drop", "keep"]] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _resolve(cls, values: object, info: ValidationInfo) -> object:
        return resolved_store(values, info) if isinstance(values, Mapping) else values

    @field_validator("stems")
    @classmethod
    def _differ(cls, stems: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(stems)) < len(stems) or "mixture" in stems:
            raise ValueError("every stem is named once, and none is called mixture")
        return stems

    @model_validator(mode="after")
    def _fits(self) -> StoreParameters:
        has_loops = self.rendering is not None and self.rendering.drum_kit is not None
        if has_loops and self.layout != LOOP_LAYOUT:
            raise ConfigurationError(
                "drum loops are rendered in another layout",
                parameter="layout",
                expected=LOOP_LAYOUT,
                found=self.layout,
            )
        self.config()
        return self

    def config(self) -> StoreConfig:
        """What ingestion needs to know.

        Raises:
            ConfigurationError: Values do not fit each other.
        """
        return StoreConfig(
            stems=self.stems,
            layout=self.layout,
            layout_options=self.layout_options,
            grouping=self.grouping,
            rest=self.rest,
            splits=self.splits,
            sample_rate=self.sample_rate,
            channels=self.channels,
            min_seconds=self.min_seconds,
            min_stems=self.min_stems,
            on_fault=self.on_fault,
        )
