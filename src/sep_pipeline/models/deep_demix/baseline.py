"""The study's baseline: masks from one recurrent network over spectrogram frames."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sep_pipeline.errors import StemMismatchError
from sep_pipeline.models.deep_demix.config import BaselineConfig
from sep_pipeline.models.deep_demix.recurrent import BinNorm, bidirectional_lstm
from sep_pipeline.models.initial import draw_xavier, untouched_generator
from sep_pipeline.models.mask_spectrogram import decibels


class BaselineNetwork(nn.Module):
    """Magnitude spectrogram of a mixture to a mask for every source, of any number of frames.

    Parameters bear the names of nussl's network.

    Args:
        config: Shape of the network.
        seed: Seed of the initial weights: Xavier-normal, biases 0, those of the forget gates 1.
    """

    def __init__(self, config: BaselineConfig, *, seed: int = 0) -> None:
        super().__init__()
        self.config = config
        num_features = config.num_bins * config.num_channels
        with untouched_generator():
            self.input_normalization = BinNorm(config.num_bins)
            recurrent = bidirectional_lstm(num_features, config.hidden_size, config.num_layers)
            self.recurrent_stack = nn.ModuleDict({"rnn": recurrent})
            linear = nn.Linear(2 * config.hidden_size, num_features * config.num_sources)
            self.embedding = nn.ModuleDict({"linear": linear})
        draw_xavier(self, torch.Generator().manual_seed(seed))

    def forward(self, magnitude: Tensor) -> Tensor:
        """Estimate the masks.

        Args:
            magnitude: float32, not negative, (batch, channel, frame, bin); see `mask_spectrogram.spectrum`.

        Returns:
            float32, (batch, stem, channel, frame, bin), in (0, 1); masks of a point need not sum to 1.

        Raises:
            StemMismatchError: The input has other channels or another number of bins.
        """
        sizes = self.config.num_channels, self.config.num_bins
        if magnitude.ndim != 4 or magnitude.shape[1::2] != sizes:
            raise StemMismatchError(
                "the spectrogram does not fit the baseline",
                expected=f"(batch, {sizes[0]} channels, frame, {sizes[1]} bins)",
                found=tuple(magnitude.shape),
            )
        levels = self.input_normalization(decibels(magnitude))
        # Of a frame all channels of a bin stand together: (batch, frame, bin · channel).
        recurrent = self.recurrent_stack["rnn"](levels.permute(0, 2, 3, 1).flatten(2))[0]
        logits: Tensor = self.embedding["linear"](recurrent)
        by_point = logits.view(*logits.shape[:2], sizes[1], sizes[0], self.config.num_sources)
        return torch.sigmoid(by_point.permute(0, 4, 3, 1, 2))
