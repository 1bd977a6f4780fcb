"""Open-Unmix separators on disk: what the card says is honoured, and what does not fit is named."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sep_pipeline.errors import CheckpointMismatchError, ConfigurationError
from sep_pipeline.models.open_unmix import OpenUnmix, OpenUnmixConfig
from sep_pipeline.models.weights import save_weights
from sep_pipeline.separation import Separator, load_separator, save_separator
from sep_pipeline.separation.em_wiener import EMWienerConfig
from sep_pipeline.separation.open_unmix import OpenUnmixSeparator

ModelMaker = Callable[..., OpenUnmix]


@pytest.fixture
def save(tmp_path: Path, make_model: ModelMaker, config: OpenUnmixConfig) -> Callable[..., Path]:
    """Writes a separator folder of two targets."""

    def write(metadata: dict[str, Any] | None = None, **changes: Any) -> Path:
        folder = tmp_path / "separator"
        save_separator(
            folder,
            {target: make_model(seed, **changes) for seed, target in enumerate(("vocals", "drums"))},
            name="study arm",
            model="open_unmix",
            config=dataclasses.replace(config, **changes),
            sample_rate=44_100,
            channels=changes.get("num_channels", 2),
            seed=0,
            steps=10,
            data_hash="abc",
            licence="CC0-1.0",
            metadata=metadata,
        )
        return folder

    return write


def change_card(folder: Path, **changes: Any) -> None:
    card = folder / "separator.json"
    card.write_text(json.dumps({**json.loads(card.read_text()), **changes}))


def test_a_folder_gives_the_separator_that_was_saved(
    save: Callable[..., Path], make_model: ModelMaker
) -> None:
    wiener = EMWienerConfig(block_frames=None, softmask=True)
    folder = save({"study": "open_unmix", "arm": "arm", "wiener": dataclasses.asdict(wiener)})
    separator = load_separator(folder)
    assert isinstance(separator, OpenUnmixSeparator)
    assert isinstance(separator, Separator)
    assert (separator.name, separator.stems) == ("study arm", ("vocals", "drums"))
    assert (separator.sample_rate, separator.num_channels) == (44_100, 2)
    assert separator.wiener == wiener
    song = np.random.default_rng(0).uniform(-1, 1, (2, 1000)).astype(np.float32)
    direct = OpenUnmixSeparator(
        name="direct",
        models={"vocals": make_model(0), "drums": make_model(1)},
        sample_rate=44_100,
        wiener=wiener,
    )
    np.testing.assert_array_equal(separator.separate(song), direct.separate(song))


@pytest.mark.parametrize("changes", [{"is_unidirectional": True}, {"num_channels": 1}, {"hidden_size": 6}])
def test_the_shape_of_the_models_is_that_of_the_card(
    changes: dict[str, Any], save: Callable[..., Path]
) -> None:
    separator = load_separator(save(**changes))
    assert separator.num_channels == changes.get("num_channels", 2)
    song = np.ones((separator.num_channels, 300), np.float32)
    assert separator.separate(song).shape == (2, *song.shape)


def test_without_filter_settings_the_defaults_hold(save: Callable[..., Path]) -> None:
    separator = load_separator(save())
    assert isinstance(separator, OpenUnmixSeparator)
    assert separator.wiener == EMWienerConfig()


def test_the_residual_is_one_more_stem(save: Callable[..., Path]) -> None:
    metadata = {"wiener": {"residual": True}}
    assert load_separator(save(metadata)).stems == ("vocals", "drums", "residual")
    named = load_separator(save({**metadata, "residual_name": "rest"}))
    assert named.stems == ("vocals", "drums", "rest")


@pytest.mark.parametrize(
    ("wiener", "found"),
    [
        ({"iterations": 1}, "iterations"),
        ({"num_iterations": -1}, "must not be negative"),
        ({"num_iterations": "many"}, "many|'<' not supported"),
        ([1], r"\[1\]"),
    ],
)
def test_filter_settings_that_are_wrong_are_refused(
    wiener: object, found: str, save: Callable[..., Path]
) -> None:
    with pytest.raises(CheckpointMismatchError, match=found) as caught:
        load_separator(save({"wiener": wiener}))
    assert caught.value.parameter == "metadata.wiener"


def test_a_name_of_the_residual_that_is_taken_is_refused(save: Callable[..., Path]) -> None:
    folder = save({"wiener": {"residual": True}, "residual_name": "drums"})
    with pytest.raises(CheckpointMismatchError) as caught:
        load_separator(folder)
    assert (caught.value.parameter, caught.value.found) == ("metadata.residual_name", "drums")


@pytest.mark.parametrize(
    ("changes", "parameter", "expected", "found"),
    [
        ({"hidden_size": 6}, "config.hidden_size", 8, 6),
        ({"is_unidirectional": True}, "config.is_unidirectional", False, True),
        ({"num_input_bins": 30}, "config.num_input_bins", 45, 30),
    ],
)
def test_weights_of_another_shape_are_named(
    changes: dict[str, Any],
    parameter: str,
    expected: object,
    found: object,
    save: Callable[..., Path],
    make_model: ModelMaker,
) -> None:
    folder = save()
    save_weights(folder / "drums.safetensors", make_model(0, **changes).state_dict(), metadata={})
    with pytest.raises(CheckpointMismatchError) as caught:
        load_separator(folder)
    error = caught.value
    assert (error.parameter, error.expected, error.found) == (parameter, expected, found)
    assert str(error.file) == "drums.safetensors"


def test_weights_of_another_number_of_layers_are_refused(
    save: Callable[..., Path], make_model: ModelMaker
) -> None:
    folder = save()
    save_weights(folder / "drums.safetensors", make_model(0, num_layers=3).state_dict(), metadata={})
    with pytest.raises(CheckpointMismatchError, match=r"superfluous lstm\.\w+_l2"):
        load_separator(folder)


@pytest.mark.parametrize("change", [{"hidden_size": 0}, {"hidden": 8}, {"spectrogram": {"n_fft": 5}}])
def test_a_configuration_that_is_wrong_is_refused(
    change: dict[str, Any], save: Callable[..., Path], config: OpenUnmixConfig
) -> None:
    folder = save()
    change_card(folder, config={**dataclasses.asdict(config), **change})
    with pytest.raises(CheckpointMismatchError, match="configuration") as caught:
        load_separator(folder)
    assert caught.value.parameter == "config"


def test_channels_that_contradict_the_configuration_are_refused(save: Callable[..., Path]) -> None:
    folder = save()
    change_card(folder, channels=1)
    with pytest.raises(CheckpointMismatchError, match="contradicts") as caught:
        load_separator(folder)
    assert (caught.value.parameter, caught.value.found) == ("channels", 1)


def test_an_unknown_precision_is_a_mistake_of_the_caller(save: Callable[..., Path]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_separator(save(), precision="fp8")
    assert caught.value.parameter == "precision"
