"""Parameters of study 1: the Jukebox VQ-VAE per stem and its transfer-learning ablation."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationInfo, field_validator

from sep_pipeline.configuration.arms import resolve_arms
from sep_pipeline.configuration.data import StoreParameters
from sep_pipeline.configuration.examples import ExampleParameters
from sep_pipeline.configuration.strict import ProjectPath, Strict, parse, require_block, require_known
from sep_pipeline.errors import ConfigurationError
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
            raise ConfigurationError(
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


class RunParameters(Strict):
    """Which cells of the grid this run trains.

    Attributes:
        arms: Arm names; also joined by `+`, as a command line has no lists.
        seeds: Seeds, in the same forms.
    """

    arms: tuple[str, ...] = Field(min_length=1)
    seeds: tuple[int, ...] = Field(min_length=1)

    @field_validator("arms", "seeds", mode="before")
    @classmethod
    def _from_command_line(cls, values: object) -> object:
        if isinstance(values, str):
            return tuple(values.split("+"))
        return (values,) if isinstance(values, int) else values

    @field_validator("arms", "seeds")
    @classmethod
    def _differ(cls, values: tuple[object, ...]) -> tuple[object, ...]:
        if len(set(values)) < len(values):
            raise ValueError("every arm and seed is named once")
        return values


class Cell(Strict):
    """One trained model of the grid.

    Attributes:
        study: Study name.
        arm: Arm name.
        stem: Target stem.
        seed: Seed of initial weights and of the examples.
    """

    study: str
    arm: str
    stem: str
    seed: int

    @property
    def namespace(self) -> str:
        """Of its nodes, artifacts and run: `pretrained.drums.seed_0`."""
        return f"{self.arm}.{self.stem}.seed_{self.seed}"

    @property
    def label(self) -> str:
        """For progress lines: `pretrained/drums seed 0`."""
        return f"{self.arm}/{self.stem} seed {self.seed}"


class ArmRun(Strict):
    """One arm with one seed: the models of all stems together.

    Attributes:
        study: Study name.
        arm: Arm name.
        seed: Seed.
        stems: Stems in the order of the separator's output.
    """

    study: str
    arm: str
    seed: int
    stems: tuple[str, ...]


class JukeboxTransferParameters(Strict):
    """The whole study, every arm complete."""

    data: StoreParameters
    model: ModelParameters
    examples: ExampleParameters
    evaluation: EvaluationParameters
    arms: dict[str, ArmParameters]
    run: RunParameters

    @property
    def cells(self) -> tuple[Cell, ...]:
        """Every arm, stem and seed together, in the order of the configuration."""
        return tuple(
            Cell(study=STUDY, arm=arm, stem=stem, seed=seed)
            for seed in self.run.seeds
            for arm in self.run.arms
            for stem in self.data.stems
        )

    @property
    def arm_runs(self) -> tuple[ArmRun, ...]:
        """Every arm and seed together, in the order of the configuration."""
        return tuple(
            ArmRun(study=STUDY, arm=arm, seed=seed, stems=self.data.stems)
            for arm in self.run.arms
            for seed in self.run.seeds
        )


def parse_jukebox_transfer(block: Mapping[str, Any], project_path: Path | None) -> JukeboxTransferParameters:
    """Merge and check the study's block.

    Args:
        block: `defaults`, `arms` and `run` as read from YAML.
        project_path: What relative paths start from.

    Raises:
        ConfigurationError: Anything unknown, missing or contradictory, with its dotted name.
    """
    require_block(block, STUDY)
    require_known(block, ("defaults", "arms", "run"), STUDY)
    defaults = block.get("defaults", {})
    require_block(defaults, f"{STUDY}.defaults")
    per_arm, shared_names = ArmParameters.model_fields, {"data", "model", "examples", "evaluation"}
    require_known(defaults, {*per_arm, *shared_names}, f"{STUDY}.defaults")
    shared = {key: value for key, value in defaults.items() if key not in per_arm}
    arm_defaults = {key: value for key, value in defaults.items() if key in per_arm}
    parse(ArmParameters, arm_defaults, name=f"{STUDY}.defaults", project_path=project_path)
    arms = resolve_arms(STUDY, arm_defaults, block.get("arms", {}))
    run = parse(RunParameters, block.get("run", {}), name=f"{STUDY}.run")
    for name in run.arms:
        if name not in arms:
            raise ConfigurationError(
                "an arm to run is not defined",
                parameter=f"{STUDY}.run.arms",
                expected=f"some of {', '.join(arms)}",
                found=name,
            )
    parsed = {
        name: parse(ArmParameters, arm, name=f"{STUDY}.arms.{name}", project_path=project_path).model_dump()
        for name, arm in arms.items()
    }
    # Arms and run are right by now, so that what is still wrong stands under `defaults`.
    values = {**shared, "arms": parsed, "run": run.model_dump()}
    return parse(JukeboxTransferParameters, values, name=f"{STUDY}.defaults", project_path=project_path)
