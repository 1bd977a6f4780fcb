"""What the parameters of every study have in common: arms, seeds, and the cells of their grid."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from pydantic import Field, field_validator

from sep_pipeline.configuration.arms import resolve_arms
from sep_pipeline.configuration.data import StoreParameters
from sep_pipeline.configuration.strict import Strict, parse, require_block, require_known
from sep_pipeline.errors import ConfigurationError

ALL_STEMS = "all"
"""Stands for the stem of a cell whose one network serves all stems."""


class RunParameters(Strict):
    """Which cells of the grid this run trains.

    Attributes:
        arms: Arm names, or patterns such as `grid_*`; also joined by `+`, as a command line has no lists.
        seeds: Seeds; also joined by `+`.
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

    @property
    def arm_seeds(self) -> tuple[tuple[str, int], ...]:
        """Every arm with every seed, in the order of the configuration."""
        return tuple((arm, seed) for arm in self.arms for seed in self.seeds)


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


class StudyParameters(Strict):
    """The parameters of a study, every arm complete; a study adds its own blocks.

    Attributes:
        STUDY: Name of the study: its block, its pipeline and its folders.
        arms: Every arm by name, of the study's own model.
        run: What is trained.
    """

    STUDY: ClassVar[str]

    arms: Mapping[str, Strict]
    run: RunParameters

    @property
    def heard_arms(self) -> tuple[str, ...]:
        """Arms of this run in the order in which a page that has room for some lets them be heard."""
        return self.run.arms

    def grid(self) -> dict[str, Any]:
        """What nodes name as parameters of the study beside its own blocks, as plain values."""
        return {}


class StemStudyParameters(StudyParameters):
    """A study on one data set that trains a model of its own for every stem.

    Attributes:
        data: The data set.
    """

    data: StoreParameters

    @property
    def targets(self) -> tuple[str, ...]:
        """Stems that a model is trained for."""
        return self.data.stems

    @property
    def cells(self) -> tuple[Cell, ...]:
        """Every arm, stem and seed together, in the order of the configuration."""
        return tuple(
            Cell(study=self.STUDY, arm=arm, stem=stem, seed=seed)
            for seed in self.run.seeds
            for arm in self.run.arms
            for stem in self.targets
        )

    @property
    def arm_runs(self) -> tuple[ArmRun, ...]:
        """Every arm and seed together, in the order of the configuration."""
        return tuple(
            ArmRun(study=self.STUDY, arm=arm, seed=seed, stems=self.targets)
            for arm, seed in self.run.arm_seeds
        )

    def grid(self) -> dict[str, Any]:
        """`cells.<arm>.<stem>.seed_<n>`, `arm_runs.<arm>.seed_<n>` and `stems.<stem>`."""
        return {
            "cells": nested_cells(self.cells),
            "arm_runs": nested_arm_runs(self.arm_runs),
            "stems": {stem: stem for stem in self.targets},
        }


def nested_cells(cells: Iterable[Cell]) -> dict[str, Any]:
    """Cells as plain values by arm, stem and seed."""
    nested: dict[str, Any] = {}
    for cell in cells:
        seeds = nested.setdefault(cell.arm, {}).setdefault(cell.stem, {})
        seeds[f"seed_{cell.seed}"] = cell.model_dump(mode="json")
    return nested


def nested_arm_runs(arm_runs: Iterable[ArmRun]) -> dict[str, Any]:
    """Arms with their seeds as plain values by arm and seed."""
    nested: dict[str, Any] = {}
    for arm_run in arm_runs:
        nested.setdefault(arm_run.arm, {})[f"seed_{arm_run.seed}"] = arm_run.model_dump(mode="json")
    return nested


def network_grid(
    study: StudyParameters, networks: Iterable[str], stems: Mapping[str, tuple[str, ...]]
) -> dict[str, Any]:
    """What nodes name of a study with one network for all stems: `cells.<network>.all.seed_<n>` and arm runs.

    Args:
        study: The study.
        networks: Names of all that is trained, the arms among them.
        stems: Arm of this run to what its separator gives.
    """
    cells = (
        Cell(study=study.STUDY, arm=name, stem=ALL_STEMS, seed=seed)
        for name in networks
        for seed in study.run.seeds
    )
    arm_runs = (
        ArmRun(study=study.STUDY, arm=arm, seed=seed, stems=stems[arm]) for arm, seed in study.run.arm_seeds
    )
    return {"cells": nested_cells(cells), "arm_runs": nested_arm_runs(arm_runs)}


Study = TypeVar("Study", bound=StudyParameters)


def parse_study(
    model: type[Study], arm_model: type[Strict], block: Mapping[str, Any], project_path: Path | None
) -> Study:
    """Merge the arms of a study's block and check everything.

    Args:
        model: The study's parameters.
        arm_model: Those of one arm.
        block: `defaults`, `arms` and `run` as read from YAML. Of the defaults, what `arm_model` names can
            differ between arms; the rest holds for all of them.
        project_path: What relative paths start from.

    Raises:
        ConfigurationError: Anything unknown, missing or contradictory, with its dotted name.
    """
    study = model.STUDY
    require_block(block, study)
    require_known(block, ("defaults", "arms", "run"), study)
    defaults = block.get("defaults", {})
    require_block(defaults, f"{study}.defaults")
    per_arm = arm_model.model_fields
    shared_names = set(model.model_fields) - {"arms", "run"}
    require_known(defaults, {*per_arm, *shared_names}, f"{study}.defaults")
    shared = {key: value for key, value in defaults.items() if key not in per_arm}
    arm_defaults = {key: value for key, value in defaults.items() if key in per_arm}
    parse(arm_model, arm_defaults, name=f"{study}.defaults", project_path=project_path)
    arms = resolve_arms(study, arm_defaults, block.get("arms", {}))
    run = _known_arms(parse(RunParameters, block.get("run", {}), name=f"{study}.run"), tuple(arms), study)
    parsed = {
        name: parse(arm_model, arm, name=f"{study}.arms.{name}", project_path=project_path).model_dump()
        for name, arm in arms.items()
    }
    # Arms and run are right by now, so that what is still wrong stands under `defaults`.
    values = {**shared, "arms": parsed, "run": run.model_dump()}
    return parse(model, values, name=f"{study}.defaults", project_path=project_path)


def _known_arms(run: RunParameters, known: tuple[str, ...], study: str) -> RunParameters:
    """The run with its patterns replaced by the names they fit, each arm once."""
    chosen: dict[str, None] = {}
    for pattern in run.arms:
        found = [name for name in known if fnmatchcase(name, pattern)]
        if not found:
            raise ConfigurationError(
                "an arm to run is not defined",
                parameter=f"{study}.run.arms",
                expected=f"some of {', '.join(known)}",
                found=pattern,
            )
        chosen |= dict.fromkeys(found)
    return RunParameters(arms=tuple(chosen), seeds=run.seeds)
