"""The baseline of the study: four convolutions with long kernels."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sep_pipeline.models.initial import draw_uniform, untouched_generator
from sep_pipeline.models.waveform.config import ConvolutionConfig
from sep_pipeline.models.waveform.shapes import check_mixture


class ConvolutionNetwork(nn.Module):
    """Convolutions that keep the length, each but the last with a ReLU, behind which its input is added.

    Args:
        config: Shape of the network.
        seed: Seed of the initial weights, torch's default distribution.
    """

    def __init__(self, config: ConvolutionConfig, *, seed: int = 0) -> None:
        super().__init__()
        self.config = config
        inner = [config.num_filters] * (len(config.kernels) - 1)
        with untouched_generator():
            self.layers = nn.ModuleList(
                nn.Conv1d(num_inputs, num_outputs, kernel, padding=kernel // 2)
                for num_inputs, num_outputs, kernel in zip(
                    (1, *inner), (*inner, config.num_sources), config.kernels, strict=True
                )
            )
        draw_uniform(self, torch.Generator().manual_seed(seed))

    def forward(self, mixture: Tensor) -> Tensor:
        """Estimate the sources.

        Args:
            mixture: float32, (batch, 1, time).

        Returns:
            float32, (batch, stem, 1, time), as long as the mixture.

        Raises:
            StemMismatchError: The mixture is not mono.
        """
        check_mixture(mixture, self.config)
        signal = mixture
        for layer in self.layers[:-1]:
            # The single channel of the mixture is added to all.
            signal = torch.relu(layer(signal)) + signal
        estimates: Tensor = self.layers[-1](signal)
        return estimates.unsqueeze(2)
