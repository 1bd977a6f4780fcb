"""Parameters of study 2: the published grid, the demo's share of it, and what is refused."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest

from sep_pipeline.configuration.chimera_transfer import ChimeraTransferParameters
from sep_pipeline.configuration.project import parse_parameters
from sep_pipeline.errors import ConfigurationError, UnnamedInputError

ROOTS = {f"{name}_root": f"/music/{name}" for name in ("musdb", "slakh", "bach10", "choirset", "remixpacks")}
SETS = ["bach10", "choirset", "remixpacks"]
CONDITIONS = ["none", "pitch_shift", "time_stretch", "incoherent"]


@pytest.fixture
def study(load_parameters: Any) -> Any:
    """The study in an environment, after a change of the YAML tree."""

    def parsed(env: str = "base", **changes: Any) -> ChimeraTransferParameters:
        tree = load_parameters(env, **(ROOTS if env == "paper" else {}))
        for dotted, value in changes.items():
            *blocks, name = dotted.split("__")
            place = tree["chimera_transfer"]
            for block in blocks:
                place = place[block]
            place[name] = value
        return parse_parameters(tree, Path("/project")).chimera_transfer

    return parsed


def test_the_paper_scores_75_models_from_12_pretrainings(study: Any) -> None:
    paper = study("paper")
    assert len(paper.run.arms) == 75
    assert len(paper.pretrainings) == 12
    cells = {
        (arm.downstream, arm.pretrained_on, arm.condition, arm.variant)
        for arm in paper.run_arms.values()
        if arm.variant != "scratch"
    }
    assert cells == set(
        itertools.product(SETS, ["musdb", "slakh", "musdb_slakh"], CONDITIONS, ["whole", "mask"])
    )


def test_the_paper_has_the_printed_budgets(study: Any) -> None:
    paper = study("paper")
    stages = paper.stages
    assert (stages.pretraining.num_steps, stages.fine_tuning.num_steps, stages.baseline.num_steps) == (
        10_000,
        2_000,
        12_000,
    )
    for stage in (stages.pretraining, stages.fine_tuning, stages.baseline):
        assert (stage.batch_size, stage.learning_rate, stage.optimizer) == (24, 1e-3, "adam")
        assert (stage.clip, stage.clip_percentile, stage.ema_decay) == ("autoclip", 10, None)
        assert (stage.schedule, stage.plateau_factor, stage.plateau_patience) == ("plateau", 0.5, 5)
        assert stage.evaluate_every_steps == 100
    assert (paper.evaluation.num_excerpts, paper.examples.chunk_seconds) == (1000, 10)
    assert paper.network.preset == "paper"


def test_the_demo_has_every_factor_and_two_seeds(study: Any) -> None:
    demo = study()
    arms = demo.run_arms.values()
    assert {arm.downstream for arm in arms} == set(SETS)
    assert {arm.pretrained_on for arm in arms} == {None, "musdb", "slakh", "musdb_slakh"}
    assert {arm.condition for arm in arms} == set(CONDITIONS)
    assert {arm.variant for arm in arms} == {"scratch", "whole", "mask"}
    assert len(demo.run.seeds) >= 2


def test_mixtures_are_drawn_as_published(study: Any) -> None:
    drawn = {name: (mixture.train, mixture.test) for name, mixture in study("paper").mixtures.items()}
    assert drawn == {
        "musdb": ("coherent", "coherent"),
        "slakh": ("coherent", "coherent"),
        "musdb_slakh": ("coherent", "coherent"),
        "bach10": ("incoherent", "coherent"),
        "choirset": ("coherent", "coherent"),
        "remixpacks": ("incoherent", "incoherent"),
    }


def test_only_what_a_run_needs_is_made(study: Any) -> None:
    run = study(run={"arms": ["bach10_scratch"], "seeds": [0]})
    assert list(run.used_stores) == ["bach10"]
    assert run.pretrainings == ()


def test_cells_name_pretrainings_and_arms_once_per_seed(study: Any) -> None:
    run = study(run={"arms": ["tuned_bach10_slakh_none_*"], "seeds": [3, 4]})
    assert {(arm, seed) for arm, stems in run.grid()["cells"].items() for seed in stems["all"]} == set(
        itertools.product(
            ["pretraining_slakh_none", "tuned_bach10_slakh_none_whole", "tuned_bach10_slakh_none_mask"],
            ["seed_3", "seed_4"],
        )
    )
    assert run.grid()["is_scored"] == {"slakh": False, "bach10": True}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"defaults__stages__baseline__num_steps": 321}, r"as many updates.*expected: 320"),
        ({"defaults__mixtures__slakh__sources": ["other", "drums"]}, r"alphabetical.*drums, other"),
        ({"defaults__mixtures__slakh__stores": ["slack"]}, r"slack"),
        ({"defaults__stores__slakh__sample_rate": 8000}, r"one sample rate"),
        ({"defaults__evaluation__curve_downstream": "choir"}, r"curve_downstream"),
        ({"defaults__network__preset": "tiny"}, r"preset"),
        ({"arms__odd": {"pretrained_on": "slakh"}}, r"variant.*whole or mask"),
        ({"arms__odd": {"pretrained_on": "jazz", "variant": "whole"}}, r"jazz"),
        ({"arms__odd": {"condition": "reverb"}}, r"reverb"),
        ({"arms__odd": {"variant": "mask"}}, r"expected: scratch"),
    ],
)
def test_what_does_not_fit_is_refused(study: Any, change: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=r"(?s)" + message):
        study(**change)


def test_a_set_that_is_not_named_stops_this_study_alone(load_parameters: Any) -> None:
    parsed = parse_parameters(
        load_parameters("paper", musdb_root="/music/musdb", weights="/music/vqvae.pth.tar"), Path("/project")
    )
    assert parsed.open_unmix.data.root == Path("/music/musdb")
    with pytest.raises(UnnamedInputError, match=r"chimera|slakh"):
        _ = parsed.chimera_transfer


def test_weights_that_are_not_named_stop_study_1_alone(load_parameters: Any) -> None:
    parsed = parse_parameters(load_parameters("paper", musdb_root="/music/musdb"), Path("/project"))
    assert parsed.open_unmix.data.root == Path("/music/musdb")
    with pytest.raises(UnnamedInputError, match="weights"):
        _ = parsed.jukebox_transfer
