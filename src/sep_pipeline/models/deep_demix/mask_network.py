"""A recurrent mask network that hears an encoder's embedding: the encoder under another architecture.

The study proposes larger separators behind its encoder as a next step. This one keeps the baseline's recurrent
network, whose masks can follow single frames, and tells it in every frame what the encoder found in the stretch.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sep_pipeline.models.deep_demix.config import MaskNetworkConfig
from sep_pipeline.models.deep_demix.encoder import Encoder
from sep_pipeline.models.deep_demix.recurrent import BinNorm, bidirectional_lstm
from sep_pipeline.models.initial import draw_xavier, untouched_generator
from sep_pipeline.models.mask_spectrogram import decibels


class EmbeddingMaskNetwork(nn.Module):
    """Magnitude spectrogram of a mixture to a mask for every source, by way of its frames and one embedding.

    Every channel is an item of its own. The encoder begins like an `Encoder` of the same seed.

    Args:
        config: Shape of the network.
        seed: Seed of the initial weights: the encoder's are torch's default, the others those of the baseline.
    """

    def __init__(self, config: MaskNetworkConfig, *, seed: int = 0) -> None:
        super().__init__()
        self.config = config
        num_bins, num_sources = config.encoder.num_bins, config.num_sources
        generator = torch.Generator().manual_seed(seed)
        self.encoder = Encoder(config.encoder, generator=generator)
        with untouched_generator():
            self.input_normalization = BinNorm(num_bins)
            recurrent = bidirectional_lstm(
                num_bins + config.encoder.embedding_size, config.hidden_size, config.num_layers
            )
            linear = nn.Linear(2 * config.hidden_size, num_bins * num_sources)
            self.masking = nn.ModuleDict({"rnn": recurrent, "linear": linear})
        draw_xavier(self.masking, generator)

    def forward(self, magnitude: Tensor) -> Tensor:
        """Estimate the masks.

        Args:
            magnitude: float32, not negative, (batch, channel, frame, bin); see `mask_spectrogram.spectrum`.

        Returns:
            float32, (batch, stem, channel, frame, bin), in (0, 1); masks of a point need not sum to 1.

        Raises:
            StemMismatchError: The input has another number of frames or bins.
        """
        embeddings = self.encoder.embed_channels(magnitude)
        levels = self.input_normalization(decibels(magnitude.flatten(0, 1)))
        heard = torch.cat([levels, embeddings[:, None].expand(-1, levels.shape[1], -1)], dim=2)
        logits = self.masking["linear"](self.masking["rnn"](heard)[0])
        by_point: Tensor = logits.view(*magnitude.shape, self.config.num_sources)
        return torch.sigmoid(by_point.permute(0, 4, 1, 2, 3))
