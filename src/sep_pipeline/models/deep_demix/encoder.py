"""The encoder that the study pre-trains: a magnitude spectrogram to one embedding."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from sep_pipeline.errors import StemMismatchError
from sep_pipeline.models.deep_demix.config import EncoderConfig, Pair
from sep_pipeline.models.initial import draw_uniform, untouched_generator
from sep_pipeline.models.mask_spectrogram import decibels


class SameConvolution(nn.Conv2d):
    """Convolution that keeps the size; of an even kernel the smaller half of the padding stands before.

    Both sides are padded by half a kernel and the first output of an even kernel is left out, which costs no
    copy of the input.
    """

    def __init__(self, num_inputs: int, num_outputs: int, kernel: Pair) -> None:
        super().__init__(num_inputs, num_outputs, kernel, padding=(kernel[0] // 2, kernel[1] // 2))
        self._first = 1 - kernel[0] % 2, 1 - kernel[1] % 2

    def forward(self, image: Tensor) -> Tensor:
        """Map (batch, channel, frame, bin) to the same frames and bins."""
        first_frame, first_bin = self._first
        return super().forward(image)[..., first_frame:, first_bin:]


class Encoder(nn.Module):
    """Spectrograms of one channel and a fixed number of frames to embeddings, which are not normalised.

    Args:
        config: Shape of the network.
        seed: Seed of the initial weights, torch's default distribution.
        generator: Where the weights are drawn from instead, when a larger network goes on drawing.
    """

    def __init__(
        self, config: EncoderConfig, *, seed: int = 0, generator: torch.Generator | None = None
    ) -> None:
        super().__init__()
        self.config = config
        channels, kernels, hidden = config.channels, config.kernels, config.hidden_sizes
        with untouched_generator():
            self.input_normalization = nn.LayerNorm((1, config.num_frames, config.num_bins))
            self.convblock_1 = _ConvolutionBlock((1, *channels[:2]), kernels[:2])
            self.convblock_2 = _ConvolutionBlock(channels[1:], kernels[2:])
            self.linearblock_1 = nn.ModuleDict({"linear": nn.Linear(config.num_features, hidden[0])})
            self.linearblock_2 = nn.ModuleDict({"linear": nn.Linear(*hidden)})
            self.final_linear = nn.Linear(hidden[1], config.embedding_size)
        draw_uniform(self, generator or torch.Generator().manual_seed(seed))

    def forward(self, magnitude: Tensor) -> Tensor:
        """Embed every stem of every item by itself.

        Args:
            magnitude: float32, not negative, (batch, stem, 1, frame, bin); see `mask_spectrogram.spectrum`.

        Returns:
            float32, (batch, stem, dimension).

        Raises:
            StemMismatchError: The input is not mono or has another number of frames or bins.
        """
        items = self.convolved(self.normalised(magnitude).flatten(0, 1)).flatten(1)
        for block in (self.linearblock_1, self.linearblock_2):
            items = self._dropped(torch.relu(block["linear"](items)))
        embeddings: Tensor = self.final_linear(items)
        return embeddings.view(*magnitude.shape[:2], -1)

    def embed_channels(self, magnitude: Tensor) -> Tensor:
        """Embed every channel of mixtures by itself.

        Args:
            magnitude: float32, not negative, (batch, channel, frame, bin).

        Returns:
            float32, (batch · channel, dimension).

        Raises:
            StemMismatchError: The input has another number of frames or bins.
        """
        sizes = self.config.num_frames, self.config.num_bins
        if magnitude.ndim != 4 or magnitude.shape[2:] != sizes:
            raise StemMismatchError(
                "the spectrogram does not fit the encoder",
                expected=f"(batch, channel, {sizes[0]} frames, {sizes[1]} bins)",
                found=tuple(magnitude.shape),
            )
        embeddings: Tensor = self(magnitude.flatten(0, 1)[:, None, None])
        return embeddings[:, 0]

    def normalised(self, magnitude: Tensor) -> Tensor:
        """Levels in dB after layer norm over the whole spectrogram, of the input's shape.

        Raises:
            StemMismatchError: See `forward`.
        """
        sizes = 1, self.config.num_frames, self.config.num_bins
        if magnitude.ndim != 5 or magnitude.shape[2:] != sizes:
            raise StemMismatchError(
                "the spectrogram does not fit the encoder",
                expected=f"(batch, stem, 1 channel, {sizes[1]} frames, {sizes[2]} bins)",
                found=tuple(magnitude.shape),
            )
        levels: Tensor = self.input_normalization(decibels(magnitude))
        return levels

    def convolved(self, levels: Tensor) -> Tensor:
        """Both convolution blocks: (item, 1, frame, bin) to (item, channel, frame, bin) of `pooled_size`."""
        pooled = levels
        for block, pool in zip((self.convblock_1, self.convblock_2), self.config.pools, strict=True):
            pooled = self._dropped(functional.max_pool2d(block(pooled), pool))
        return pooled

    def _dropped(self, values: Tensor) -> Tensor:
        return functional.dropout(values, self.config.dropout, self.training)


class _ConvolutionBlock(nn.Module):
    """Two convolutions, each before a ReLU."""

    def __init__(self, channels: tuple[int, ...], kernels: tuple[Pair, ...]) -> None:
        super().__init__()
        self.conv2d_1 = SameConvolution(channels[0], channels[1], kernels[0])
        self.conv2d_2 = SameConvolution(channels[1], channels[2], kernels[1])

    def forward(self, image: Tensor) -> Tensor:
        return torch.relu(self.conv2d_2(torch.relu(self.conv2d_1(image))))
