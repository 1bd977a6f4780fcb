"""Parameters of the chunks that a training draws from a stem store."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from sep_pipeline.configuration.strict import Strict, WithoutEffect
from sep_pipeline.errors import ConfigurationError


class AugmentationParameters(Strict):
    """Random changes of training examples; everything is off unless it is given.

    As soon as anything is on, mixtures are the sums of the changed stems and not the store's own.

    Attributes:
        mixing: `windows` cuts aligned windows from one song at a time, `coherent` draws song and start anew for
            every example, `incoherent` draws them for every stem by itself.
        gain: Range of the factor of every stem.
        channel_swap: Chance that the channels of a stem change places.
        semitones: Range of the pitch change; with `coherent` or `incoherent` only, as is `tempo`.
        tempo: Range of the speed; above 1 is faster.
        pitch_tempo_probability: Chance that pitch and tempo are changed at all.
        redraw_below_dbfs: Level under which an excerpt is drawn again, up to ten times.
    """

    mixing: Literal["windows", "coherent", "incoherent"] = "windows"
    gain: tuple[float, float] = (1.0, 1.0)
    channel_swap: float = Field(default=0.0, ge=0, le=1)
    semitones: tuple[float, float] = (0.0, 0.0)
    tempo: tuple[float, float] = (1.0, 1.0)
    pitch_tempo_probability: float = Field(default=1.0, ge=0, le=1)
    redraw_below_dbfs: float | None = Field(default=None, le=0)

    @model_validator(mode="after")
    def _fits(self) -> AugmentationParameters:
        for name in ("semitones", "tempo", "redraw_below_dbfs"):
            value = getattr(self, name)
            if self.mixing == "windows" and value != type(self).model_fields[name].default:
                raise ConfigurationError(
                    "this change needs excerpts that are drawn, not windows",
                    parameter=f"augmentation.{name}",
                    expected="augmentation.mixing: coherent or incoherent",
                    found=value,
                )
        return self

    @property
    def is_off(self) -> bool:
        """Whether examples are used as they are."""
        return self == AugmentationParameters()

    @property
    def changes_pitch_or_tempo(self) -> bool:
        """Whether pitch or tempo can change."""
        return self.semitones != (0.0, 0.0) or self.tempo != (1.0, 1.0)


class ExampleParameters(Strict):
    """How chunks are drawn for training.

    Attributes:
        chunk_samples: Length of a chunk.
        shift: Whether windows move at random by up to half a chunk.
        blend: How stereo becomes mono: `shared` draws one left-right weight for mixture and stem,
            `independent` one for each (as the study did), `off` takes the mean.
        item_share: Share of the timeline's windows that is trained on, from its start.
        augmentation: Random changes.
        num_workers: Processes that make the examples of one training; 0 makes them in a background thread of
            its own, which suffices unless pitch and tempo change. No number depends on it.
    """

    chunk_samples: int = Field(ge=8)
    shift: bool = True
    blend: Literal["shared", "independent", "off"] = "shared"
    item_share: float = Field(default=1.0, gt=0, le=1)
    augmentation: AugmentationParameters = AugmentationParameters()
    num_workers: Annotated[int, WithoutEffect, Field(ge=0)] = 0
