"""Decoder and autoencoder against golden values, their sizes, and the start from a pre-trained encoder."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from sep_pipeline.errors import CheckpointMismatchError, StemMismatchError
from sep_pipeline.models.deep_demix import DeepDemix, Encoder, load_pretrained_encoder, mask_network_preset


def _close(found, expected, atol=1e-6):
    torch.testing.assert_close(found, expected, rtol=0, atol=atol)


@pytest.fixture
def magnitude(golden):
    return golden["autoencoder.in"].permute(0, 3, 1, 2)


@pytest.fixture
def target(golden):
    return golden["autoencoder.target"].permute(0, 4, 3, 1, 2)


def test_masks_of_the_decoder_equal_the_golden_ones(golden, small_autoencoder):
    with torch.no_grad():
        masks = small_autoencoder.decoder(golden["decoder.in"])
    _close(masks, golden["decoder.out"].permute(0, 4, 3, 1, 2))


def test_masks_of_the_autoencoder_equal_the_golden_ones(
    golden, golden_scalars, small_autoencoder, magnitude, target
):
    with torch.no_grad():
        masks = small_autoencoder(magnitude)
    _close(masks, golden["autoencoder.eval.mask"].permute(0, 4, 3, 1, 2))
    loss = (masks * magnitude.unsqueeze(1) - target).abs().mean().item()
    assert loss == pytest.approx(golden_scalars["autoencoder"]["eval_l1"], abs=1e-8)


def test_a_training_step_goes_the_golden_way(golden, golden_scalars, small_autoencoder, magnitude, target):
    optimizer = torch.optim.Adam(small_autoencoder.parameters(), lr=1e-3)
    (small_autoencoder.train()(magnitude) * magnitude.unsqueeze(1) - target).abs().mean().backward()
    norms = golden_scalars["autoencoder"]["gradient_norms"]
    found = {name: tensor.grad.norm().item() for name, tensor in small_autoencoder.named_parameters()}
    assert found == pytest.approx(norms, rel=2e-3)
    optimizer.step()
    state = small_autoencoder.state_dict()
    prefix = "autoencoder.train.after_step."
    names = [name.removeprefix(prefix) for name in golden if name.startswith(prefix)]
    assert len(names) == 2
    for name in names:
        _close(state[name], golden[prefix + name])


def test_every_channel_is_an_item_of_its_own(small_autoencoder, magnitude):
    with torch.no_grad():
        stereo = small_autoencoder(torch.cat([magnitude, magnitude.flip(0)], dim=1))
        mono = small_autoencoder(magnitude)
    assert stereo.shape == (2, 4, 2, 40, 33)
    _close(stereo[:, :, :1], mono)
    _close(stereo[:, :, 1:], mono.flip(0))


def test_the_full_size_has_the_known_number_of_parameters():
    network = mask_network_preset("autoencoder", "paper", num_sources=4)
    counts = [sum(parameter.numel() for parameter in part.parameters()) for part in network.children()]
    assert counts == [14_750_765, 102_836]


def test_the_encoder_begins_like_one_of_its_own(small_config):
    alone = Encoder(small_config.encoder, seed=5).state_dict()
    inside = DeepDemix(small_config, seed=5).encoder.state_dict()
    assert all(torch.equal(alone[name], inside[name]) for name in alone)


@pytest.mark.parametrize("shape", [(2, 1, 39, 33), (2, 1, 40, 32), (1, 40, 33)])
def test_other_spectrograms_are_refused_with_the_wanted_frames(small_autoencoder, shape):
    with pytest.raises(StemMismatchError, match="40 frames, 33 bins"):
        small_autoencoder(torch.zeros(shape))


def test_a_pretrained_encoder_comes_over_whole_and_the_decoder_stays(small_config, encoder_state):
    network, fresh = DeepDemix(small_config, seed=9), DeepDemix(small_config, seed=9)
    load_pretrained_encoder(network, encoder_state, file="encoder.safetensors")
    found = network.encoder.state_dict()
    assert found.keys() == encoder_state.keys()
    assert all(torch.equal(found[name], encoder_state[name]) for name in found)
    decoder = fresh.decoder.state_dict()
    assert all(torch.equal(tensor, decoder[name]) for name, tensor in network.decoder.state_dict().items())
    assert all(parameter.requires_grad for parameter in network.parameters())


@pytest.mark.parametrize(
    ("change", "named"),
    [({"embedding_size": 9}, "final_linear"), ({"segment_samples": 640}, "input_normalization")],
)
def test_encoders_of_other_sizes_are_refused_by_name(small_config, encoder_state, change, named):
    encoder = dataclasses.replace(small_config.encoder, **change)
    network = DeepDemix(dataclasses.replace(small_config, encoder=encoder))
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    with pytest.raises(CheckpointMismatchError, match=r"encoder\.safetensors") as caught:
        load_pretrained_encoder(network, encoder_state, file="encoder.safetensors")
    assert named in str(caught.value.found)
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())


def test_a_missing_tensor_of_the_encoder_is_named(small_config, encoder_state):
    state = {name: tensor for name, tensor in encoder_state.items() if name != "final_linear.bias"}
    with pytest.raises(CheckpointMismatchError, match=r"missing final_linear\.bias"):
        load_pretrained_encoder(DeepDemix(small_config), state, file="encoder.safetensors")
