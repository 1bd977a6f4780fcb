"""Checkpoint files of the `openunmix` package, both ways, and what is wrong with damaged ones."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import openunmix
import pytest
import torch
from openunmix import utils as openunmix_utils
from torch import Tensor

from sep_pipeline.errors import (
    CheckpointMismatchError,
    ConfigurationError,
    MissingCheckpointError,
    TruncatedCheckpointError,
)
from sep_pipeline.models.open_unmix import OpenUnmix, OpenUnmixConfig, SpectrogramConfig
from sep_pipeline.models.open_unmix.released import load_released, save_released
from sep_pipeline.models.weights import load_into

SIZES = SpectrogramConfig(n_fft=64, hop_length=16)


def config(**changes: Any) -> OpenUnmixConfig:
    settings: dict[str, Any] = {"spectrogram": SIZES, "hidden_size": 8, "num_input_bins": 20}
    return OpenUnmixConfig(**settings | changes)


def model(seed: int = 0, **changes: Any) -> OpenUnmix:
    """A model whose every tensor differs from its initial value."""
    network = OpenUnmix(config(**changes), seed=seed)
    generator = torch.Generator().manual_seed(seed)
    for tensor in network.state_dict().values():
        if tensor.is_floating_point():
            tensor.copy_(0.2 + torch.rand(tensor.shape, generator=generator))
    return network.eval()


def magnitudes(num_channels: int = 2) -> Tensor:
    return torch.rand(1, num_channels, 30, 33, generator=torch.Generator().manual_seed(9))


def read_back(folder: Path, target: str) -> OpenUnmix:
    released = load_released(folder, target)
    network = OpenUnmix(released.config)
    load_into(network, released.state, file=folder)
    return network.eval()


def package_estimate(network: torch.nn.Module, magnitude: Tensor) -> Tensor:
    return network(magnitude.transpose(-1, -2)).transpose(-1, -2)


def rewrite(path: Path, **changes: Any) -> None:
    content = json.loads(path.read_text())
    content.get("args", content).update(changes)
    path.write_text(json.dumps(content))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save_released(tmp_path / "set", {"vocals": model()}, sample_rate=8000)
    return tmp_path / "set"


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"is_unidirectional": True},
        {"num_channels": 1},
        {"num_layers": 1, "num_input_bins": 33},
        {"hidden_size": 12, "spectrogram": SpectrogramConfig(n_fft=64, hop_length=32)},
    ],
)
def test_what_is_written_is_read_back(changes: dict[str, Any], tmp_path: Path) -> None:
    network = model(seed=4, **changes)
    save_released(tmp_path / "set", {"bass": network}, sample_rate=16_000)
    released = load_released(tmp_path / "set", "bass")
    assert released.config == network.config
    assert released.sample_rate == 16_000
    assert released.ignored == ()
    assert all(torch.equal(value, released.state[name]) for name, value in network.state_dict().items())


def test_the_package_reads_what_is_written(tmp_path: Path) -> None:
    networks = {"vocals": model(seed=1), "drums": model(seed=2)}
    save_released(tmp_path / "set", networks, sample_rate=8000)
    loaded = openunmix_utils.load_target_models(["vocals", "drums"], str(tmp_path / "set"))
    for target, network in networks.items():
        expected = network(magnitudes())
        found = package_estimate(loaded[target].eval(), magnitudes())
        torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-6)


def test_the_package_makes_a_separator_of_what_is_written(tmp_path: Path) -> None:
    save_released(tmp_path / "set", {"vocals": model(seed=1), "drums": model(seed=2)}, sample_rate=8000)
    separator = openunmix_utils.load_separator(str(tmp_path / "set"), targets=["vocals", "drums"], niter=0)
    assert (separator.stft.n_fft, separator.stft.n_hop) == (64, 16)
    assert float(separator.sample_rate) == 8000
    assert separator(torch.zeros(1, 2, 640)).shape == (1, 2, 2, 640)


@pytest.mark.parametrize("is_unidirectional", [False, True])
def test_what_the_package_writes_is_read(is_unidirectional: bool, tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = openunmix.model.OpenUnmix(
        nb_bins=33, nb_channels=2, hidden_size=8, max_bin=20, unidirectional=is_unidirectional
    ).eval()
    openunmix_utils.save_checkpoint({"state_dict": network.state_dict()}, True, str(tmp_path), "other")
    arguments = {
        "nfft": 64,
        "nhop": 16,
        "nb_channels": 2,
        "hidden_size": 8,
        "unidirectional": is_unidirectional,
    }
    (tmp_path / "other.json").write_text(json.dumps({"args": arguments, "best_loss": 1.5}))
    settings = {"nfft": 64, "nhop": 16, "sample_rate": 44100.0, "nb_channels": 2}
    (tmp_path / "separator.json").write_text(json.dumps(settings))
    assert load_released(tmp_path, "other").config == config(is_unidirectional=is_unidirectional)
    found = read_back(tmp_path, "other")(magnitudes())
    torch.testing.assert_close(found, package_estimate(network, magnitudes()), rtol=1e-6, atol=1e-6)


def test_a_downloaded_file_is_read_by_itself(folder: Path) -> None:
    file = (folder / "vocals.pth").rename(folder.parent / "vocals-b62c91ce.pth")
    released = load_released(file, "vocals")
    assert released.config == config()
    assert released.sample_rate == 44_100
    other = load_released(file, "vocals", hop_length=32, sample_rate=16_000)
    assert (other.config.spectrogram.hop_length, other.sample_rate) == (32, 16_000)


@pytest.mark.parametrize("name", ["vocals-b62c91ce.pth", "vocals_b62c91ce.pth"])
def test_a_name_may_end_in_a_digest(name: str, folder: Path) -> None:
    (folder / "vocals.pth").rename(folder / name)
    assert load_released(folder, "vocals").config == config()


def test_further_entries_are_listed(folder: Path) -> None:
    state = torch.load(folder / "vocals.pth")
    state |= {"stft.window": torch.ones(64), "sample_rate": torch.tensor(48_000.0)}
    torch.save(state, folder / "vocals.pth")
    released = load_released(folder, "vocals")
    assert released.ignored == ("sample_rate", "stft.window")
    assert released.sample_rate == 8000
    assert load_released(folder / "vocals.pth", "vocals").sample_rate == 48_000


def test_half_precision_becomes_float32(folder: Path) -> None:
    state = {name: value.half() for name, value in torch.load(folder / "vocals.pth").items()}
    torch.save(state, folder / "vocals.pth")
    found = load_released(folder, "vocals").state
    assert found["fc1.weight"].dtype == torch.float32
    assert found["bn1.num_batches_tracked"].dtype == torch.int64


def test_a_wish_for_another_direction_is_reported(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    rewrite(folder / "vocals.json", unidirectional=True)
    with caplog.at_level(logging.WARNING):
        assert not load_released(folder, "vocals").config.is_unidirectional
    assert "says unidirectional" in caplog.text


def test_unidirectional_weights_under_another_name_are_refused(tmp_path: Path) -> None:
    save_released(tmp_path / "set", {"vocals": model(is_unidirectional=True)}, sample_rate=8000)
    rewrite(tmp_path / "set" / "vocals.json", unidirectional=False)
    with pytest.raises(CheckpointMismatchError, match="unidirectional"):
        load_released(tmp_path / "set", "vocals")


@pytest.mark.parametrize(
    ("file", "name", "value"),
    [
        ("vocals.json", "hidden_size", 16),
        ("vocals.json", "nfft", 128),
        ("vocals.json", "nb_channels", 1),
        ("separator.json", "nb_channels", 1),
        ("separator.json", "nfft", 128),
        ("separator.json", "nhop", 32),
        ("separator.json", "nhop", 16.5),
        ("separator.json", "sample_rate", "fast"),
    ],
)
def test_contradictions_are_refused(file: str, name: str, value: object, folder: Path) -> None:
    rewrite(folder / file, **{name: value})
    with pytest.raises(CheckpointMismatchError, match=name) as caught:
        load_released(folder, "vocals")
    assert caught.value.file == folder / file
    assert caught.value.found == value


def test_missing_and_misshaped_tensors_are_named(folder: Path) -> None:
    state = torch.load(folder / "vocals.pth")
    del state["bn2.bias"]
    state["fc2.weight"] = state["fc2.weight"][:, :-1]
    torch.save(state, folder / "vocals.pth")
    with pytest.raises(CheckpointMismatchError, match=r"missing bn2.bias, fc2.weight is \(8, 15\)"):
        load_released(folder, "vocals")


@pytest.mark.parametrize("name", ["output_mean", "input_mean", "fc1.weight", "fc3.weight"])
def test_a_checkpoint_without_what_tells_the_shape_is_refused(name: str, folder: Path) -> None:
    state = torch.load(folder / "vocals.pth")
    del state[name]
    torch.save(state, folder / "vocals.pth")
    with pytest.raises(CheckpointMismatchError, match=name):
        load_released(folder, "vocals")


def test_shapes_of_no_model_are_refused(folder: Path) -> None:
    state = torch.load(folder / "vocals.pth")
    state["input_mean"] = torch.zeros(34)
    torch.save(state, folder / "vocals.pth")
    with pytest.raises(CheckpointMismatchError, match="num_input_bins"):
        load_released(folder, "vocals")


def test_no_state_dict_is_refused(folder: Path) -> None:
    torch.save([torch.zeros(3)], folder / "vocals.pth")
    with pytest.raises(CheckpointMismatchError, match="no state dict"):
        load_released(folder, "vocals")


@pytest.mark.parametrize("content", ["{", "[1]"])
def test_settings_that_do_not_parse_are_refused(content: str, folder: Path) -> None:
    (folder / "separator.json").write_text(content)
    with pytest.raises(TruncatedCheckpointError, match="settings"):
        load_released(folder, "vocals")


def test_missing_weights_are_refused(folder: Path) -> None:
    with pytest.raises(MissingCheckpointError, match=r"no weights of bass.*bass\.pth"):
        load_released(folder, "bass")
    with pytest.raises(MissingCheckpointError):
        load_released(folder / "bass.pth", "bass")


def test_several_weights_of_a_target_are_refused(folder: Path) -> None:
    content = (folder / "vocals.pth").read_bytes()
    (folder / "vocals.pth").unlink()
    for digest in ("a1", "b2"):
        (folder / f"vocals-{digest}.pth").write_bytes(content)
    with pytest.raises(MissingCheckpointError, match="several weights"):
        load_released(folder, "vocals")


def test_models_that_the_package_cannot_read_are_reported(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        save_released(tmp_path / "set", {"vocals": model(is_unidirectional=True)}, sample_rate=8000)
    assert "cannot read the model of vocals" in caplog.text


@pytest.mark.parametrize(
    ("targets", "problem"),
    [
        ({}, "no model"),
        ({"drums": {}, "drums2": {}}, "begins another"),
        ({"drums": {}, "bass": {"num_channels": 1}}, "agree"),
    ],
)
def test_impossible_sets_are_refused(targets: dict[str, Any], problem: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        save_released(
            tmp_path / "set",
            {name: model(**changes) for name, changes in targets.items()},
            sample_rate=8000,
        )
    assert not (tmp_path / "set").exists()
