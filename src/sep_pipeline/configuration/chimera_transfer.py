"""Parameters of study 2: ChimeraNet pre-trained on large sets and fine-tuned on tiny ones."""

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
from sep_pipeline.models.chimera import CHIMERA_PRESETS
from sep_pipeline.training.config import TrainingConfig

STUDY = "chimera_transfer"
Drawing = Literal["coherent", "incoherent"]
Variant = Literal["whole", "mask", "scratch"]
Stage = Literal["pretraining", "fine_tuning", "baseline"]


class MixtureParameters(Strict):
    """What is mixed for training and for scoring.

    Attributes:
        stores: Data sets whose songs are drawn from, as one list.
        sources: Names of the sources, in alphabetical order, which is that of the network's masks.
        groups: Source to the stems it sums; a source that is not named is the stem of its name.
        train: `coherent` takes all sources of a mixture from one song and start, `incoherent` draws each.
        test: The same for the excerpts that are scored.
    """

    stores: tuple[str, ...] = Field(min_length=1)
    sources: tuple[StemName, ...] = Field(min_length=2)
    groups: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    train: Drawing = "coherent"
    test: Drawing = "coherent"

    @model_validator(mode="after")
    def _are_in_order(self) -> MixtureParameters:
        if list(self.sources) != sorted(set(self.sources)):
            raise ConfigurationError(
                "sources stand once each and in alphabetical order",
                parameter="sources",
                expected=", ".join(sorted(set(self.sources))),
                found=", ".join(self.sources),
            )
        return self


class ConditionParameters(Strict):
    """What is done to the mixtures of pre-training.

    Attributes:
        incoherent: Whether every source is drawn from a song and start of its own.
        semitones: Range of the pitch shift.
        tempo: Range of the tempo; above 1 is faster.
    """

    incoherent: bool = False
    semitones: tuple[float, float] = (0.0, 0.0)
    tempo: tuple[float, float] = (1.0, 1.0)

    @property
    def changes_sound(self) -> bool:
        """Whether pitch or tempo change."""
        return self.semitones != (0.0, 0.0) or self.tempo != (1.0, 1.0)


class ArmParameters(Strict):
    """One scored model.

    Attributes:
        pretrained_on: Mixture of the pre-training; None for none.
        condition: Condition of the pre-training.
        downstream: Mixture that the model is trained for and scored on.
        variant: `whole` fine-tunes everything, `mask` the mask head alone, `scratch` is not pre-trained.
        freeze: How `mask` holds the rest: `strict`, or `weights_only`, in which normalisation and dropout go on.
    """

    pretrained_on: str | None
    condition: str
    downstream: str
    variant: Variant
    freeze: Literal["strict", "weights_only"] = "strict"

    @model_validator(mode="after")
    def _fits(self) -> ArmParameters:
        if (self.variant == "scratch") != (self.pretrained_on is None):
            raise ConfigurationError(
                "a model from scratch has no pre-training, every other has one",
                parameter="variant",
                expected="scratch" if self.pretrained_on is None else "whole or mask",
                found=self.variant,
            )
        return self


class NetworkParameters(Strict):
    """Size of the ChimeraNet.

    Attributes:
        preset: `paper` or `compact`.
    """

    preset: Literal["paper", "compact"]

    @model_validator(mode="after")
    def _exists(self) -> NetworkParameters:
        require_known([self.preset], CHIMERA_PRESETS, "network.preset")
        return self


class MixtureExampleParameters(Strict):
    """How mixtures are drawn.

    Attributes:
        chunk_seconds: Length of a mixture.
        num_validation_mixtures: Mixtures of the fixed list that validation looks at.
        validation_split: Songs it is made of: those of `train`, or held-out ones (`validation`), or those of
            `test`, which leaks.
        num_workers: Processes that make the mixtures of one training.
    """

    chunk_seconds: float = Field(gt=0)
    num_validation_mixtures: int = Field(ge=1)
    validation_split: Literal["train", "validation", "test"] = "train"
    num_workers: Annotated[int, WithoutEffect, Field(ge=0)] = 0


class StageParameters(Strict):
    """Budget and recipe of every stage.

    Attributes:
        pretraining: Deep clustering on large sets.
        fine_tuning: What follows on the tiny set.
        baseline: From scratch on the tiny set; as many updates as both together.
    """

    pretraining: TrainingConfig
    fine_tuning: TrainingConfig
    baseline: TrainingConfig

    @model_validator(mode="after")
    def _is_fair(self) -> StageParameters:
        total = self.pretraining.num_steps + self.fine_tuning.num_steps
        if self.baseline.num_steps != total:
            raise ConfigurationError(
                "the baseline has as many updates as pre-training and fine-tuning together",
                parameter="stages.baseline.num_steps",
                expected=total,
                found=self.baseline.num_steps,
            )
        return self


