"""What the recurrent mask networks of the contrastive study share: batch norm by bins, and the LSTM."""

from __future__ import annotations

from torch import Tensor, nn


class BinNorm(nn.Module):
    """Batch norm with statistics per bin, over items, frames and channels."""

    def __init__(self, num_bins: int) -> None:
        super().__init__()
        self.batch_norm = nn.BatchNorm1d(num_bins)

    def forward(self, levels: Tensor) -> Tensor:
        """Normalise (..., bin)."""
        normed: Tensor = self.batch_norm(levels.reshape(-1, levels.shape[-1]))
        return normed.view(levels.shape)


def bidirectional_lstm(num_features: int, hidden_size: int, num_layers: int) -> nn.LSTM:
    """Layers that map (batch, frame, feature) to (batch, frame, 2 · hidden)."""
    return nn.LSTM(num_features, hidden_size, num_layers, batch_first=True, bidirectional=True)
