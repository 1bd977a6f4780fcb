"""Parameters of study 4: Open-Unmix, its grid of sizes and budgets, and the unidirectional model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from sep_pipeline.configuration.pool import PoolParameters
from sep_pipeline.configuration.strict import ProjectPath, Strict, WithoutEffect
from sep_pipeline.configuration.study import StemStudyParameters, parse_study
from sep_pipeline.errors import ConfigurationError, UnnamedInputError
from sep_pipeline.models.open_unmix import OpenUnmixConfig, SpectrogramConfig
from sep_pipeline.separation.em_wiener import EMWienerConfig
from sep_pipeline.training.config import TrainingConfig

STUDY = "open_unmix"


class ModelParameters(Strict):
    """The model of every target of an arm.

    Attributes:
        hidden_size: Width of the inner layers.
        num_layers: Layers of the LSTM.
        unidirectional: Whether the LSTM reads forwards only, so that the model can stream.
        bandwidth_hz: The model reads no frequency above.
        dropout: Share of values dropped between the layers of the LSTM while training.
        released: Folder or file that the `openunmix` package wrote or published; its models are evaluated as
            they are, whatever the sizes above, and nothing is trained. `unnamed` has to be named for a run.
        initial_weights: Folder of a separator of these sizes, from whose models training starts; None starts
            from random weights.
    """

    hidden_size: int
    num_layers: int = 3
    unidirectional: bool = False
    bandwidth_hz: float = Field(default=16000.0, gt=0)
    dropout: float = 0.4
    released: ProjectPath | Literal["unnamed"] | None = None
    initial_weights: ProjectPath | None = None

    @property
    def origin(self) -> str:
        """Where the weights come from, for tables."""
        if self.released is not None:
            return "released"
        return "random" if self.initial_weights is None else "fine-tuned"

    def config(self, spectrogram: SpectrogramConfig, num_channels: int, sample_rate: int) -> OpenUnmixConfig:
        """The network's configuration for a data set."""
        return OpenUnmixConfig(
            spectrogram=spectrogram,
            num_channels=num_channels,
            hidden_size=self.hidden_size,
            num_layers=self.num_layers,
            is_unidirectional=self.unidirectional,
            num_input_bins=spectrogram.bins_below(self.bandwidth_hz, sample_rate),
            dropout=self.dropout,
        )