class ChimeraEvaluationParameters(Strict):
    """Excerpts that are scored.

    Attributes:
        num_excerpts: Excerpts of every downstream set, the same for every model.
        excerpt_seconds: Their length.
        curve_downstream: Set whose scores are followed along the training (figure 3); None for none.
        curve_excerpts: How many of the excerpts the curve looks at.
    """

    num_excerpts: int = Field(ge=1)
    excerpt_seconds: float = Field(gt=0)
    curve_downstream: str | None = None
    curve_excerpts: int = Field(default=20, ge=1)


class ChimeraTransferParameters(StudyParameters):
    """The whole study, every arm complete.

    Attributes:
        level_db: Level in dB that figure 3 asks for; apart from `evaluation`, since no training depends on it.
    """

    STUDY = STUDY

    stores: dict[str, StoreParameters]
    mixtures: dict[str, MixtureParameters]
    conditions: dict[str, ConditionParameters]
    network: NetworkParameters
    examples: MixtureExampleParameters
    stages: StageParameters
    evaluation: ChimeraEvaluationParameters
    level_db: float = 5.0
    arms: dict[str, ArmParameters]

    @model_validator(mode="after")
    def _names_exist(self) -> ChimeraTransferParameters:
        for name, mixture in self.mixtures.items():
            require_known(mixture.stores, self.stores, f"mixtures.{name}.stores")
        for name, arm in self.arms.items():
            wanted = [arm.downstream, *([] if arm.pretrained_on is None else [arm.pretrained_on])]
            require_known(wanted, self.mixtures, f"arms.{name}")
            require_known([arm.condition], self.conditions, f"arms.{name}.condition")
        return self

    @model_validator(mode="after")
    def _stores_are_alike(self) -> ChimeraTransferParameters:
        kinds = {(store.sample_rate, store.channels) for store in self.stores.values()}
        if len(kinds) > 1 or any(channels != 1 for _, channels in kinds):
            raise ConfigurationError(
                "the study mixes mono stores of one sample rate",
                parameter="stores",
                expected="one sample_rate, channels 1",
                found=", ".join(f"{rate} Hz, {channels} channels" for rate, channels in sorted(kinds)),
            )
        return self

    @model_validator(mode="after")
    def _curve_exists(self) -> ChimeraTransferParameters:
        if self.evaluation.curve_downstream is not None:
            require_known([self.evaluation.curve_downstream], self.mixtures, "evaluation.curve_downstream")
        return self

    @property
    def run_arms(self) -> dict[str, ArmParameters]:
        """The arms of this run by name."""
        return {name: self.arms[name] for name in self.run.arms}

    @property
    def pretrainings(self) -> tuple[tuple[str, str], ...]:
        """Mixture and condition of every pre-training that an arm of this run needs, each once."""
        needed = {
            (arm.pretrained_on, arm.condition): None
            for arm in self.run_arms.values()
            if arm.pretrained_on is not None
        }
        return tuple(needed)

    @property
    def used_mixtures(self) -> dict[str, MixtureParameters]:
        """The mixtures of this run by name."""
        names = [
            name for arm in self.run_arms.values() for name in (arm.pretrained_on, arm.downstream) if name
        ]
        return {name: self.mixtures[name] for name in dict.fromkeys(names)}

    @property
    def used_stores(self) -> dict[str, StoreParameters]:
        """The data sets of this run by name."""
        names = [store for mixture in self.used_mixtures.values() for store in mixture.stores]
        return {name: self.stores[name] for name in dict.fromkeys(names)}

    @property
    def downstream(self) -> tuple[str, ...]:
        """Mixtures that models of this run are scored on."""
        return tuple(dict.fromkeys(arm.downstream for arm in self.run_arms.values()))

    @property
    def heard_arms(self) -> tuple[str, ...]:
        """Those that are scored on the same excerpts as the first: others have nothing to compare with them."""
        return tuple(name for name, arm in self.run_arms.items() if arm.downstream == self.downstream[0])

    def stores_of(self, mixture: str) -> dict[str, str]:
        """Store name to catalog name of the stores of a mixture."""
        return {name: f"{self.stores[name].name}.stem_store" for name in self.mixtures[mixture].stores}

    def grid(self) -> dict[str, Any]:
        """What nodes name beside the blocks.

        `cells.<network>.all.seed_<n>` of pre-trained and scored networks, `arm_runs.<arm>.seed_<n>`, and
        `is_scored.<mixture>`.
        """
        names = [pretraining_name(*pretraining) for pretraining in self.pretrainings]
        sources = {name: self.mixtures[arm.downstream].sources for name, arm in self.run_arms.items()}
        return {
            **network_grid(self, (*names, *self.run.arms), sources),
            "is_scored": {name: name in self.downstream for name in self.used_mixtures},
        }


def pretraining_name(mixture: str, condition: str) -> str:
    """Name of a pre-trained network: `pretraining_slakh_none`."""
    return f"pretraining_{mixture}_{condition}"


def parse_chimera_transfer(block: Mapping[str, Any], project_path: Path | None) -> ChimeraTransferParameters:
    """Merge and check the study's block, see `parse_study`."""
    return parse_study(ChimeraTransferParameters, ArmParameters, block, project_path)
