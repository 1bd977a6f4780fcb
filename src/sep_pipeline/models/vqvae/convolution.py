"""One convolution with 1-D parameters that runs in either layout, and the residual block made of two."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from sep_pipeline.models.vqvae.precision import Precision


class Convolution(nn.Module):
    """A zero-padded convolution over time.

    Parameters are float32 with the shapes of a 1-D convolution, whatever the layout of the input. A
    three-axis input (batch, channel, time) takes the plain path. A four-axis input (batch, channel, 1, time)
    is convolved as an image of height one, which is several times faster on processors when the channels are
    innermost in memory.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        kernel_size: Taps.
        stride: Step between outputs, or, transposed, between inputs.
        padding: Zeros on each side, or, transposed, samples cropped from each side.
        dilation: Distance between taps in samples.
        is_transposed: Whether the convolution up-samples; the weight then is (in, out, kernel).
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        kernel_size: int,
        stride: int = 1,
        padding: int = 0,
        dilation: int = 1,
        is_transposed: bool = False,
    ) -> None:
        super().__init__()
        channels = (in_channels, out_channels) if is_transposed else (out_channels, in_channels)
        self.weight = nn.Parameter(torch.empty(*channels, kernel_size))
        self.bias = nn.Parameter(torch.empty(out_channels))
        self.stride, self.padding, self.dilation = stride, padding, dilation
        self.is_transposed = is_transposed

    def initialise(self, generator: torch.Generator) -> None:
        """Draw weight and bias uniformly in ±1/√fan_in, fan_in being the second weight axis times taps."""
        bound = 1 / math.sqrt(self.weight.shape[1] * self.weight.shape[2])
        with torch.no_grad():
            self.weight.uniform_(-bound, bound, generator=generator)
            self.bias.uniform_(-bound, bound, generator=generator)

    def forward(self, signal: Tensor) -> Tensor:
        """Convolve.

        Args:
            signal: (batch, channel, time) or (batch, channel, 1, time).

        Returns:
            The output in the layout and number format of the input.
        """
        if signal.ndim == 3:
            return self._convolve_plain(signal)
        weight, bias = working_copy(self.weight, signal.dtype), self.bias.to(signal.dtype)
        stride, padding, dilation = (1, self.stride), (0, self.padding), (1, self.dilation)
        if self.is_transposed:
            return functional.conv_transpose2d(signal, weight, bias, stride, padding)
        return functional.conv2d(signal, weight, bias, stride, padding, dilation)

    def _convolve_plain(self, signal: Tensor) -> Tensor:
        if self.is_transposed:
            return functional.conv_transpose1d(signal, self.weight, self.bias, self.stride, self.padding)
        return functional.conv1d(signal, self.weight, self.bias, self.stride, self.padding, self.dilation)


class ResidualBlock(nn.Module):
    """signal + pointwise(ReLU(dilated(ReLU(signal)))), with as many hidden channels as outer ones.

    Args:
        width: Channels.
        dilation: Dilation of the three-tap convolution.
    """

    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.dilated = Convolution(width, width, kernel_size=3, padding=dilation, dilation=dilation)
        self.pointwise = Convolution(width, width, kernel_size=1)

    def forward(self, signal: Tensor) -> Tensor:
        """Map (batch, channel, time) or (batch, channel, 1, time) to the same shape."""
        hidden = functional.relu_(self.dilated(functional.relu(signal)))
        change: Tensor = self.pointwise(hidden)
        return signal + change


def upsample_to_mono(signal: Tensor, upsampler: Convolution, output: Convolution) -> Tensor:
    """Apply a stride-2 four-tap `upsampler` and a three-tap one-channel `output` as one product.

    Nothing stands between the two, so their weights compose to one transposed convolution of six taps, which
    never forms the wide full-rate signal. At the two end samples `output` sees its zero padding where the
    composition would see one sample more; that share is taken off.

    Args:
        signal: (batch, channel, 1, time), channels innermost.
        upsampler: Transposed convolution.
        output: Convolution to one channel.

    Returns:
        float32, (batch, 1, 2 * time).
    """
    taps = output.weight[0]
    # products[channel, k, j]: tap k of the first convolution through tap j of the second.
    products = torch.einsum("cok,oj->ckj", upsampler.weight, taps)
    shifted = [functional.pad(products[..., j], (2 - j, j)) for j in range(3)]
    composed = torch.stack(shifted).sum(0)
    rows = signal.squeeze(2).transpose(1, 2)
    columns = (rows @ composed.to(rows.dtype)).float()
    first, centre, last = columns.split_with_sizes((2, 2, 2), dim=2)
    wide = centre + functional.pad(first[:, 1:], (0, 0, 0, 1)) + functional.pad(last[:, :-1], (0, 0, 1, 0))
    through_bias = upsampler.bias @ taps
    audio: Tensor = wide.flatten(1) + (output.bias + through_bias.sum())
    # One unwanted sample beyond each end: tap 0 through tap 0 at the start, tap 3 through tap 2 at the end.
    before = rows[:, 0].float() @ products[:, 0, 0] + through_bias[0]
    after = rows[:, -1].float() @ products[:, 3, 2] + through_bias[2]
    excess = functional.pad(torch.stack((before, after), dim=1)[:, :, None], (0, audio.shape[1] - 1))
    audio = audio.sub(excess[:, 0]).sub(excess[:, 1].flip(1))
    return audio.unsqueeze(1)


def working_copy(weight: Tensor, dtype: torch.dtype) -> Tensor:
    """An (out, in, kernel) weight as (out, in, 1, kernel) in the activations' format and layout."""
    copy: Tensor = weight.unsqueeze(2).to(dtype, memory_format=torch.channels_last)
    return copy


def to_layout(signal: Tensor, precision: Precision) -> Tensor:
    """Bring float32 (batch, channel, time) into the layout and number format of `precision`."""
    if not precision.is_channels_last:
        return signal
    return signal.unsqueeze(2).to(precision.dtype, memory_format=torch.channels_last)


def from_layout(signal: Tensor) -> Tensor:
    """Bring a signal of either layout back to contiguous float32 (batch, channel, time)."""
    return signal if signal.ndim == 3 else signal.squeeze(2).float().contiguous()
