"""Shapes, counts, reach, determinism and precision of the network."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from sep_pipeline.errors import ConfigurationError, TooShortError
from sep_pipeline.models.vqvae import VQVAE, VQVAE_PRESETS, Decoder, Encoder, VQVAEConfig


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def num_parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def signal_to_noise_db(reference: Tensor, other: Tensor) -> float:
    return (10 * torch.log10(reference.square().sum() / (reference - other).square().sum())).item()


@pytest.fixture
def model(small_config) -> VQVAE:
    built = VQVAE(small_config, seed=3)
    built.codebook.codes.copy_(noise(32, 8, seed=4))
    return built.eval()


def test_jukebox_has_the_published_number_of_parameters():
    model = VQVAE(VQVAE_PRESETS["jukebox"])
    assert num_parameters(model.encoder) == 441_856
    assert num_parameters(model.decoder) == 458_177
    assert num_parameters(model) == 900_033


@pytest.mark.parametrize("num_samples", [8, 15, 16, 4099])
def test_lengths(model, num_samples):
    audio = noise(2, 1, num_samples)
    latents = model.encode(audio)
    assert latents.shape == (2, 8, num_samples // 8)
    assert model.decode(latents).shape == (2, 1, num_samples // 8 * 8)
    assert model(audio).shape == audio.shape


def test_reconstruction_is_padded_with_zeros_to_the_input_length(model):
    assert model(noise(1, 1, 4099))[..., 4096:].abs().max() == 0


def test_less_than_one_code_is_refused(model):
    with pytest.raises(TooShortError, match="expected: 8; found: 7"):
        model.encode(noise(1, 1, 7))


def test_same_seed_gives_the_same_weights(small_config):
    first, same, other = (VQVAE(small_config, seed=seed).state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(first[name], same[name]) for name in first)
    assert not torch.equal(first["decoder.output.weight"], other["decoder.output.weight"])


def test_a_generator_serves_as_seed_and_the_global_state_is_left_alone(small_config):
    before = torch.get_rng_state()
    by_generator = Encoder(small_config, seed=torch.Generator().manual_seed(5))
    by_seed = Encoder(small_config, seed=5)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(by_generator.projection.weight, by_seed.projection.weight)


def test_initial_weights_are_uniform_within_the_default_bound():
    decoder = Decoder(VQVAE_PRESETS["jukebox"])
    upsampler = decoder.stages[0][-1]
    bound = (64 * 4) ** -0.5
    for parameter in (upsampler.weight, upsampler.bias):
        assert parameter.abs().max() <= bound
    assert upsampler.weight.abs().max() > 0.99 * bound
    assert upsampler.weight.std().item() == pytest.approx(bound / 3**0.5, rel=0.02)


def sensitivity_span(function, size: int, position: slice) -> tuple[int, int]:
    """First and last input index that the outputs at `position` depend on."""
    probe = noise(1, 1, size).double().requires_grad_()
    function(probe)[..., position].sum().backward()
    reached = probe.grad[0, 0].nonzero().flatten()
    return int(reached[0]), int(reached[-1])


def test_one_code_sees_the_declared_samples():
    config = VQVAEConfig(width=4, num_blocks=3, embedding_width=4, num_codes=4)
    encoder = make_monotone(Encoder(config).double())
    first, last = config.code_span_samples
    assert sensitivity_span(encoder, 4096, slice(256, 257)) == (2048 + first, 2048 + last)


def test_one_frame_sees_the_declared_codes():
    config = VQVAEConfig(width=4, num_blocks=3, embedding_width=1, num_codes=4)
    decoder = make_monotone(Decoder(config).double())
    first, last = config.frame_span_codes
    assert sensitivity_span(decoder, 512, slice(2048, 2056)) == (256 + first, 256 + last)


def make_monotone(module: nn.Module) -> nn.Module:
    """Positive weights and large biases, so that no path through the network is switched off."""
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            parameter.abs_().add_(100.0 if name.endswith("bias") else 0.01)
    return module


def test_context_and_crop_equals_the_whole_song():
    config = VQVAEConfig(width=4, num_blocks=3, embedding_width=4, num_codes=16)
    model = VQVAE(config, seed=1).double().eval()
    model.codebook.codes.copy_(noise(16, 4, seed=2))
    context, song = config.context_samples, noise(1, 1, 8192).double()
    start, stop = 3200, 4000
    with torch.no_grad():
        whole = model(song)
        cropped = model(song[..., start - context : stop + context])[..., context : context + stop - start]
    assert_close(cropped, whole[..., start:stop], rtol=0, atol=1e-12)


def test_layouts_agree(model):
    audio = noise(2, 1, 1024)
    plain = model(audio)
    model.set_precision("fp32_channels_last")
    assert_close(model(audio), plain, rtol=1e-4, atol=1e-5)


def test_layouts_agree_in_their_gradients(model):
    audio, gradients = noise(2, 1, 1024), {}
    for precision in ("fp32", "fp32_channels_last"):
        model.zero_grad()
        model.set_precision(precision)
        model.decode(model.encode(audio)).square().mean().backward()
        gradients[precision] = [parameter.grad.clone() for parameter in model.parameters()]
    for plain, other in zip(*gradients.values(), strict=True):
        assert_close(other, plain, rtol=1e-3, atol=1e-5 * plain.abs().max().item() + 1e-7)


def test_bf16_is_close_and_keeps_float32_at_the_borders(model):
    audio = noise(1, 1, 4096)
    latents = model.encode(audio)
    plain = model.decode(latents)
    model.set_precision("bf16")
    assert model.encode(audio).dtype == torch.float32
    assert signal_to_noise_db(latents, model.encode(audio)) > 35
    fast = model.decode(latents)
    assert fast.dtype == torch.float32
    assert signal_to_noise_db(plain, fast) > 30


def test_bf16_training_keeps_float32_parameters_and_gradients(model):
    model.set_precision("bf16")
    model.decode(model.encode(noise(1, 1, 512))).square().mean().backward()
    for parameter in model.parameters():
        assert parameter.dtype == parameter.grad.dtype == torch.float32
    assert model.encoder.projection.weight.shape == (8, 8, 3)


def test_unknown_precision_is_refused(model):
    with pytest.raises(ConfigurationError, match="fp8"):
        model.set_precision("fp8")


def test_training_gradient_goes_straight_through_and_evaluation_detaches(model):
    latents = noise(1, 8, 16).requires_grad_()
    assert not model.quantise(latents).latents.requires_grad
    assert model.quantise(latents, is_straight_through=True).latents.requires_grad
    model.train()
    (gradient,) = torch.autograd.grad(model.quantise(latents).latents.sum(), latents)
    assert torch.equal(gradient, torch.ones_like(latents))
    assert not model.quantise(latents, is_straight_through=False).latents.requires_grad


def test_frozen_zero_codebook_makes_the_output_blind_to_the_input(small_config):
    model = VQVAE(small_config, seed=1).train()
    model.codebook.reset_statistics(num_tokens=512)
    model.codebook.mode = "frozen"
    outputs = [model.reconstruct(noise(1, 1, 512, seed=seed), update=True).audio for seed in (1, 2)]
    assert_close(outputs[0], outputs[1], rtol=0, atol=1e-6)
    assert model.codebook.codes.abs().max() == 0
