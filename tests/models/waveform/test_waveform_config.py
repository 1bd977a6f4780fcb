"""Sizes of the waveform networks: presets, lengths, values that are refused."""

from __future__ import annotations

import dataclasses
import json

import pytest

from sep_pipeline.errors import ConfigurationError, TooShortError
from sep_pipeline.models.config_values import config_of_values
from sep_pipeline.models.waveform import (
    ConvolutionConfig,
    WaveNetConfig,
    WaveUNetConfig,
    build_network,
    model_name,
    preset,
)


@pytest.mark.parametrize(
    ("model", "name", "values", "number"),
    [
        ("convolution", "paper", {"num_sources": 4}, 474_904),
        ("convolution", "paper", {"num_sources": 10}, 478_210),
        ("wavenet", "paper", {"num_sources": 4}, 5_757_444),
        ("wavenet", "paper", {"num_sources": 10}, 5_758_986),
        ("wavenet", "small", {"num_sources": 4}, 156_324),
        ("wave_unet", "m1", {}, 10_263_028),
        ("wave_unet", "m1", {"num_sources": 4}, 10_263_080),
        ("wave_unet", "paper", {"num_sources": 4}, 10_263_080),
        ("wave_unet", "m2", {}, 10_263_002),
        ("wave_unet", "m3", {}, 10_263_002),
        ("wave_unet", "m4", {}, 10_263_390),
        ("wave_unet", "m5", {}, 10_265_550),
        ("wave_unet", "m5_high_sr", {}, 10_265_550),
        ("wave_unet", "m6", {}, 10_263_498),
    ],
)
def test_the_published_sizes_have_the_known_numbers_of_parameters(model, name, values, number):
    network = build_network(preset(model, name, **values))
    assert sum(parameter.numel() for parameter in network.parameters()) == number


@pytest.mark.parametrize(
    ("wanted", "inputs", "outputs"), [(16384, 147_443, 16_389), (65536, 196_595, 65_541)]
)
def test_with_context_the_lengths_are_the_published_ones(wanted, inputs, outputs):
    config = preset("wave_unet", "m4")
    assert config.input_samples(wanted) == inputs
    assert config.output_samples(inputs) == outputs
    assert config.margin_samples == (inputs - outputs) // 2 == 65_527


def test_with_context_no_length_is_smaller_than_what_the_coarsest_level_needs():
    config = preset("wave_unet", "m4")
    assert config.input_samples(1) - 2 * config.margin_samples == config.output_samples(
        config.input_samples(1)
    )
    with pytest.raises(TooShortError, match="147443"):
        config.output_samples(147_442)


def test_without_context_lengths_are_multiples_of_the_coarsest_grid():
    config = preset("wave_unet", "small", num_sources=4)
    assert config.grid_samples == 256
    assert [config.input_samples(number) for number in (1, 256, 257)] == [256, 256, 512]
    with pytest.raises(TooShortError, match="512"):
        config.output_samples(300)


@pytest.mark.parametrize(
    ("config", "context"),
    [(ConvolutionConfig(num_sources=4), 368), (WaveNetConfig(num_sources=4), 4094)],
)
def test_the_study_s_networks_hear_as_far_as_it_says(config, context):
    assert config.context_samples == context


@pytest.mark.parametrize(
    "config",
    [
        ConvolutionConfig(num_sources=3, kernels=(5, 3)),
        WaveNetConfig(num_sources=3, head_filters=(8, 4)),
        WaveUNetConfig(num_sources=3, has_context=True),
    ],
)
def test_a_configuration_comes_back_from_json(config):
    values = json.loads(json.dumps(dataclasses.asdict(config)))
    assert config_of_values(type(config), values) == config


@pytest.mark.parametrize(
    ("kind", "values", "name"),
    [
        (ConvolutionConfig, {"kernels": (4, 3)}, "kernels"),
        (ConvolutionConfig, {"kernels": (3,)}, "kernels"),
        (ConvolutionConfig, {"num_filters": 0}, "num_filters"),
        (WaveNetConfig, {"head_filters": (3,)}, "head_filters"),
        (WaveNetConfig, {"num_blocks": 0}, "num_blocks"),
        (WaveUNetConfig, {"down_kernel": 2}, "down_kernel"),
        (WaveUNetConfig, {"num_levels": 0}, "num_levels"),
        (WaveUNetConfig, {"num_sources": 1, "has_difference_output": True}, "num_sources"),
    ],
)
def test_impossible_sizes_are_refused_by_name(kind, values, name):
    with pytest.raises(ConfigurationError) as refusal:
        kind(**{"num_sources": 4, **values})
    assert name in refusal.value.parameter


def test_unknown_presets_are_refused_with_the_known_ones():
    with pytest.raises(ConfigurationError, match="m5_high_sr"):
        preset("wave_unet", "m7")


def test_every_configuration_has_a_name():
    assert [
        model_name(preset(name, "small", num_sources=2)) for name in ("convolution", "wavenet", "wave_unet")
    ] == [
        "convolution",
        "wavenet",
        "wave_unet",
    ]
