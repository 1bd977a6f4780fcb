"""Parameters of study 1: the Jukebox VQ-VAE per stem and its transfer-learning ablation."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationInfo, field_validator

from sep_pipeline.configuration.examples import ExampleParameters
from sep_pipeline.configuration.strict import ProjectPath, Strict
from sep_pipeline.configuration.study import StemStudyParameters, parse_study
from sep_pipeline.errors import UnnamedInputError
from sep_pipeline.training.config import TrainingConfig

STUDY = "jukebox_transfer"
SHIPPED_WEIGHTS = Path(__file__).parents[1] / "weights"


class ModelParameters(Strict):
    """Which VQ-VAE, and the weights that transfer starts from.

    Attributes:
        preset: `auto` takes the preset that belongs to the weights.
        weights: `shipped`, which becomes the path of the weights that come with the project, or a Jukebox
            checkpoint (`.pth.tar`), or safetensors written by `jukebox_pretrain`.
    """

    preset: Literal["auto", "jukebox", "compact"] = "auto"
    weights: ProjectPath = Field(default=Path("shipped"), validate_default=True)

    @field_validator("weights", mode="before")
    @classmethod
    def _are_named(cls, weights: object, info: ValidationInfo) -> object:
        if not isinstance(weights, str | Path) or not str(weights):
            raise UnnamedInputError(
                "the weights that transfer starts from are not named",
                parameter="model.weights",
                expected="shipped, or a file as in --params=weights=/path/to/vqvae.pth.tar",
                found=weights,
            )
        if str(weights) != "shipped":
            return weights
        # A path, not the word, so that fingerprints follow the content of the shipped file.
        preset = info.data.get("preset", "auto")
        folder = f"jukebox_{'compact' if preset == 'auto' else preset}"
        return SHIPPED_WEIGHTS / folder / "weights.safetensors"

    @property
    def weights_name(self) -> str:
        """Name for tables: the folder of weights of this project, the file of others."""
        is_own = self.weights.name == "weights.safetensors"
        return self.weights.parent.name if is_own else self.weights.name

    def resolved_preset(self) -> str:
        """`jukebox` or `compact`."""
        if self.preset != "auto":
            return self.preset
        return "jukebox" if str(self.weights).endswith((".pth.tar", ".pth", ".tar")) else "compact"


class PhaseOneParameters(Strict):
    """Phase 1: the VQ-VAE on the isolated stem (spec of the study, section 6).

    Attributes:
        initial_weights: `pretrained` starts from the transferred weights, `random` from scratch.
        codebook: `ema` updates it by moving averages; `frozen` never changes it, as it was really run.
        training: Budget and optimiser recipe; zero steps pass the initial weights on.
    """

    initial_weights: Literal["pretrained", "random"]
    codebook: Literal["ema", "frozen"]
    training: TrainingConfig


class PhaseTwoParameters(Strict):
    """Phase 2: the mixture encoder onto the stem encoder's embedding (section 7).

    Attributes:
        me_init: What the mixture encoder starts from.
        me_loss: `embedding` as published; `embedding_and_decoded` adds the waveform and spectral losses of
            the decoded embedding, an extension of this project.
        training: Budget and optimiser recipe.
    """

    me_init: Literal["random", "stem_encoder", "pretrained"]
    me_loss: Literal["embedding", "embedding_and_decoded"]
    training: TrainingConfig


class ArmParameters(Strict):
    """Everything in which arms may differ."""

    phase_one: PhaseOneParameters
    phase_two: PhaseTwoParameters


class EvaluationParameters(Strict):
    """Separation of the test tracks and their scores.

    Attributes:
        mode: `context` gives every chunk its real surroundings; `published` cuts bare chunks.
        wiener: Whether a labelled extra row refines the estimates with power-ratio masks.
        engine: What computes museval's metrics: `fast`, or `museval` itself, tens of times slower.
        curve_seconds: Length of the excerpt per track behind the score-against-step figure; 0 leaves it out.
    """

    mode: Literal["context", "published"] = "context"
    wiener: bool = True
    engine: Literal["fast", "museval"] = "fast"
    curve_seconds: float = Field(default=15.0, ge=0)


class JukeboxTransferParameters(StemStudyParameters):
    """The whole study, every arm complete."""

    STUDY = STUDY

    model: ModelParameters
    examples: ExampleParameters
    evaluation: EvaluationParameters
    arms: dict[str, ArmParameters]


def parse_jukebox_transfer(block: Mapping[str, Any], project_path: Path | None) -> JukeboxTransferParameters:
    """Merge and check the study's block, see `parse_study`."""
    return parse_study(JukeboxTransferParameters, ArmParameters, block, project_path)
