"""Parameters of study 3: the published values, the demo's arms, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sep_pipeline.configuration.contrastive_demix import ContrastiveDemixParameters
from sep_pipeline.configuration.project import parse_parameters
from sep_pipeline.errors import ConfigurationError, UnnamedInputError

ROOT = {"musdb_root": "/music/musdb18"}


@pytest.fixture
def study(load_parameters: Any) -> Any:
    """The study in an environment, after a change of the YAML tree."""

    def parsed(env: str = "base", **changes: Any) -> ContrastiveDemixParameters:
        tree = load_parameters(env, **(ROOT if env == "paper" else {}))
        for dotted, value in changes.items():
            *blocks, name = dotted.split("__")
            place = tree["contrastive_demix"]
            for block in blocks:
                place = place[block]
            place[name] = value
        return parse_parameters(tree, Path("/project")).contrastive_demix

    return parsed


def test_the_paper_has_the_printed_sizes_and_budgets(study: Any) -> None:
    paper = study("paper")
    assert paper.network.chunk_samples == 220_500
    assert (paper.mixtures.num_items, paper.triplets.num_items) == (6000, 6000)
    stages = paper.stages
    assert stages.pretraining.num_steps * 16 == 40 * 6000
    assert stages.training.num_steps * 16 == 45 * 6000
    for stage in (stages.pretraining, stages.training):
        assert (stage.batch_size, stage.learning_rate, stage.optimizer) == (16, 1e-3, "adam")
        assert (stage.schedule, stage.clip, stage.ema_decay, stage.warmup_steps) == (
            "constant",
            "none",
            None,
            0,
        )
    assert paper.triplets.margin == 1.0


def test_the_paper_trains_on_all_songs_of_the_set_as_it_divides_them(study: Any) -> None:
    data = study("paper").data
    assert (data.layout, data.root, data.rendering) == ("musdb18", Path("/music/musdb18"), None)
    assert (data.sample_rate, data.channels, data.splits.override) == (44_100, 1, False)


@pytest.mark.parametrize("env", ["base", "test", "paper"])
def test_the_three_models_are_run_with_several_seeds(study: Any, env: str) -> None:
    run = study(env).run
    assert {"baseline", "autoencoder", "pretrained_autoencoder"} <= set(run.arms)
    assert len(run.seeds) >= 2


def test_arms_of_one_pretraining_share_it(study: Any) -> None:
    run = study(
        arms__again={"pretraining": "triplets"},
        run={"arms": ["pretrained_autoencoder", "again"], "seeds": [3]},
    )
    assert run.used_pretrainings == ("triplets",)
    assert sorted(run.grid()["cells"]) == [
        "again",
        "pretrained_autoencoder",
        "pretraining_triplets",
        "pretraining_untrained",
    ]


def test_without_a_pretrained_arm_nothing_is_pretrained(study: Any) -> None:
    assert study(run={"arms": ["baseline"], "seeds": [0]}).used_pretrainings == ()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"defaults__data__channels": 2}, r"data\.channels.*expected: 1"),
        ({"defaults__network__preset": "tiny"}, r"preset"),
        ({"defaults__triplets__margin": 0}, r"margin"),
        ({"defaults__mixtures__pitch_tempo_probability": 2}, r"pitch_tempo_probability"),
        ({"defaults__pretrainings__untrained": {}}, r"without training"),
        ({"defaults__pretrainings__triplets": {"rule": "fair"}}, r"rule"),
        ({"arms__odd": {"pretraining": "jazz"}}, r"jazz"),
        ({"arms__odd": {"model": "baseline", "pretraining": "triplets"}}, r"no encoder"),
        ({"arms__odd": {"only_stem": "flute"}, "run": {"arms": ["odd"], "seeds": [0]}}, r"flute"),
    ],
)
def test_what_does_not_fit_is_refused(study: Any, change: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=r"(?s)" + message):
        study(**change)


def test_a_set_that_is_not_named_stops_this_study_only(load_parameters: Any) -> None:
    parsed = parse_parameters(load_parameters("paper"), Path("/project"))
    with pytest.raises(UnnamedInputError, match="musdb_root"):
        _ = parsed.contrastive_demix
    assert parsed.leaderboard is not None
