"""Parameters of study 4: the printed rows, the grid, and what is refused."""

from pathlib import Path
from typing import Any

import pytest

from sep_pipeline.configuration.open_unmix import OpenUnmixParameters
from sep_pipeline.configuration.project import parse_parameters
from sep_pipeline.errors import ConfigurationError, UnnamedInputError
from sep_pipeline.models.open_unmix import SpectrogramConfig

PAPER = {"musdb_root": "/music/musdb18", "weights": "/music/vqvae.pth.tar"}
PRINTED = {
    "open_unmix": (8, 256, 16, 1),
    "open_unmix2": (4, 256, 16, 1),
    "open_unmix3": (16, 512, 16, 1),
    "open_unmix4": (16, 512, 16, 4),
    "open_unmix5": (32, 512, 32, 5),
    "open_unmix6": (32, 512, 32, 1),
}


@pytest.fixture
def study(load_parameters: Any) -> Any:
    """The study in an environment, after a change of the YAML tree."""

    def parsed(env: str = "base", **changes: Any) -> OpenUnmixParameters:
        tree = load_parameters(env, **(PAPER if env == "paper" else {}))
        for dotted, value in changes.items():
            *blocks, name = dotted.split("__")
            place = tree["open_unmix"]
            for block in blocks:
                place = place[block]
            place[name] = value
        return parse_parameters(tree, Path("/project")).open_unmix

    return parsed


def settings(study: OpenUnmixParameters, arm: str) -> tuple[int, int, int, int]:
    found = study.arms[arm]
    training = found.training
    return training.batch_size, found.model.hidden_size, training.samples_per_track, training.epochs


@pytest.mark.parametrize("arm", PRINTED)
def test_the_paper_has_the_settings_of_its_table(study: Any, arm: str) -> None:
    assert settings(study("paper"), arm) == PRINTED[arm]


def test_the_paper_runs_every_combination_three_times(study: Any) -> None:
    paper = study("paper")
    grid = [arm for arm in paper.run.arms if arm.startswith("grid_")]
    found = {(*settings(paper, arm), paper.arms[arm].model.unidirectional) for arm in grid}
    assert len(grid) == len(found) == 4 * 2 * 2 * 2 * 3
    assert {values[0] for values in found} == {4, 8, 16, 32}
    assert {values[1] for values in found} == {256, 512}
    assert {values[2] for values in found} == {16, 32}
    assert {values[3] for values in found} == {1, 4, 5}
    assert paper.run.seeds == (0, 1, 2)


@pytest.mark.parametrize("factor", range(5))
def test_the_demo_varies_every_factor_alone(study: Any, factor: int) -> None:
    demo = study()
    rows = [(*settings(demo, arm), demo.arms[arm].model.unidirectional) for arm in demo.run.arms]
    others = [(row[factor], row[:factor] + row[factor + 1 :]) for row in rows]
    assert any(a[1] == b[1] and a[0] != b[0] for a in others for b in others)


@pytest.mark.parametrize(("batch_size", "updates"), [(4, 344), (8, 172), (16, 86)])
def test_updates_of_an_epoch_of_86_tracks(study: Any, batch_size: int, updates: int) -> None:
    arm = study("paper", arms__half_batch={"training": {"batch_size": batch_size}}).arms["half_batch"]
    assert arm.training.updates_per_epoch(86) == updates


def test_a_last_partial_batch_counts_as_an_update(study: Any) -> None:
    assert study("paper").arms["open_unmix5"].training.updates_per_epoch(7) == 7
    assert study("paper").arms["open_unmix5"].training.updates_per_epoch(1) == 1
    assert study("paper").arms["open_unmix4"].training.updates_per_epoch(1) == 1


def test_the_recipe_is_that_of_the_package(study: Any) -> None:
    config = study("paper").arms["open_unmix4"].training.config(80, (80, 320))
    assert (config.num_steps, config.batch_size, config.evaluate_every_steps) == (320, 16, 80)
    assert (config.optimizer, config.learning_rate, config.weight_decay) == ("adam", 1e-3, 1e-5)
    assert (config.schedule, config.plateau_factor) == ("plateau", 0.3)
    assert (config.plateau_patience, config.plateau_cooldown) == (80, 10)
    assert (config.early_stopping_patience, config.should_keep_best) == (140, True)
    assert (config.clip, config.ema_decay, config.warmup_steps) == ("none", None, 0)
    assert config.evaluate_at_steps == (80, 320)


def test_the_model_reads_up_to_16_khz(study: Any) -> None:
    config = study("paper").arms["open_unmix4"].model.config(SpectrogramConfig(), 2, 44100)
    assert config.num_input_bins == 1487
    assert not config.is_unidirectional


def test_patterns_choose_arms_once_each(study: Any) -> None:
    run = study("base", run__arms=["open_unmix?", "open_unmix2", "unidirectional"]).run
    assert run.arms == (*(f"open_unmix{n}" for n in range(2, 7)), "unidirectional")


def test_a_pattern_without_an_arm_is_refused(study: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"open_unmix\.run\.arms.*grids_"):
        study("base", run__arms=["grids_*"])


@pytest.mark.parametrize(
    ("name", "arm"),
    [("unidirectional", "open_unmix4"), ("bidirectional", "unidirectional"), ("bidirectional", "x")],
)
def test_the_compared_arms_must_be_what_they_are_called(study: Any, name: str, arm: str) -> None:
    with pytest.raises(ConfigurationError, match=f"not {name}"):
        study("base", **{f"defaults__evaluation__{name}": arm})


def test_an_unknown_key_of_an_arm_is_named(study: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"open_unmix\.arms\.half_batch\.training\.batchsize"):
        study("base", arms__half_batch={"training": {"batchsize": 8}})


def test_released_models_have_to_be_named_for_a_run_of_their_arm(study: Any) -> None:
    assert study("base").arms["umx"].model.released == "unnamed"
    with pytest.raises(UnnamedInputError, match=r"--params=weights=/path/to/umx"):
        study("base", run__arms=["umx"])


def test_named_released_models_are_a_path(load_parameters: Any) -> None:
    tree = load_parameters("base", weights="models/umx")
    tree["open_unmix"]["run"]["arms"] = ["umx"]
    parsed = parse_parameters(tree, Path("/project")).open_unmix
    assert parsed.arms["umx"].model.released == Path("/project/models/umx")
