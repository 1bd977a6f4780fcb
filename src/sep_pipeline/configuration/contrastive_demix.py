"""Parameters of study 3: an encoder pre-trained on triplets of stems, under an autoencoder that gives masks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from sep_pipeline.configuration.data import StemName, StoreParameters
from sep_pipeline.configuration.strict import Strict, WithoutEffect, require_known
from sep_pipeline.configuration.study import (
    StudyParameters,
    network_grid,
    parse_study,
)
from sep_pipeline.errors import ConfigurationError
from sep_pipeline.models.deep_demix import ENCODER_PRESETS, MaskModel, encoder_preset
from sep_pipeline.training.config import TrainingConfig

STUDY = "contrastive_demix"
UNTRAINED = "untrained"
"""Name of the encoders without any training, which the pre-trained ones are compared with."""

Range = tuple[float, float]


class NetworkParameters(Strict):
    """Size of the networks.

    Attributes:
        preset: `paper` or `compact`; it also fixes the length of every excerpt in samples.
    """

    preset: Literal["paper", "compact"]

    @model_validator(mode="after")
    def _exists(self) -> NetworkParameters:
        require_known([self.preset], ENCODER_PRESETS, "network.preset")
        return self

    @property
    def chunk_samples(self) -> int:
        """Samples of every excerpt, the only length that the encoder takes."""
        return encoder_preset(self.preset).segment_samples


class DrawingParameters(Strict):
    """What mixtures and triplets have in common: how many, and how they are changed.

    Attributes:
        num_items: Different examples of a training, the same in every pass; None never repeats one.
        num_validation_items: Examples of the fixed list that validation looks at, of songs kept aside.
        semitones: Range of the pitch shift, of training examples only, as is `tempo`.
        tempo: Range of the tempo; above 1 is faster and shorter.
        pitch_tempo_probability: Chance that pitch and tempo are changed at all.
        reference_lufs: Range of the loudness that the levels of an example refer to.
        level_db: Range of the level of a stem relative to it.
        gate_lufs: Stems under this loudness are not raised; the encoder never hears one.
        num_workers: Processes that make the examples of one training.
    """

    num_items: int | None = Field(default=None, ge=1)
    num_validation_items: int = Field(ge=1)
    semitones: Range = (0.0, 0.0)
    tempo: Range = (1.0, 1.0)
    pitch_tempo_probability: float = Field(default=1.0, ge=0, le=1)
    reference_lufs: Range
    level_db: Range = (-5.0, 5.0)
    gate_lufs: float = -60.0
    num_workers: Annotated[int, WithoutEffect, Field(ge=0)] = 0

    @property
    def changes_sound(self) -> bool:
        """Whether pitch or tempo can change."""
        return (self.semitones, self.tempo) != ((0.0, 0.0), (1.0, 1.0)) and self.pitch_tempo_probability > 0


class TripletParameters(DrawingParameters):
    """How triplets are drawn, and their losses.

    Attributes:
        num_test_items: Triplets of test songs on which pre-trained encoders are compared.
        max_redraws: Redraws of a silent excerpt after which one is drawn among those that sound.
        margin: Of the triplet loss.
        temperature: Of the supervised contrastive loss.
    """

    num_test_items: int = Field(ge=1)
    max_redraws: int = Field(default=10, ge=0)
    margin: float = Field(default=1.0, gt=0)
    temperature: float = Field(default=0.1, gt=0)


class PretrainingParameters(Strict):
    """What an encoder is pre-trained by.

    Attributes:
        objective: `triplet`, or `supervised_contrastive` over all excerpts of a batch.
        rule: `corrected` takes anchor and positive from different songs and every other stem as a negative;
            `published` may take one song twice and never draws the last stem as a negative.
    """

    objective: Literal["triplet", "supervised_contrastive"] = "triplet"
    rule: Literal["corrected", "published"] = "corrected"


class StageParameters(Strict):
    """Budget and recipe of both stages.

    Attributes:
        pretraining: Of an encoder.
        training: Of everything that separates, the same for every arm.
    """

    pretraining: TrainingConfig
    training: TrainingConfig


class DemixEvaluationParameters(Strict):
    """Songs that are scored.

    Attributes:
        num_train_songs: Training songs that are scored beside the test songs, the first by name; None for all.
        engine: What computes museval's metrics: `fast`, or `museval` itself, tens of times slower.
    """

    num_train_songs: int | None = Field(default=None, ge=1)
    engine: Literal["fast", "museval"] = "fast"


class ArmParameters(Strict):
    """One scored model.

    Attributes:
        model: `baseline`, the recurrent mask network; `autoencoder`; or `mask_network`, a recurrent one that hears
            the encoder's embedding.
        pretraining: Pre-training that the encoder starts from; None for random weights.
        only_stem: Every mask shall give this one stem, as the study's program had it; None trains all stems.
    """

    model: MaskModel
    pretraining: str | None = None
    only_stem: StemName | None = None

    @model_validator(mode="after")
    def _fits(self) -> ArmParameters:
        if self.model == "baseline" and self.pretraining is not None:
            raise ConfigurationError(
                "the baseline has no encoder to pre-train",
                parameter="pretraining",
                expected="none, or model: autoencoder or mask_network",
                found=self.pretraining,
            )
        return self


class ContrastiveDemixParameters(StudyParameters):
    """The whole study, every arm complete."""

    STUDY = STUDY

    data: StoreParameters
    network: NetworkParameters
    mixtures: DrawingParameters
    triplets: TripletParameters
    pretrainings: dict[str, PretrainingParameters]
    stages: StageParameters
    evaluation: DemixEvaluationParameters = DemixEvaluationParameters()
    arms: dict[str, ArmParameters]

    @model_validator(mode="after")
    def _names_exist(self) -> ContrastiveDemixParameters:
        if UNTRAINED in self.pretrainings:
            raise ConfigurationError(
                "this name stands for encoders without training",
                parameter="pretrainings",
                expected="another name",
                found=UNTRAINED,
            )
        for name, arm in self.arms.items():
            if arm.pretraining is not None:
                require_known([arm.pretraining], self.pretrainings, f"arms.{name}.pretraining")
            if arm.only_stem is not None and name in self.run.arms:
                require_known([arm.only_stem], self.data.stems, f"arms.{name}.only_stem")
        return self

    @model_validator(mode="after")
    def _is_mono(self) -> ContrastiveDemixParameters:
        if self.data.channels != 1:
            raise ConfigurationError(
                "the networks are mono", parameter="data.channels", expected=1, found=self.data.channels
            )
        return self

    @property
    def run_arms(self) -> dict[str, ArmParameters]:
        """The arms of this run by name."""
        return {name: self.arms[name] for name in self.run.arms}

    @property
    def used_pretrainings(self) -> tuple[str, ...]:
        """Names of the pre-trainings that an arm of this run needs, each once."""
        names = [arm.pretraining for arm in self.run_arms.values() if arm.pretraining is not None]
        return tuple(dict.fromkeys(names))

    def grid(self) -> dict[str, Any]:
        """What nodes name beside the blocks.

        `cells.<network>.all.seed_<n>` of untrained, pre-trained and separating networks,
        `arm_runs.<arm>.seed_<n>` and `stems.<stem>`.
        """
        encoders = [encoder_name(name) for name in (UNTRAINED, *self.used_pretrainings)]
        arms = self.run.arms
        return {
            **network_grid(self, (*encoders, *arms), dict.fromkeys(arms, self.data.stems)),
            "stems": {stem: stem for stem in self.data.stems},
            "used_pretrainings": list(self.used_pretrainings),
        }


def encoder_name(pretraining: str) -> str:
    """Name of a pre-trained encoder: `pretraining_triplets`."""
    return f"pretraining_{pretraining}"


def parse_contrastive_demix(
    block: Mapping[str, Any], project_path: Path | None
) -> ContrastiveDemixParameters:
    """Merge and check the study's block, see `parse_study`."""
    return parse_study(ContrastiveDemixParameters, ArmParameters, block, project_path)
