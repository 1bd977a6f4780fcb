"""The waveform networks: how far they hear, small cases by hand, sums, tiles, seeds."""

from __future__ import annotations

import pytest
import torch

from sep_pipeline.errors import StemMismatchError, TooShortError
from sep_pipeline.models.waveform import (
    ConvolutionConfig,
    ConvolutionNetwork,
    WaveNet,
    WaveNetConfig,
    WaveUNet,
    WaveUNetConfig,
    build_network,
    preset,
)

NARROW_WAVENET = WaveNetConfig(
    num_sources=2, num_stacks=2, num_blocks=3, num_filters=3, head_filters=(16, 16)
)
NARROW_UNET = WaveUNetConfig(num_sources=2, num_levels=3, num_filters=2, down_kernel=5, up_kernel=3)
CONTEXT_UNET = WaveUNetConfig(
    num_sources=3,
    num_channels=2,
    num_levels=3,
    num_filters=2,
    down_kernel=5,
    up_kernel=3,
    has_context=True,
    has_learned_upsampling=True,
    has_difference_output=True,
)
SAME_LENGTH = (
    ConvolutionConfig(num_sources=2, num_filters=3, kernels=(7, 5, 3)),
    NARROW_WAVENET,
    NARROW_UNET,
)


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)


def _noise(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def _reach(network, num_samples, at):
    """Samples before and behind `at` that its outputs depend on."""
    # Far away gradients are too small for 32 bits.
    network = network.double()
    mixture = _noise(1, network.config.num_channels, num_samples).double().requires_grad_()
    margin = network.config.margin_samples
    network(mixture)[:, 0, 0, at - margin].sum().backward()
    heard = mixture.grad.abs().sum((0, 1)).nonzero().flatten()
    return at - int(heard[0]), int(heard[-1]) - at


@pytest.mark.parametrize(
    "config",
    [
        ConvolutionConfig(num_sources=4, num_filters=4),
        NARROW_WAVENET,
        preset("wavenet", "small", num_sources=4),
    ],
)
def test_an_output_depends_on_its_context_and_no_more(config):
    reach = config.context_samples
    network = build_network(config)
    assert _reach(network, 2 * reach + 101, reach + 50) == (reach, reach)


def test_the_study_s_wavenet_hears_8189_samples():
    network = WaveNet(WaveNetConfig(num_sources=1, num_filters=8, head_filters=(16, 16)))
    assert _reach(network, 8189 + 20, 4094 + 10) == (4094, 4094)


@pytest.mark.parametrize(
    "config", [NARROW_UNET, CONTEXT_UNET, WaveUNetConfig(num_sources=1, num_levels=4, num_filters=2)]
)
def test_a_wave_unet_hears_no_further_than_it_says(config):
    network = build_network(config)
    num_samples = config.input_samples(3 * config.context_samples)
    reaches = [_reach(network, num_samples, num_samples // 2 + shift) for shift in range(config.grid_samples)]
    furthest = max(max(reach) for reach in reaches)
    assert furthest == config.context_samples


@pytest.mark.parametrize("config", SAME_LENGTH)
def test_tiles_with_their_context_equal_the_whole_signal(config):
    network = build_network(config, seed=1).eval()
    grid = config.grid_samples
    context = -(-config.context_samples // grid) * grid
    mixture = _noise(1, 1, 6 * context + 8 * grid)
    tile = slice(2 * context, 2 * context + 8 * grid)
    with torch.no_grad():
        whole = network(mixture)[..., tile]
        part = network(mixture[..., tile.start - context : tile.stop + context])[..., context:-context]
    torch.testing.assert_close(part, whole, rtol=0, atol=1e-6)


def test_with_context_neighbouring_windows_agree_where_they_overlap():
    network = build_network(CONTEXT_UNET, seed=1).eval()
    num_samples = CONTEXT_UNET.input_samples(60)
    mixture = _noise(1, 2, num_samples + 16)
    with torch.no_grad():
        first, second = network(mixture[..., :num_samples]), network(mixture[..., 16:])
    torch.testing.assert_close(second[..., :-16], first[..., 16:], rtol=0, atol=1e-6)


def test_the_baseline_adds_the_input_of_every_inner_layer():
    network = ConvolutionNetwork(ConvolutionConfig(num_sources=1, num_filters=2, kernels=(3, 1)))
    state = {
        "layers.0.weight": torch.tensor([[[0.0, 1.0, 0.0]], [[1.0, 0.0, 0.0]]]),
        "layers.0.bias": torch.tensor([0.0, -1.0]),
        "layers.1.weight": torch.tensor([[[1.0], [10.0]]]),
        "layers.1.bias": torch.tensor([0.5]),
    }
    network.load_state_dict(state)
    # First filter: max(x, 0) + x; second: max(earlier sample - 1, 0) + x.
    assert network(torch.tensor([[[2.0, -1.0]]])).tolist() == [[[[24.5, -0.5]]]]


def test_a_block_of_the_wavenet_is_gated_and_added():
    network = WaveNet(
        WaveNetConfig(num_sources=1, num_stacks=1, num_blocks=2, num_filters=1, head_filters=(1, 1))
    )
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            parameter.fill_(0.0 if name.endswith("bias") else 1.0)
    middle = torch.tanh(torch.tensor(0.5)) * torch.sigmoid(torch.tensor(0.5))
    # One sample alone: the neighbours of every convolution are padding.
    second = torch.tanh(middle + 0.5) * torch.sigmoid(middle + 0.5)
    assert network(torch.tensor([[[0.5]]])).item() == pytest.approx((middle + second).item(), abs=1e-6)


def test_the_gate_has_the_gradient_of_its_parts():
    torch.manual_seed(0)
    network = WaveNet(NARROW_WAVENET).double()
    mixture = torch.randn(1, 1, 9, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(network, (mixture,))


def test_the_last_residual_has_no_gradient():
    network = WaveNet(NARROW_WAVENET)
    network(_noise(1, 1, 50)).sum().backward()
    weights = network.blocks[-1].outputs.weight.grad
    assert not weights[:3].any()
    assert weights[3:].any()


def test_upsampling_inserts_means_and_repeats_the_end():
    config = WaveUNetConfig(num_sources=1, num_levels=1, num_filters=1)
    network = WaveUNet(config)
    signal = torch.tensor([[[1.0, 3.0, 7.0]]])
    assert network._upsampled(signal, 0).tolist() == [[[1, 2, 3, 5, 7, 7]]]
    with_context = WaveUNet(WaveUNetConfig(num_sources=1, num_levels=1, num_filters=1, has_context=True))
    assert with_context._upsampled(signal, 0).tolist() == [[[1, 2, 3, 5, 7]]]


def test_learned_upsampling_weighs_the_neighbours_per_channel():
    config = WaveUNetConfig(num_sources=1, num_levels=1, num_filters=1, has_learned_upsampling=True)
    network = WaveUNet(config)
    with torch.no_grad():
        network.upsampling[0].copy_(torch.tensor([0.0, torch.tensor(0.75).logit()]))
    signal = torch.tensor([[[0.0, 8.0], [0.0, 8.0]]])
    torch.testing.assert_close(
        network._upsampled(signal, 0), torch.tensor([[[0.0, 4.0, 8.0, 8.0], [0.0, 2.0, 8.0, 8.0]]])
    )


def test_the_difference_output_makes_the_sources_add_up():
    network = build_network(CONTEXT_UNET, seed=2)
    num_samples = CONTEXT_UNET.input_samples(30)
    mixture = _noise(2, 2, num_samples)
    estimates = network(mixture)
    margin = CONTEXT_UNET.margin_samples
    assert estimates.shape == (2, 3, 2, num_samples - 2 * margin)
    torch.testing.assert_close(estimates.sum(1), mixture[..., margin:-margin], rtol=0, atol=1e-6)


@pytest.mark.parametrize("config", SAME_LENGTH)
def test_a_seed_fixes_the_weights_and_leaves_the_global_generator_alone(config):
    before = torch.get_rng_state()
    first, again, other = (build_network(config, seed=seed).state_dict() for seed in (3, 3, 4))
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)


@pytest.mark.parametrize("config", SAME_LENGTH)
def test_stereo_is_refused_by_mono_networks(config):
    with pytest.raises(StemMismatchError, match="1 channels"):
        build_network(config)(torch.zeros(1, 2, 64))


def test_a_length_off_the_grid_is_refused():
    with pytest.raises(TooShortError, match="such as 64 samples"):
        build_network(NARROW_UNET)(torch.zeros(1, 1, 60))
