"""Every stage of the encoder against golden values, its sizes and initial weights."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch.nn import functional

from sep_pipeline.errors import StemMismatchError
from sep_pipeline.models.deep_demix import Encoder, encoder_preset
from sep_pipeline.models.deep_demix.encoder import SameConvolution
from sep_pipeline.models.mask_spectrogram import decibels


def _close(found, expected, atol=1e-6):
    torch.testing.assert_close(found, expected, rtol=0, atol=atol)


@pytest.fixture
def magnitude(golden):
    """Roles in the order of the golden data: anchor, negative, positive."""
    return golden["encoder.in"].permute(0, 4, 3, 1, 2)


def test_decibels_equal_the_golden_ones(golden):
    _close(decibels(golden["decibel.in"]), golden["decibel.out"], 1e-5)


def test_stages_in_evaluation_equal_the_golden_ones(golden, small_encoder, magnitude):
    with torch.no_grad():
        normed = small_encoder.normalised(magnitude)
        _close(normed, golden["encoder.eval.after_norm"], 2e-6)
        first = functional.max_pool2d(small_encoder.convblock_1(normed.flatten(0, 1)), (4, 2))
        _close(first, golden["encoder.eval.after_pool1"])
        _close(small_encoder.convolved(normed.flatten(0, 1)), golden["encoder.eval.after_pool2"])
        _close(small_encoder(magnitude), golden["encoder.eval.out"])


@pytest.mark.parametrize("stem", [0, 1, 2])
def test_stems_are_embedded_one_by_one(golden, small_encoder, magnitude, stem):
    with torch.no_grad():
        found = small_encoder(magnitude[:, stem : stem + 1])
    _close(found[:, 0], golden["encoder.eval.out"][:, stem])


@pytest.mark.parametrize("kernel", [(8, 16), (4, 3), (1, 2), (5, 5)])
def test_convolutions_pad_the_smaller_half_before(kernel):
    torch.manual_seed(0)
    convolution, image = SameConvolution(2, 3, kernel), torch.randn(2, 2, 9, 11)
    before = [(size - 1) // 2 for size in kernel]
    after = [size - 1 - half for size, half in zip(kernel, before, strict=True)]
    padded = functional.pad(image, (before[1], after[1], before[0], after[0]))
    expected = functional.conv2d(padded, convolution.weight, convolution.bias)
    _close(convolution(image), expected)


def test_the_full_size_has_the_known_number_of_parameters():
    encoder = Encoder(encoder_preset("paper"))
    counts = {
        name: sum(parameter.numel() for parameter in part.parameters())
        for name, part in encoder.named_children()
    }
    assert counts == {
        "input_normalization": 886_136,
        "convblock_1": 2_064 + 65_568,
        "convblock_2": 65_600 + 262_272,
        "linearblock_1": 13_312_500,
        "linearblock_2": 125_250,
        "final_linear": 31_375,
    }
    assert sum(counts.values()) == 14_750_765


def test_initial_weights_are_uniform_within_the_root_of_the_inputs():
    encoder = Encoder(encoder_preset("compact"))
    for layer in encoder.modules():
        if isinstance(layer, torch.nn.Conv2d | torch.nn.Linear):
            bound = layer.weight[0].numel() ** -0.5
            assert 0.95 * bound < layer.weight.abs().max().item() <= bound
            assert 0.4 * bound < layer.bias.abs().max().item() <= bound
    assert bool((encoder.input_normalization.weight == 1).all())
    assert not encoder.input_normalization.bias.any()


def test_a_seed_fixes_the_weights_and_leaves_the_global_generator_alone(small_config):
    before = torch.get_rng_state()
    first, again, other = (Encoder(small_config.encoder, seed=seed).state_dict() for seed in (3, 3, 4))
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["final_linear.weight"], other["final_linear.weight"])


def test_dropout_works_in_training_only(small_encoder, small_config, magnitude):
    encoder = Encoder(dataclasses.replace(small_config.encoder, dropout=0.5))
    encoder.load_state_dict(small_encoder.state_dict())
    torch.manual_seed(0)
    with torch.no_grad():
        assert not torch.equal(encoder(magnitude), encoder(magnitude))
        assert torch.equal(encoder.eval()(magnitude), small_encoder(magnitude))


@pytest.mark.parametrize("shape", [(2, 3, 1, 39, 33), (2, 3, 1, 40, 32), (2, 3, 2, 40, 33), (2, 1, 40, 33)])
def test_other_spectrograms_are_refused_with_the_wanted_frames(small_encoder, shape):
    with pytest.raises(StemMismatchError, match="40 frames, 33 bins"):
        small_encoder(torch.zeros(shape))
