"""Derived sizes of the network and refusal of impossible ones."""

from __future__ import annotations

import dataclasses

import pytest

from sep_pipeline.errors import ConfigurationError
from sep_pipeline.models.vqvae import VQVAE_PRESETS, VQVAEConfig

JUKEBOX = VQVAE_PRESETS["jukebox"]


def test_jukebox_sees_what_the_original_sees():
    assert JUKEBOX.hop_samples == 8
    assert JUKEBOX.dilations == (1, 3, 9, 27, 81, 243, 729, 2187)
    assert JUKEBOX.code_span_samples == (-45_935, 45_942)
    assert JUKEBOX.frame_span_codes == (-5742, 5742)
    assert JUKEBOX.context_samples == 91_880
    assert JUKEBOX.num_frames(393_216) == 49_152


@pytest.mark.parametrize("config", VQVAE_PRESETS.values(), ids=VQVAE_PRESETS)
def test_context_is_a_multiple_of_the_hop(config):
    assert config.context_samples % config.hop_samples == 0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("width", 0),
        ("num_stages", 0),
        ("num_codes", -1),
        ("codebook_momentum", 1.0),
        ("dead_code_threshold", -0.5),
        ("codebook_mode", "gradient"),
    ],
)
def test_out_of_range_values_are_refused_by_name(name, value):
    with pytest.raises(ConfigurationError) as caught:
        dataclasses.replace(JUKEBOX, **{name: value})
    assert caught.value.parameter == name
    assert caught.value.found == value


def test_configuration_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        VQVAEConfig(width=8, num_blocks=1, embedding_width=8, num_codes=4).width = 9
