"""Trainings of study 4 that start from a trained separator."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from sep_pipeline.errors import CheckpointMismatchError, MissingCheckpointError
from sep_pipeline.models.open_unmix import OpenUnmix, OpenUnmixConfig, SpectrogramConfig
from sep_pipeline.pipelines.open_unmix.initial import start_from
from sep_pipeline.separation import save_separator

CONFIG = OpenUnmixConfig(
    spectrogram=SpectrogramConfig(n_fft=64, hop_length=16), hidden_size=4, num_layers=1, num_input_bins=20
)
RATE = 8000


def write(folder: Path, config: Any = CONFIG, model: str = "open_unmix") -> Path:
    """A separator of drums and bass."""
    networks = {stem: OpenUnmix(config, seed=seed) for seed, stem in enumerate(("drums", "bass"), start=1)}
    save_separator(
        folder,
        networks,
        name="earlier",
        model=model,
        config=config,
        sample_rate=RATE,
        channels=config.num_channels,
        seed=0,
        steps=10,
        data_hash="0123",
        licence="made",
    )
    return folder


def test_a_network_takes_over_weights_and_statistics_of_its_stem(tmp_path: Path) -> None:
    network = OpenUnmix(CONFIG, seed=0)
    assert start_from(network, write(tmp_path / "separator"), "bass", RATE) == "earlier"
    expected = OpenUnmix(CONFIG, seed=2).state_dict()
    assert all(torch.equal(value, expected[name]) for name, value in network.state_dict().items())


def test_dropout_may_differ(tmp_path: Path) -> None:
    from dataclasses import replace

    folder = write(tmp_path / "separator", replace(CONFIG, dropout=0.1))
    network = OpenUnmix(CONFIG, seed=0)
    start_from(network, folder, "drums", RATE)
    assert network.config.dropout == CONFIG.dropout


@pytest.mark.parametrize(
    ("stem", "rate", "problem", "expected", "found"),
    [
        ("vocals", RATE, "has no such stem", "vocals", "drums, bass"),
        ("bass", 44100, "has another sample rate", 44100, RATE),
    ],
)
def test_a_separator_of_another_set_is_refused(
    tmp_path: Path, stem: str, rate: int, problem: str, expected: Any, found: Any
) -> None:
    with pytest.raises(CheckpointMismatchError, match=problem) as raised:
        start_from(OpenUnmix(CONFIG, seed=0), write(tmp_path / "separator"), stem, rate)
    assert (raised.value.expected, raised.value.found) == (expected, found)
    assert raised.value.parameter == "open_unmix.defaults.model.initial_weights"


def test_another_size_is_named_with_both_values(tmp_path: Path) -> None:
    network = OpenUnmix(
        OpenUnmixConfig(spectrogram=CONFIG.spectrogram, hidden_size=8, num_layers=1, num_input_bins=20)
    )
    before = {name: value.clone() for name, value in network.state_dict().items()}
    with pytest.raises(CheckpointMismatchError, match="has another size than the arm") as raised:
        start_from(network, write(tmp_path / "separator"), "bass", RATE)
    assert (raised.value.expected, raised.value.found) == ({"hidden_size": 8}, {"hidden_size": 4})
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_another_model_class_is_refused(tmp_path: Path) -> None:
    folder = write(tmp_path / "separator", model="vqvae")
    with pytest.raises(CheckpointMismatchError, match="is of another class"):
        start_from(OpenUnmix(CONFIG, seed=0), folder, "bass", RATE)


def test_a_folder_without_a_separator_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingCheckpointError) as raised:
        start_from(OpenUnmix(CONFIG, seed=0), tmp_path, "bass", RATE)
    assert tmp_path in Path(str(raised.value.file)).parents
