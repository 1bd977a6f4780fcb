"""Parameters of study 5: the published values, the demo's arms, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sep_pipeline.configuration.midi_waveform import MidiWaveformParameters
from sep_pipeline.configuration.project import node_parameters, parse_parameters
from sep_pipeline.errors import ConfigurationError, UnnamedInputError
from sep_pipeline.models.waveform import build_network

ROOT = {"midi_root": "/music/midi"}
LOSSES = ["mae", "mse", "mae_spectrogram", "mae_difference"]
ARMS = [*LOSSES, "wave_unet", "convolution"]


@pytest.fixture
def study(load_parameters: Any) -> Any:
    """The study in an environment, after a change of the YAML tree."""

    def parsed(env: str = "base", **changes: Any) -> MidiWaveformParameters:
        tree = load_parameters(env, **(ROOT if env == "paper" else {}))
        for dotted, value in changes.items():
            *blocks, name = dotted.split("__")
            place = tree["midi_waveform"]
            for block in blocks:
                place = place.setdefault(block, {})
            place[name] = value
        return parse_parameters(tree, Path("/project")).midi_waveform

    return parsed


def test_the_paper_has_the_printed_sizes_and_budget(study: Any) -> None:
    paper = study("paper")
    arm = paper.arms["mae"]
    network = build_network(arm.model.config(4))
    assert sum(value.numel() for value in network.parameters()) == 5_757_444
    training = arm.training
    assert (training.num_steps, training.batch_size, training.learning_rate) == (1500, 12, 1e-4)
    assert (training.optimizer, training.schedule, training.clip) == ("adam", "constant", "none")
    assert (training.ema_decay, training.warmup_steps, training.weight_decay) == (None, 0, 0)
    pool = paper.pool
    assert (pool.pool_size, pool.reuse, pool.chunks_per_song, pool.min_activity) == (1000, 1, 5, 0.8)
    assert (paper.sample_rate, arm.chunk_samples) == (44_100, 4410)
    assert paper.corpus.instruments == ("drums", "piano", "strings", "bass")
    assert (paper.corpus.grouping, paper.corpus.midi_folder) == ("exact", Path("/music/midi"))


@pytest.mark.parametrize(
    ("arm", "number", "heard"), [("convolution", 474_904, 4410), ("wave_unet", 10_263_080, 16_384)]
)
def test_the_paper_s_other_networks_have_their_published_sizes(
    study: Any, arm: str, number: int, heard: int
) -> None:
    paper = study("paper")
    network = build_network(paper.arms[arm].model.config(4))
    assert sum(value.numel() for value in network.parameters()) == number
    assert paper.heard_samples(arm) == heard


@pytest.mark.parametrize("env", ["base", "paper", "test"])
def test_the_four_losses_differ_in_nothing_else(study: Any, env: str) -> None:
    arms = study(env).arms
    losses = {name: arms[name].loss for name in LOSSES}
    assert [losses[name].waveform for name in LOSSES] == ["mae", "mse", "mae", "mae"]
    assert [losses[name].spectrogram_weight for name in LOSSES] == [0, 0, 0.002, 0]
    assert [losses[name].difference_weight for name in LOSSES] == [0, 0, 0, 0.2]
    assert {losses[name].spectrogram_kind for name in LOSSES} == {"db"}
    others = [arms[name].model_dump(exclude={"loss"}) for name in LOSSES]
    assert all(other == others[0] for other in others)
    assert set(ARMS) <= set(study(env).run.arms)


def test_a_chunk_is_as_long_as_the_network_asks_for(study: Any) -> None:
    demo = study(arms__wave_unet__chunk_samples=2000)
    assert demo.heard_samples("wave_unet") == 2048
    options = {"has_context": True}
    demo = study(arms__wave_unet__model={"network": "wave_unet", "options": options})
    assert demo.heard_samples("wave_unet") > 2 * demo.arms["wave_unet"].model.config(4).margin_samples
    assert demo.chunk_lengths == (2048, demo.heard_samples("wave_unet"))


def test_nodes_find_cells_and_lengths_of_chunks(load_parameters: Any) -> None:
    tree = node_parameters(parse_parameters(load_parameters("test"), Path("/project")))["midi_waveform"]
    assert tree["cells"]["mae"]["all"]["seed_0"]["arm"] == "mae"
    assert tree["arm_runs"]["mse"]["seed_0"]["stems"] == ["drums", "piano", "strings", "bass"]
    assert tree["chunk_lengths"] == {"samples_1024": 1024}


def test_a_page_lets_the_networks_be_heard_first(study: Any) -> None:
    assert study().heard_arms[:4] == ("mae", "wave_unet", "convolution", "mse")


def test_how_many_processes_render_changes_no_result(study: Any) -> None:
    from sep_pipeline.fingerprints.values import digest

    assert digest(study().pool) == digest(study(defaults__pool__workers=3).pool)
    assert digest(study().pool) != digest(study(defaults__pool__reuse=3).pool)


def test_the_paper_needs_a_folder_of_midi_files(load_parameters: Any) -> None:
    parameters = parse_parameters(load_parameters("paper"), Path("/project"))
    with pytest.raises(UnnamedInputError, match="midi_root"):
        _ = parameters.midi_waveform


@pytest.mark.parametrize(
    ("changes", "parameter"),
    [
        ({"defaults__corpus__instruments": ["drums", "kazoo"]}, "instruments"),
        ({"defaults__corpus__instruments": ["drums", "drums"]}, "instruments"),
        ({"defaults__corpus__grouping": "class"}, "grouping"),
        ({"defaults__pool__min_present": 5}, "min_present"),
        ({"defaults__pool__pool_size": 11}, "pool_size"),
        ({"defaults__pool__reuse": 0}, "reuse"),
        ({"defaults__model__preset": "huge"}, "preset"),
        ({"defaults__model__options": {"width": 3}}, "config"),
        ({"defaults__loss__waveform": "l1"}, "waveform"),
        ({"defaults__loss__spectrogram_weight": -1}, "spectrogram_weight"),
        ({"defaults__chunk_samples": 0}, "chunk_samples"),
        ({"defaults__evaluation__num_chunks": 0}, "num_chunks"),
        ({"defaults__sample_rate": 4000}, "sample_rate"),
        (
            {"arms__wave_unet__model": {"network": "wave_unet", "options": {"num_channels": 2}}},
            "num_channels",
        ),
        ({"run__arms": ["wavenets"]}, "run.arms"),
        ({"defaults__pool__reuses": 2}, "pool.reuses"),
    ],
)
def test_impossible_parameters_are_refused_by_name(study: Any, changes: Any, parameter: str) -> None:
    with pytest.raises(ConfigurationError) as refusal:
        study(**changes)
    assert parameter in refusal.value.parameter
