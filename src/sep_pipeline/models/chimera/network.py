"""ChimeraNet: embeddings and masks from one recurrent network over spectrogram frames (Luo et al. 2017)."""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import Tensor, nn

from sep_pipeline.errors import ConfigurationError, StemMismatchError
from sep_pipeline.models.chimera.config import ChimeraConfig
from sep_pipeline.models.mask_spectrogram import decibels

Freeze = Literal["none", "strict", "weights_only"]
"""What of the network learns, see `ChimeraNet.freeze`."""

_SMALLEST_NORM = 1e-12


class ChimeraNet(nn.Module):
    """Magnitude spectrogram of a mono mixture to an embedding of every point and a mask for every source.

    Parameters bear the names of nussl's network. Nothing but the mask head depends on the number of sources,
    and networks of one seed and different numbers of sources begin alike in everything else.

    Args:
        config: Shape of the network.
        seed: Seed of the initial weights: Xavier-normal, biases 0, those of the forget gates 1.
    """

    def __init__(self, config: ChimeraConfig, *, seed: int = 0) -> None:
        super().__init__()
        self.config = config
        self._freeze: Freeze = "none"
        self.normalization = _Normalisation()
        self.recurrent_stack = _RecurrentStack(config)
        self.embedding = _Head(config, config.embedding_size)
        self.mask = _Head(config, config.num_sources)
        self._initialise(torch.Generator().manual_seed(seed))

    def freeze(self, mode: Freeze) -> None:
        """Choose what learns.

        Args:
            mode: "none" lets everything learn. With the others only the mask head's two tensors do: "strict"
                also keeps everything before it in evaluation mode, whatever mode the network is in;
                "weights_only" lets the normalisation go on to use and follow the batches, and dropout work.

        Raises:
            ConfigurationError: The mode is unknown.
        """
        if mode not in get_args(Freeze):
            raise ConfigurationError(
                "unknown way to freeze", parameter="freeze", expected=", ".join(get_args(Freeze)), found=mode
            )
        self._freeze = mode
        for part in self._body:
            part.requires_grad_(mode == "none")
        self.train(self.training)

    def train(self, mode: bool = True) -> ChimeraNet:
        """Switch between training and evaluation, as far as `freeze` allows."""
        super().train(mode)
        if self._freeze == "strict":
            for part in self._body:
                part.eval()
        return self

    def forward(self, magnitude: Tensor) -> Tensor:
        """Masks of all sources: `recurrent`, then `masks`."""
        return self.masks(self.recurrent(magnitude))

    def recurrent(self, magnitude: Tensor) -> Tensor:
        """What both heads read.

        Args:
            magnitude: float32, not negative, (batch, 1, frame, bin); see `mask_spectrogram.spectrum`.

        Returns:
            float32, (batch, frame, 2 · hidden), forward units before backward ones.

        Raises:
            StemMismatchError: The input is not mono or has another number of bins.
        """
        if magnitude.ndim != 4 or magnitude.shape[1::2] != (1, self.config.num_bins):
            raise StemMismatchError(
                "the spectrogram does not fit the ChimeraNet",
                expected=f"(batch, 1 channel, frame, {self.config.num_bins} bins)",
                found=tuple(magnitude.shape),
            )
        joined: Tensor = self.recurrent_stack(self.normalization(decibels(magnitude[:, 0])))
        return joined

    def embed(self, recurrent: Tensor) -> Tensor:
        """Embedding of every point from the recurrent output.

        Args:
            recurrent: float32, (batch, frame, 2 · hidden).

        Returns:
            float32, (batch, frame, bin, dimension), of unit norm, no entry negative.
        """
        rows = torch.sigmoid(self.embedding(recurrent))
        # Several times as fast as `functional.normalize`, whose norm is slow on rows as short as these.
        norms = (rows.square() @ rows.new_ones(rows.shape[-1], 1)).sqrt()
        return rows / norms.clamp_min(_SMALLEST_NORM)

    def masks(self, recurrent: Tensor) -> Tensor:
        """Mask of every source from the recurrent output.

        Args:
            recurrent: float32, (batch, frame, 2 · hidden).

        Returns:
            float32, (batch, stem, 1, frame, bin), in (0, 1); masks of a point need not sum to 1.
        """
        levels: Tensor = self.mask(recurrent)
        return torch.sigmoid(levels.permute(0, 3, 1, 2)).unsqueeze(2)

    @property
    def _body(self) -> tuple[nn.Module, ...]:
        return self.normalization, self.recurrent_stack, self.embedding

    def _initialise(self, generator: torch.Generator) -> None:
        """Body first, so that the number of sources does not change it."""
        for name, parameter in self.recurrent_stack.named_parameters():
            if "weight" in name:
                nn.init.xavier_normal_(parameter, generator=generator)
            else:
                nn.init.zeros_(parameter)
                nn.init.ones_(parameter.detach().chunk(4)[1])
        for head in (self.embedding, self.mask):
            nn.init.xavier_normal_(head.linear.weight, generator=generator)
            nn.init.zeros_(head.linear.bias)


class _Normalisation(nn.Module):
    """Batch norm with one statistic for all bins, frames and items together."""

    def __init__(self) -> None:
        super().__init__()
        self.batch_norm = nn.BatchNorm1d(1)

    def forward(self, levels: Tensor) -> Tensor:
        normed: Tensor = self.batch_norm(levels.reshape(1, 1, -1))
        return normed.view(levels.shape)


class _RecurrentStack(nn.Module):
    """Bidirectional LSTM layers: (batch, frame, bin) to (batch, frame, 2 · hidden)."""

    def __init__(self, config: ChimeraConfig) -> None:
        super().__init__()
        # nn.LSTM draws its own initial weights, which are replaced; the caller's random numbers stay.
        with torch.random.fork_rng(devices=[]):
            self.rnn = nn.LSTM(
                config.num_bins,
                config.hidden_size,
                config.num_layers,
                batch_first=True,
                bidirectional=True,
                dropout=config.dropout if config.num_layers > 1 else 0.0,
            )

    def forward(self, levels: Tensor) -> Tensor:
        joined: Tensor = self.rnn(levels)[0]
        return joined


class _Head(nn.Module):
    """Linear layer with a few outputs per bin: (..., 2 · hidden) to (..., bin, unit)."""

    def __init__(self, config: ChimeraConfig, num_units: int) -> None:
        super().__init__()
        self._num_units = num_units
        with torch.random.fork_rng(devices=[]):
            self.linear = nn.Linear(2 * config.hidden_size, config.num_bins * num_units)

    def forward(self, recurrent: Tensor) -> Tensor:
        levels: Tensor = self.linear(recurrent)
        return levels.view(*recurrent.shape[:-1], -1, self._num_units)
