"""The separators of the waveform study: every length, whole songs in pieces, one gain, their folders."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from sep_pipeline.errors import CheckpointMismatchError, ConfigurationError, StemMismatchError
from sep_pipeline.models.waveform import (
    ConvolutionConfig,
    WaveNetConfig,
    WaveUNetConfig,
    build_network,
    model_name,
)
from sep_pipeline.separation import SeparatorCard, load_separator, save_separator
from sep_pipeline.separation.interface import Separator
from sep_pipeline.separation.songs import SongOptions, separate_file
from sep_pipeline.separation.waveform_separator import WaveformSeparator, build_waveform_separator

CONFIGS = {
    "convolution": ConvolutionConfig(num_sources=3, num_filters=3, kernels=(21, 5)),
    "wavenet": WaveNetConfig(num_sources=3, num_stacks=2, num_blocks=4, num_filters=4, head_filters=(8, 4)),
    "wave_unet": WaveUNetConfig(num_sources=3, num_levels=3, num_filters=3, down_kernel=5, up_kernel=3),
    "wave_unet_with_context": WaveUNetConfig(
        num_sources=3, num_levels=3, num_filters=3, has_context=True, has_difference_output=True
    ),
}
STEMS = ("drums", "piano", "bass")


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)


@pytest.fixture(params=CONFIGS)
def network(request):
    return build_network(CONFIGS[request.param], seed=1)


def _separator(network, step_samples=4096):
    return WaveformSeparator(
        name="tiny", network=network, stems=STEMS, sample_rate=8000, step_samples=step_samples
    )


def _noise(num_samples, num_channels=1, seed=0):
    return np.random.default_rng(seed).uniform(-0.9, 0.9, (num_channels, num_samples)).astype(np.float32)


def _card(config, /, **changes):
    card = SeparatorCard(
        name="tiny",
        model=model_name(config),
        config=dataclasses.asdict(config),
        stems=STEMS,
        weights=dict.fromkeys(STEMS, "weights.safetensors"),
        sample_rate=8000,
        channels=1,
        seed=0,
        steps=0,
        data_hash="abc",
        licence="CC0-1.0",
    )
    return dataclasses.replace(card, **changes)


@pytest.mark.parametrize("num_samples", [1, 2, 997, 4096, 10_007])
def test_estimates_are_as_long_as_the_mixture(network, num_samples):
    estimates = _separator(network).separate(_noise(num_samples))
    assert estimates.shape == (3, 1, num_samples)
    assert estimates.dtype == np.float32
    assert np.isfinite(estimates).all()


def test_pieces_equal_one_pass_over_the_song(network):
    mixture = _noise(20_011)
    pieces = _separator(network, step_samples=3000).separate(mixture)
    whole = _separator(network).separate(mixture, mode="published")
    np.testing.assert_allclose(pieces, whole, rtol=0, atol=1e-6)


def test_one_pass_is_the_network_itself():
    network = build_network(CONFIGS["wavenet"], seed=1)
    mixture = _noise(3001)
    with torch.no_grad():
        expected = network(torch.from_numpy(mixture)[None])[0].numpy()
    np.testing.assert_array_equal(_separator(network).separate(mixture, mode="published"), expected)


def test_a_loud_song_is_scaled_by_one_gain_and_back(network):
    mixture = _noise(9000)
    mixture[0, 8000] = 1.0
    separator = _separator(network, step_samples=2000)
    np.testing.assert_allclose(
        separator.separate(4 * mixture), 4 * separator.separate(mixture), rtol=0, atol=1e-5
    )


def test_a_quiet_song_is_not_raised():
    network = build_network(CONFIGS["wavenet"], seed=1)
    mixture = 0.01 * _noise(500)
    with torch.no_grad():
        expected = network(torch.from_numpy(mixture)[None])[0].numpy()
    np.testing.assert_allclose(_separator(network).separate(mixture), expected, rtol=0, atol=1e-7)


def test_the_sources_of_a_difference_output_add_up_to_the_song():
    mixture = 3 * _noise(9001)
    estimates = _separator(build_network(CONFIGS["wave_unet_with_context"]), step_samples=2000).separate(
        mixture
    )
    np.testing.assert_allclose(estimates.sum(0), mixture, rtol=0, atol=1e-5)


def test_a_song_is_read_in_pieces_of_bounded_length(network):
    mixture, lengths, shares = _noise(60_000), [], []

    def read(start, stop):
        lengths.append(stop - start)
        return mixture[:, start:stop]

    separator = _separator(network, step_samples=3000)
    assert isinstance(separator, Separator)
    blocks = list(separator.separate_blocks(read, mixture.shape[1], progress=shares.append))
    assert max(lengths) < 7000
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    np.testing.assert_array_equal(np.concatenate(blocks, -1), separator.separate(mixture))


def test_files_are_separated_block_by_block(network, tmp_path):
    from sep_pipeline.audio.io import read_audio, write_audio

    mixture = _noise(9000)
    write_audio(tmp_path / "song.wav", mixture, 8000, subtype="FLOAT")
    separator = _separator(network, step_samples=2000)
    options = SongOptions(bits=32)
    written = separate_file(separator, tmp_path / "song.wav", tmp_path / "stems", options=options)
    found = np.stack([read_audio(written.files[stem])[0] for stem in STEMS])
    np.testing.assert_array_equal(found, separator.separate(mixture))


def test_a_folder_gives_the_separator_back(network, tmp_path):
    card = save_separator(
        tmp_path / "separator",
        dict.fromkeys(STEMS, network),
        name="tiny",
        model=model_name(network.config),
        config=network.config,
        sample_rate=8000,
        channels=1,
        seed=0,
        steps=0,
        data_hash="abc",
        licence="CC0-1.0",
    )
    assert card.config["num_sources"] == 3
    mixture = _noise(2000)
    loaded = load_separator(tmp_path / "separator")
    np.testing.assert_array_equal(loaded.separate(mixture), _separator(network).separate(mixture))


def test_bf16_stays_near_fp32(network):
    card, states = _card(network.config), dict.fromkeys(STEMS, network.state_dict())
    exact, lowered = (
        build_waveform_separator(card, states, device="cpu", precision=precision).separate(_noise(2000))
        for precision in ("fp32", "bf16")
    )
    assert 0 < np.abs(exact - lowered).max() < 0.05


@pytest.mark.parametrize(
    ("changes", "parameter"),
    [
        ({"channels": 2}, "config"),
        ({"config": {"num_sources": 4}}, "config"),
        ({"config": {"num_sources": 3, "width": 4}}, "config"),
        ({"config": {"num_sources": 3, "num_filters": 0}}, "config"),
    ],
)
def test_cards_that_do_not_fit_are_refused(network, changes, parameter):
    states = dict.fromkeys(STEMS, network.state_dict())
    with pytest.raises(CheckpointMismatchError) as refusal:
        build_waveform_separator(_card(network.config, **changes), states, device="cpu", precision="fp32")
    assert refusal.value.parameter == parameter


def test_stems_with_weights_of_their_own_are_refused(network):
    states = {stem: build_network(network.config, seed=seed).state_dict() for seed, stem in enumerate(STEMS)}
    with pytest.raises(CheckpointMismatchError, match="weights differ"):
        build_waveform_separator(_card(network.config), states, device="cpu", precision="fp32")


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"precision": "fp8"}, ConfigurationError),
        ({"step_samples": 0}, ConfigurationError),
        ({"stems": ("drums",)}, StemMismatchError),
    ],
)
def test_impossible_separators_are_refused(network, options, error):
    with pytest.raises(error):
        WaveformSeparator(
            **{"name": "tiny", "network": network, "stems": STEMS, "sample_rate": 8000, **options}
        )


def test_other_channels_and_modes_are_refused(network):
    with pytest.raises(StemMismatchError):
        _separator(network).separate(_noise(100, num_channels=2))
    with pytest.raises(ConfigurationError, match="unknown mode"):
        _separator(network).separate(_noise(100), mode="fast")
