"""Sizes of the ChimeraNet."""

from __future__ import annotations

import pytest

from sep_pipeline.errors import ConfigurationError
from sep_pipeline.models.chimera import CHIMERA_PRESETS, ChimeraConfig, preset


def test_the_defaults_are_those_of_the_paper():
    assert preset("paper", num_sources=3) == ChimeraConfig(num_sources=3)


def test_ten_seconds_have_1251_frames_of_257_bins():
    config = ChimeraConfig(num_sources=2)
    assert (config.num_frames(160_000), config.num_bins) == (1251, 257)


@pytest.mark.parametrize(("num_samples", "num_frames"), [(1, 2), (127, 2), (128, 2), (129, 3), (2500, 21)])
def test_a_begun_hop_counts_as_a_frame(num_samples, num_frames):
    assert ChimeraConfig(num_sources=2).num_frames(num_samples) == num_frames


def test_every_preset_makes_a_configuration():
    assert {name: preset(name, num_sources=4).num_sources for name in CHIMERA_PRESETS} == {
        "paper": 4,
        "compact": 4,
    }


def test_an_unknown_preset_is_named():
    with pytest.raises(ConfigurationError, match="huge"):
        preset("huge", num_sources=2)


@pytest.mark.parametrize(
    "values",
    [
        {"num_sources": 0},
        {"hidden_size": 0},
        {"num_layers": 0},
        {"embedding_size": 0},
        {"dropout": 1.0},
        {"dropout": -0.1},
        {"hop_length": 0},
        {"hop_length": 512},
        {"hop_length": 100},
        {"window_length": 9, "hop_length": 3},
    ],
)
def test_out_of_range_values_are_refused_by_name(values):
    with pytest.raises(ConfigurationError, match=next(iter(values))):
        ChimeraConfig(**({"num_sources": 2} | values))
