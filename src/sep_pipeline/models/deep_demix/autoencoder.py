"""DeepDemix: encoder and decoder as one mask network."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sep_pipeline.models.deep_demix.config import DeepDemixConfig
from sep_pipeline.models.deep_demix.decoder import Decoder
from sep_pipeline.models.deep_demix.encoder import Encoder


class DeepDemix(nn.Module):
    """Magnitude spectrogram of a mixture to a mask for every source, by way of one embedding.

    Every channel is an item of its own. The encoder begins like an `Encoder` of the same seed.

    Args:
        config: Shape of the network.
        seed: Seed of the initial weights, torch's default distribution.
    """

    def __init__(self, config: DeepDemixConfig, *, seed: int = 0) -> None:
        super().__init__()
        self.config = config
        generator = torch.Generator().manual_seed(seed)
        self.encoder = Encoder(config.encoder, generator=generator)
        self.decoder = Decoder(config, generator=generator)

    def forward(self, magnitude: Tensor) -> Tensor:
        """Estimate the masks.

        Args:
            magnitude: float32, not negative, (batch, channel, frame, bin); see `mask_spectrogram.spectrum`.

        Returns:
            float32, (batch, stem, channel, frame, bin), in (0, 1); masks of a point need not sum to 1.

        Raises:
            StemMismatchError: The input has another number of frames or bins.
        """
        masks: Tensor = self.decoder(self.encoder.embed_channels(magnitude))
        return masks.view(*magnitude.shape[:2], -1, *magnitude.shape[2:]).transpose(1, 2)
