"""Sizes of the networks of the contrastive study."""

from __future__ import annotations

import dataclasses
import json

import pytest

from sep_pipeline.errors import ConfigurationError
from sep_pipeline.models.config_values import config_of_values
from sep_pipeline.models.deep_demix import (
    BASELINE_PRESETS,
    ENCODER_PRESETS,
    BaselineConfig,
    DeepDemixConfig,
    EncoderConfig,
    MaskNetworkConfig,
    baseline_preset,
    encoder_preset,
    mask_network_preset,
)


def test_the_defaults_are_those_of_the_paper():
    assert encoder_preset("paper") == EncoderConfig()
    assert baseline_preset("paper", num_sources=4) == BaselineConfig(num_sources=4)
    assert mask_network_preset("autoencoder", "paper", num_sources=4).config == DeepDemixConfig(num_sources=4)


def test_five_seconds_have_1724_frames_of_257_bins():
    config = EncoderConfig()
    assert (config.num_frames, config.num_bins) == (1724, 257)
    assert (config.pooled_size, config.num_features) == ((13, 16), 26_624)


@pytest.mark.parametrize(
    ("num_samples", "num_frames"), [(220_416, 1723), (220_417, 1724), (220_544, 1724), (220_545, 1725)]
)
def test_a_begun_hop_counts_as_a_frame(num_samples, num_frames):
    assert EncoderConfig(segment_samples=num_samples).num_frames == num_frames


def test_the_compact_encoder_sees_two_seconds():
    config = encoder_preset("compact")
    assert (config.segment_samples, config.num_frames, config.num_bins) == (32_000, 126, 257)
    assert baseline_preset("compact", num_sources=2).hop_length == config.hop_length


def test_all_networks_have_presets_of_the_same_names():
    assert list(BASELINE_PRESETS) == list(ENCODER_PRESETS) == ["paper", "compact"]


@pytest.mark.parametrize("model", ["baseline", "autoencoder", "mask_network"])
def test_an_unknown_preset_is_named(model):
    with pytest.raises(ConfigurationError, match="huge"):
        mask_network_preset(model, "huge", num_sources=2)


@pytest.mark.parametrize(
    "config",
    [
        BaselineConfig(num_sources=2),
        encoder_preset("compact"),
        DeepDemixConfig(num_sources=3, encoder=encoder_preset("compact")),
        MaskNetworkConfig(num_sources=3, encoder=encoder_preset("compact")),
    ],
)
def test_a_configuration_comes_back_from_its_json(config):
    values = json.loads(json.dumps(dataclasses.asdict(config)))
    assert config_of_values(type(config), values) == config


@pytest.mark.parametrize(
    ("kind", "values", "named"),
    [
        (DeepDemixConfig, {"num_sources": 2, "grid": [1, 1]}, "grid"),
        (DeepDemixConfig, {"num_sources": 2, "encoder": {"chanels": [1]}}, "chanels"),
        (DeepDemixConfig, {}, "num_sources"),
        (EncoderConfig, {"dropout": "half"}, "config"),
        (EncoderConfig, {"channels": 5}, "config"),
    ],
)
def test_values_that_make_no_configuration_are_named(kind, values, named):
    with pytest.raises(ConfigurationError, match=named):
        config_of_values(kind, values)


@pytest.mark.parametrize(
    "values",
    [
        {"num_sources": 0},
        {"num_channels": 0},
        {"hidden_size": 0},
        {"num_layers": 0},
        {"window_length": 9, "hop_length": 3},
        {"hop_length": 512},
    ],
)
def test_baselines_out_of_range_are_refused_by_name(values):
    with pytest.raises(ConfigurationError, match=next(iter(values))):
        BaselineConfig(**({"num_sources": 2} | values))


@pytest.mark.parametrize(
    "values",
    [
        {"segment_samples": 0},
        {"embedding_size": 0},
        {"hop_length": 100},
        {"channels": (16, 32, 64)},
        {"channels": (16, 32, 0, 128)},
        {"kernels": ((8, 16), (8, 16), (4, 8))},
        {"kernels": ((8, 16), (8, 16), (4, 8), (4, 0))},
        {"pools": ((16, 4), (8,))},
        {"hidden_sizes": ()},
        {"dropout": 1.0},
        {"dropout": -0.1},
    ],
)
def test_encoders_out_of_range_are_refused_by_name(values):
    with pytest.raises(ConfigurationError, match=next(iter(values))):
        EncoderConfig(**values)


def test_pools_that_leave_nothing_are_refused():
    with pytest.raises(ConfigurationError, match=r"pools.*\(100, 257\)"):
        EncoderConfig(segment_samples=128 * 99)


@pytest.mark.parametrize(
    "values",
    [
        {"num_sources": 0},
        {"encoder": 3},
        {"decoder_grid": (12, 0)},
        {"decoder_channels": (8,)},
        {"decoder_kernels": ((3, 3), (3, 3))},
    ],
)
def test_autoencoders_out_of_range_are_refused_by_name(values):
    with pytest.raises(ConfigurationError, match=next(iter(values))):
        DeepDemixConfig(**({"num_sources": 2} | values))
