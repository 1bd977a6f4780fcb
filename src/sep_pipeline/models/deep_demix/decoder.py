"""The decoder of the study: an embedding to the masks of all sources."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from sep_pipeline.models.deep_demix.config import DeepDemixConfig
from sep_pipeline.models.deep_demix.encoder import SameConvolution
from sep_pipeline.models.initial import draw_uniform, untouched_generator


class Decoder(nn.Module):
    """Embeddings of mixtures to masks of the encoder's number of frames and bins.

    Args:
        config: Shape of the network.
        generator: Where the initial weights are drawn from, torch's default distribution.
    """

    def __init__(self, config: DeepDemixConfig, *, generator: torch.Generator) -> None:
        super().__init__()
        self.config = config
        num_sources, kernels = config.num_sources, config.decoder_kernels
        hidden = config.decoder_grid[0] * config.decoder_grid[1]
        first, second = config.decoder_channels
        with untouched_generator():
            self.linear_1 = nn.Linear(config.encoder.embedding_size, hidden)
            self.linear_2 = nn.Linear(hidden, hidden * num_sources)
            self.upsample_conv_block_1 = _convolution(num_sources, first, kernels[0])
            self.upsample_conv_block_2 = _convolution(first, second, kernels[1])
            self.upsample_conv_block_3 = _convolution(second, num_sources, kernels[2])
        draw_uniform(self, generator)

    def forward(self, embedding: Tensor) -> Tensor:
        """Decode.

        Args:
            embedding: float32, (batch, dimension).

        Returns:
            Masks, float32, (batch, stem, 1, frame, bin), in (0, 1).
        """
        hidden = torch.relu(self.linear_2(torch.relu(self.linear_1(embedding))))
        grid = hidden.view(-1, self.config.num_sources, *self.config.decoder_grid)
        size = self.config.encoder.num_frames, self.config.encoder.num_bins
        # Upsampling the second block's output, too, as in the study's program, would change nothing.
        image = functional.interpolate(torch.relu(self.upsample_conv_block_1["conv2d"](grid)), size)
        image = torch.relu(self.upsample_conv_block_2["conv2d"](image))
        logits: Tensor = self.upsample_conv_block_3["conv2d"](image)
        return torch.sigmoid(logits).unsqueeze(2)


def _convolution(num_inputs: int, num_outputs: int, kernel: tuple[int, int]) -> nn.ModuleDict:
    return nn.ModuleDict({"conv2d": SameConvolution(num_inputs, num_outputs, kernel)})
