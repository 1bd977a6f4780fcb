"""Wave-U-Net (Stoller, Ewert, Dixon 2018): a U-Net over samples, in all variants of its paper."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from sep_pipeline.models.initial import draw_glorot, untouched_generator
from sep_pipeline.models.waveform.config import WaveUNetConfig
from sep_pipeline.models.waveform.shapes import check_mixture, middle

SLOPE = 0.2
"""Of the leaky ReLU behind every convolution but the last."""


class WaveUNet(nn.Module):
    """Mixture to sources by repeated decimation and upsampling with skips.

    Args:
        config: Shape of the network.
        seed: Seed of the initial weights: Glorot-uniform, biases 0, as the published program has them.
    """

    def __init__(self, config: WaveUNetConfig, *, seed: int = 0) -> None:
        super().__init__()
        self.config = config
        sizes = [config.num_filters * level for level in range(1, config.num_levels + 2)]
        down, up = (
            0 if config.has_context else kernel // 2 for kernel in (config.down_kernel, config.up_kernel)
        )
        num_direct = config.num_sources - config.has_difference_output
        with untouched_generator():
            self.down = nn.ModuleList(
                nn.Conv1d(num_inputs, num_outputs, config.down_kernel, padding=down)
                for num_inputs, num_outputs in zip((config.num_channels, *sizes[:-1]), sizes, strict=True)
            )
            self.up = nn.ModuleList(
                nn.Conv1d(coarse + fine, fine, config.up_kernel, padding=up)
                for fine, coarse in pairwise(sizes)
            )
            self.upsampling = nn.ParameterList(
                torch.zeros(size) for size in sizes[1:] if config.has_learned_upsampling
            )
            self.output = nn.Conv1d(sizes[0] + config.num_channels, num_direct * config.num_channels, 1)
        generator = torch.Generator().manual_seed(seed)
        draw_glorot(self, generator)
        for weight in self.upsampling:
            _draw_vector(weight, generator)

    def forward(self, mixture: Tensor) -> Tensor:
        """Estimate the sources.

        Args:
            mixture: float32, (batch, channel, time), in [-1, 1]; of a length that `config.output_samples` takes.

        Returns:
            float32, (batch, stem, channel, time), of `config.output_samples`, the middle of the mixture. Direct
            sources are in (-1, 1).

        Raises:
            StemMismatchError: The mixture has other channels.
            TooShortError: The network takes no mixture of this length.
        """
        check_mixture(mixture, self.config)
        num_outputs = self.config.output_samples(mixture.shape[-1])
        signal, skips = mixture, []
        for layer in self.down[:-1]:
            signal = functional.leaky_relu(layer(signal), SLOPE)
            skips.append(signal)
            signal = signal[..., ::2]
        signal = functional.leaky_relu(self.down[-1](signal), SLOPE)
        for level in reversed(range(self.config.num_levels)):
            signal = self._upsampled(signal, level)
            joined = torch.cat([middle(skips[level], signal.shape[-1]), signal], 1)
            signal = functional.leaky_relu(self.up[level](joined), SLOPE)
        heard = middle(mixture, num_outputs)
        output: Tensor = self.output(torch.cat([heard, signal], 1))
        direct = torch.tanh(output).view(len(mixture), -1, *heard.shape[1:])
        if not self.config.has_difference_output:
            return direct
        return torch.cat([direct, (heard - direct.sum(1)).unsqueeze(1)], 1)

    def _upsampled(self, signal: Tensor, level: int) -> Tensor:
        """Twice as many samples, or with context twice as many less one."""
        following = torch.cat([signal[..., 1:], signal[..., -1:]], -1)
        if self.config.has_learned_upsampling:
            # The share of the earlier neighbour, learnt per channel.
            inserted = torch.lerp(following, signal, torch.sigmoid(self.upsampling[level])[:, None])
        else:
            inserted = (signal + following) / 2
        both = torch.stack([signal, inserted], -1).flatten(-2)
        return both[..., :-1] if self.config.has_context else both


def _draw_vector(weight: nn.Parameter, generator: torch.Generator) -> None:
    """Draw as TensorFlow does a vector: Glorot-uniform of equally many inputs and outputs."""
    bound = (3 / weight.numel()) ** 0.5
    nn.init.uniform_(weight, -bound, bound, generator=generator)
