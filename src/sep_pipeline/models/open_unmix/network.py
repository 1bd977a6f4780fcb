"""Open-Unmix: a mask per target from a recurrent network over spectrogram frames (Stöter et al. 2019)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from sep_pipeline.errors import ConfigurationError, StemMismatchError
from sep_pipeline.models.open_unmix.config import OpenUnmixConfig

State = tuple[Tensor, Tensor]
"""Hidden and cell state of the LSTM, each (layer · direction, batch, unit)."""


class OpenUnmix(nn.Module):
    """Magnitude spectrogram of a mixture to that of one target.

    Parameters bear the names of the `openunmix` package. All are trained, the input and output statistics
    included; the input's are stored as minus the mean and one over the standard deviation.

    Args:
        config: Shape of the model.
        seed: Seed of the initial weights, which are torch's defaults.
    """

    def __init__(self, config: OpenUnmixConfig, *, seed: int = 0) -> None:
        super().__init__()
        self.config = config
        hidden, channels = config.hidden_size, config.num_channels
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            self.fc1 = nn.Linear(channels * config.num_read_bins, hidden, bias=False)
            self.bn1 = nn.BatchNorm1d(hidden)
            self.lstm = nn.LSTM(
                hidden,
                hidden if config.is_unidirectional else hidden // 2,
                config.num_layers,
                bidirectional=not config.is_unidirectional,
                dropout=config.dropout if config.num_layers > 1 else 0.0,
            )
            self.fc2 = nn.Linear(2 * hidden, hidden, bias=False)
            self.bn2 = nn.BatchNorm1d(hidden)
            self.fc3 = nn.Linear(hidden, channels * config.num_bins, bias=False)
            self.bn3 = nn.BatchNorm1d(channels * config.num_bins)
        self.input_mean = nn.Parameter(torch.zeros(config.num_read_bins))
        self.input_scale = nn.Parameter(torch.ones(config.num_read_bins))
        self.output_scale = nn.Parameter(torch.ones(config.num_bins))
        self.output_mean = nn.Parameter(torch.ones(config.num_bins))

    def set_input_statistics(self, mean: Tensor, deviation: Tensor) -> None:
        """Start from the statistics of the training data.

        Args:
            mean: Mean magnitude per bin, (bin,), at least as many bins as the model reads.
            deviation: Standard deviation per bin, positive.
        """
        with torch.no_grad():
            self.input_mean.copy_(-mean[: self.config.num_read_bins])
            self.input_scale.copy_(1.0 / deviation[: self.config.num_read_bins])

    def forward(self, magnitude: Tensor) -> Tensor:
        """Estimate the target.

        Args:
            magnitude: float, not negative, (batch, channel, frame, bin), all bins; it gets no gradient. Fastest
                laid out as `spectrogram.magnitude` does.

        Returns:
            float, not negative, of the same shape.

        Raises:
            StemMismatchError: Channels or bins differ from those of the model.
        """
        return self.with_state(magnitude, None)[0]

    def with_state(self, magnitude: Tensor, state: State | None) -> tuple[Tensor, State]:
        """Estimate the target, going on from the state after earlier frames.

        In evaluation mode a unidirectional model gives the same frames in one piece or in many.

        Args:
            magnitude: As for `forward`.
            state: What the call for the frames before returned; None at the start.

        Returns:
            The estimate, and the state after the last frame.
        """
        encoded = self.encode(magnitude)
        recurrent, after = self.recur(encoded, state)
        levels = self._levels(encoded, recurrent)
        # Since magnitudes are not negative, the mask can be made so after it was applied, in place.
        estimate = levels.mul_(_rows(magnitude.detach())).relu_()
        return self._unrolled(estimate, len(magnitude)), after

    def encode(self, magnitude: Tensor) -> Tensor:
        """What the LSTM reads: (batch, channel, frame, bin) to (batch, frame, hidden), in [-1, 1]."""
        self._check(magnitude)
        config = self.config
        rows = _rows(magnitude.detach()).view(-1, config.num_channels, config.num_bins)
        # Shift and scale are applied to the weights, which are far fewer than the values.
        weight = self.fc1.weight.view(-1, config.num_channels, config.num_read_bins) * self.input_scale
        encoded = weight.sum(1) @ self.input_mean
        for channel in range(config.num_channels):
            heard = rows[:, channel, : config.num_read_bins]
            encoded = torch.addmm(encoded, heard, weight[:, channel].T)
        encoded = torch.tanh_(self.bn1(encoded))
        return encoded.view(-1, len(magnitude), config.hidden_size).transpose(0, 1)

    def recur(self, encoded: Tensor, state: State | None) -> tuple[Tensor, State]:
        """Run the LSTM from a state: (batch, frame, hidden) to the same shape, and the state at the end."""
        recurrent, after = self.lstm(encoded.transpose(0, 1), state)
        return recurrent.transpose(0, 1), after

    def mask(self, encoded: Tensor, recurrent: Tensor) -> Tensor:
        """The mask from the LSTM's input and output, each (batch, frame, hidden).

        Returns:
            float, not negative and unbounded, (batch, channel, frame, bin).
        """
        return self._unrolled(self._levels(encoded, recurrent).relu_(), len(encoded))

    def _levels(self, encoded: Tensor, recurrent: Tensor) -> Tensor:
        """The mask before it is made not negative, (frame · batch, channel · bin)."""
        joined = torch.cat([encoded.transpose(0, 1), recurrent.transpose(0, 1)], dim=-1).flatten(0, 1)
        joined = self.fc3(self.bn2(self.fc2(joined)).relu_())
        # Output scale and mean are applied to what the norm multiplies and adds anyway.
        norm, per_channel = self.bn3, (self.config.num_channels, self.config.num_bins)
        factor = norm.weight.view(per_channel) * self.output_scale
        offset = norm.bias.view(per_channel) * self.output_scale + self.output_mean
        return _normed(norm, joined, factor.flatten(), offset.flatten())

    def _unrolled(self, rows: Tensor, batch_size: int) -> Tensor:
        """Rows (frame · batch, channel · bin) as (batch, channel, frame, bin), without moving them."""
        shape = (-1, batch_size, self.config.num_channels, self.config.num_bins)
        return rows.view(shape).permute(1, 2, 0, 3)

    def _check(self, magnitude: Tensor) -> None:
        expected = (self.config.num_channels, self.config.num_bins)
        found = (magnitude.shape[1], magnitude.shape[-1]) if magnitude.ndim == 4 else tuple(magnitude.shape)
        if found != expected:
            raise StemMismatchError(
                "the spectrogram does not fit the Open-Unmix model",
                expected=f"(batch, {expected[0]} channels, frame, {expected[1]} bins)",
                found=tuple(magnitude.shape),
            )


def require_unidirectional(config: OpenUnmixConfig) -> None:
    """A model that reads backwards, too, cannot work while the music still comes in.

    Raises:
        ConfigurationError: The model is bidirectional.
    """
    if not config.is_unidirectional:
        raise ConfigurationError(
            "a bidirectional model needs the whole song and cannot stream",
            parameter="is_unidirectional",
            expected=True,
            found=False,
        )


def _rows(magnitude: Tensor) -> Tensor:
    """(batch, channel, frame, bin) as (frame · batch, channel · bin), a view if it is laid out so."""
    return magnitude.permute(2, 0, 1, 3).flatten(2).flatten(0, 1)


def _normed(norm: nn.BatchNorm1d, rows: Tensor, factor: Tensor, offset: Tensor) -> Tensor:
    """What `norm` does, with another factor and offset in the place of its own."""
    assert norm.num_batches_tracked is not None
    assert norm.momentum is not None
    if norm.training:
        norm.num_batches_tracked.add_(1)
    return functional.batch_norm(
        rows,
        norm.running_mean,
        norm.running_var,
        factor,
        offset,
        training=norm.training,
        momentum=norm.momentum,
        eps=norm.eps,
    )