class OpenUnmixTrainingParameters(Strict):
    """Budget and recipe of a training (spec of the study, section 5).

    Attributes:
        epochs: Passes over the chunks.
        batch_size: Chunks per update; the last batch of an epoch has what is left.
        samples_per_track: Chunks of an epoch for every training track.
        learning_rate: Of Adam.
        weight_decay: Weight of the L2 penalty, on every parameter.
        plateau_factor: Factor by which the rate falls when the validation loss does not.
        plateau_patience: Epochs without improvement that are tolerated before.
        plateau_cooldown: Epochs after a fall that are not counted.
        early_stopping_patience: Epochs without improvement after which training ends.
        checkpoint_every_seconds: Seconds between checkpoints.
    """

    epochs: int = Field(ge=1)
    batch_size: int = Field(ge=1)
    samples_per_track: int = Field(ge=1)
    learning_rate: float = Field(default=1e-3, gt=0)
    weight_decay: float = Field(default=1e-5, ge=0)
    plateau_factor: float = Field(default=0.3, gt=0, lt=1)
    plateau_patience: int = Field(default=80, ge=0)
    plateau_cooldown: int = Field(default=10, ge=0)
    early_stopping_patience: int = Field(default=140, ge=1)
    checkpoint_every_seconds: Annotated[float, WithoutEffect] = Field(default=60.0, gt=0)

    def updates_per_epoch(self, num_tracks: int) -> int:
        """Updates of one pass over the chunks of `num_tracks` tracks."""
        return -(-num_tracks * self.samples_per_track // self.batch_size)

    def config(self, num_tracks: int, comparison_updates: tuple[int, ...]) -> TrainingConfig:
        """The training over `num_tracks` tracks; it is evaluated after every epoch and at `comparison_updates`."""
        updates = self.updates_per_epoch(num_tracks)
        return TrainingConfig(
            num_steps=self.epochs * updates,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            optimizer="adam",
            weight_decay=self.weight_decay,
            warmup_steps=0,
            schedule="plateau",
            plateau_factor=self.plateau_factor,
            plateau_patience=self.plateau_patience,
            plateau_cooldown=self.plateau_cooldown,
            clip="none",
            ema_decay=None,
            checkpoint_every_seconds=self.checkpoint_every_seconds,
            log_every_steps=1,
            evaluate_every_steps=updates,
            evaluate_at_steps=comparison_updates,
            early_stopping_patience=self.early_stopping_patience,
            should_keep_best=True,
        )


class ArmParameters(Strict):
    """Everything in which arms may differ.

    Attributes:
        model: The model of every target.
        training: Budget and recipe.
        source: Whether chunks are cut from the `store`, or rendered while training by the `pool`, of the same
            training songs; these are as long, coherent, mono in every channel and not changed in gain.
    """

    model: ModelParameters
    training: OpenUnmixTrainingParameters
    source: Literal["store", "pool"] = "store"


class ExcerptParameters(Strict):
    """How chunks are drawn: every stem from a song and start of its own, changed, and summed.

    Attributes:
        chunk_seconds: Length of a chunk.
        gain: Range of the factor of every stem.
        channel_swap: Chance that the channels of a stem change places.
        num_workers: Processes that make the chunks of one training; 0 makes them in a background thread.
    """

    chunk_seconds: float = Field(default=6.0, gt=0)
    gain: tuple[float, float] = (0.25, 1.25)
    channel_swap: float = Field(default=0.5, ge=0, le=1)
    num_workers: Annotated[int, WithoutEffect, Field(ge=0)] = 0


class OpenUnmixEvaluationParameters(Strict):
    """Separation of the test tracks, their scores, and what is compared.

    Attributes:
        wiener: The expectation-maximisation filter after the masks.
        engine: What computes museval's metrics: `fast`, or `museval` itself, tens of times slower.
        comparison_updates: Numbers of updates after which every arm is evaluated, beside its epochs, so that
            losses are compared at equal updates.
        bidirectional: Arm that stands for the bidirectional model in table 4.
        unidirectional: Arm that stands for the unidirectional one.
        speed_seconds: Length of the excerpt on which the speed of these two is measured.
    """

    wiener: EMWienerConfig = EMWienerConfig()
    engine: Literal["fast", "museval"] = "fast"
    comparison_updates: tuple[int, ...] = ()
    bidirectional: str
    unidirectional: str
    speed_seconds: float = Field(default=30.0, ge=1)


class OpenUnmixParameters(StemStudyParameters):
    """The whole study, every arm complete."""

    STUDY = STUDY

    spectrogram: SpectrogramConfig = SpectrogramConfig()
    examples: ExcerptParameters
    pool: PoolParameters = PoolParameters()
    evaluation: OpenUnmixEvaluationParameters
    arms: dict[str, ArmParameters]

    @model_validator(mode="after")
    def _compares_what_exists(self) -> OpenUnmixParameters:
        for name, is_unidirectional in (("bidirectional", False), ("unidirectional", True)):
            arm = getattr(self.evaluation, name)
            if arm not in self.arms or self.arms[arm].model.unidirectional != is_unidirectional:
                raise ConfigurationError(
                    f"the arm is not there or not {name}",
                    parameter=f"evaluation.{name}",
                    expected=f"a {name} arm",
                    found=arm,
                )
        return self

    @model_validator(mode="after")
    def _released_models_are_named(self) -> OpenUnmixParameters:
        for name in self.run.arms:
            if self.arms[name].model.released == "unnamed":
                raise UnnamedInputError(
                    f"the arm {name} evaluates released models, and no folder is named",
                    parameter=f"{STUDY}.arms.{name}.model.released",
                    expected="a folder, as in --params=weights=/path/to/umx",
                    found="none",
                )
        return self

    @model_validator(mode="after")
    def _pools_have_songs(self) -> OpenUnmixParameters:
        if self.pooled_arms and (self.data.rendering is None or self.data.rendering.midi_folder is None):
            raise ConfigurationError(
                "a pool renders MIDI files, and the data set has none",
                parameter=f"arms.{self.pooled_arms[0]}.source",
                expected="store, or a rendered data set",
                found="pool",
            )
        return self

    @property
    def pooled_arms(self) -> tuple[str, ...]:
        """Arms of this run whose chunks are rendered while training."""
        return tuple(name for name in self.run.arms if self.arms[name].source == "pool")

    @property
    def compared_arms(self) -> tuple[str, ...]:
        """The two arms of table 4, if both are run."""
        pair = (self.evaluation.bidirectional, self.evaluation.unidirectional)
        return pair if set(pair) <= set(self.run.arms) else ()

    @property
    def heard_arms(self) -> tuple[str, ...]:
        """The compared pair first."""
        return tuple(dict.fromkeys((*self.compared_arms, *self.run.arms)))


def parse_open_unmix(block: Mapping[str, Any], project_path: Path | None) -> OpenUnmixParameters:
    """Merge and check the study's block, see `parse_study`."""
    return parse_study(OpenUnmixParameters, ArmParameters, block, project_path)
