"""The recurrent network that hears an embedding: its parts, sizes, and the start from a pre-trained encoder."""

from __future__ import annotations

import pytest
import torch

from sep_pipeline.errors import ConfigurationError, StemMismatchError
from sep_pipeline.models.deep_demix import (
    BaselineConfig,
    BaselineNetwork,
    EmbeddingMaskNetwork,
    Encoder,
    MaskNetworkConfig,
    load_pretrained_encoder,
    mask_network,
    mask_network_preset,
)


@pytest.fixture
def config(small_config):
    return MaskNetworkConfig(num_sources=4, encoder=small_config.encoder, hidden_size=6)


@pytest.fixture
def network(config):
    return EmbeddingMaskNetwork(config, seed=5).eval()


def _magnitude(num_items=2, num_channels=1):
    return torch.rand(num_items, num_channels, 40, 33, generator=torch.Generator().manual_seed(0))


def test_masks_have_the_frames_and_bins_of_the_mixture(network):
    masks = network(_magnitude())
    assert masks.shape == (2, 4, 1, 40, 33)
    assert 0 < masks.min() < masks.max() < 1


def test_every_channel_is_an_item_of_its_own(network):
    magnitude = _magnitude()
    stereo = network(torch.cat([magnitude, magnitude.flip(0)], dim=1))
    mono = network(magnitude)
    torch.testing.assert_close(stereo, torch.cat([mono, mono.flip(0)], dim=2), rtol=0, atol=1e-6)


def test_a_deaf_network_is_the_baseline(network, config):
    """Without weights on the embedding, the baseline of the same recurrent weights gives the same masks."""
    num_bins = config.encoder.num_bins
    baseline = BaselineNetwork(BaselineConfig(num_sources=4, window_length=64, hop_length=16, hidden_size=6))
    state = network.masking.state_dict()
    for name in ("rnn.weight_ih_l0", "rnn.weight_ih_l0_reverse"):
        network.masking["rnn"].get_parameter(name.removeprefix("rnn.")).detach()[:, num_bins:] = 0
        state[name] = state[name][:, :num_bins]
    renamed = {"rnn": "recurrent_stack", "linear": "embedding"}
    state = {f"{renamed[name.split('.')[0]]}.{name}": tensor for name, tensor in state.items()}
    normalization = network.input_normalization.state_dict(prefix="input_normalization.")
    baseline.load_state_dict({**state, **normalization})
    magnitude = _magnitude()
    torch.testing.assert_close(network(magnitude), baseline.eval()(magnitude), rtol=0, atol=1e-6)


def test_masks_depend_on_the_embedding(network):
    before = network(_magnitude())
    network.encoder.final_linear.bias.detach().add_(1)
    assert (network(_magnitude()) - before).abs().max() > 1e-3


def test_the_encoder_learns_with_the_masks(config):
    network = EmbeddingMaskNetwork(config).train()
    network(_magnitude()).square().mean().backward()
    assert all(parameter.grad.abs().sum() > 0 for parameter in network.encoder.parameters())


def test_the_encoder_begins_like_one_of_its_own(network, config):
    alone = Encoder(config.encoder, seed=5).state_dict()
    inside = network.encoder.state_dict()
    assert all(torch.equal(alone[name], inside[name]) for name in alone)


def test_a_pretrained_encoder_comes_over_whole_and_the_rest_stays(network, config, encoder_state):
    before = network.masking.state_dict()
    load_pretrained_encoder(network, encoder_state, file="encoder.safetensors")
    assert all(
        torch.equal(tensor, encoder_state[name]) for name, tensor in network.encoder.state_dict().items()
    )
    fresh = EmbeddingMaskNetwork(config, seed=5).masking.state_dict()
    assert all(torch.equal(before[name], fresh[name]) for name in fresh)


def test_a_baseline_has_no_encoder_to_fill(encoder_state):
    baseline = mask_network_preset("baseline", "compact", num_sources=4)
    with pytest.raises(ConfigurationError, match="no encoder"):
        load_pretrained_encoder(baseline, encoder_state, file="encoder.safetensors")


def test_the_full_size_is_encoder_and_baseline_with_a_wider_input():
    network = mask_network_preset("mask_network", "paper", num_sources=4)
    widened = 227_942 + 2 * 4 * 50 * 125
    assert sum(parameter.numel() for parameter in network.parameters()) == 14_750_765 + widened


def test_an_unknown_architecture_is_named():
    with pytest.raises(ConfigurationError, match="transformer"):
        mask_network("transformer", {"num_sources": 4})


@pytest.mark.parametrize("shape", [(2, 1, 39, 33), (2, 1, 40, 32), (1, 40, 33)])
def test_other_spectrograms_are_refused_with_the_wanted_frames(network, shape):
    with pytest.raises(StemMismatchError, match="40 frames, 33 bins"):
        network(torch.zeros(shape))
