"""Sizes of the ChimeraNet."""

from __future__ import annotations

import pytest

from sep_pipeline.errors import ConfigurationError
from sep_pipeline.models.chimera import CHIMERA_PRESETS, ChimeraConfig, preset


def test_the_defaults_are_those_of_the_paper():
    assert preset("paper", num_sources=3) == ChimeraConfig(num_sources=3)


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
