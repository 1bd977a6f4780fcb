"""Masks of all targets for the next frames: Open-Unmix in evaluation mode, side by side, state in and out."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from sep_pipeline.models.open_unmix import OpenUnmix
from sep_pipeline.separation.streaming.folding import fold
from sep_pipeline.separation.streaming.products import product_kind


class StackedNetwork:
    """Models of one shape that read the same frames.

    A single frame is computed by products of a matrix with a vector. Of several frames everything but the
    recurrence itself is computed at once.

    Args:
        models: Unidirectional models with the same configuration.
        precision: One of `PRECISIONS`.

    Raises:
        ConfigurationError: The precision is unknown, or this torch lacks it.
    """

    def __init__(self, models: Sequence[OpenUnmix], *, precision: str) -> None:
        folded, kind = fold(models), product_kind(precision)
        config = models[0].config
        self._num_targets, self._units = len(models), config.hidden_size
        self._num_outputs = config.num_channels * config.num_bins
        self._input_scale = folded.input_scale
        self._first = kind(*folded.first)
        self._recurrent_input = [kind(*affine) for affine in folded.recurrent_input]
        self._recurrent_state = [kind(*affine) for affine in folded.recurrent_state]
        self._second = kind(*folded.second)
        self._third = kind(*folded.third)

    def masks(self, magnitude: Tensor, hidden: Tensor, cell: Tensor) -> Tensor:
        """Compute the next frames.

        Args:
            magnitude: float32, (frame, channel · bin), the bins that the models read.
            hidden: float32, (layer, target, unit), the state after the frame before; changed to that after the
                last of these.
            cell: As `hidden`.

        Returns:
            float32, not negative, (target, frame, channel · bin), all bins.
        """
        frames, units = len(magnitude), self._units
        encoded = magnitude.new_empty(1, frames, self._num_targets * units)
        self._first((magnitude * self._input_scale)[None], encoded)
        values = encoded.tanh_().view(frames, self._num_targets, units).transpose(0, 1).contiguous()
        joined = magnitude.new_empty(self._num_targets, frames, 2 * units)
        joined[..., :units] = values
        for layer in range(len(self._recurrent_input)):
            values = self._recur(layer, values, hidden[layer], cell[layer])
        joined[..., units:] = values
        inner = torch.empty_like(values)
        self._second(joined, inner)
        masks = magnitude.new_empty(self._num_targets, frames, self._num_outputs)
        self._third(inner.relu_(), masks)
        return masks.relu_()

    def _recur(self, layer: int, values: Tensor, hidden: Tensor, cell: Tensor) -> Tensor:
        """One layer of the LSTMs: (target, frame, unit) to the same; the states (target, unit) are changed."""
        units = self._units
        gates = values.new_empty(*values.shape[:2], 4 * units)
        self._recurrent_input[layer](values, gates)
        add_own_part = self._recurrent_state[layer].add
        outputs = torch.empty_like(values)
        for frame in range(values.shape[1]):
            now = gates[:, frame]
            add_own_part(hidden[:, None], now[:, None])
            gate_in, gate_forget, gate_out = now[:, : 3 * units].sigmoid_().chunk(3, dim=1)
            cell.mul_(gate_forget).addcmul_(gate_in, now[:, 3 * units :].tanh_())
            torch.tanh(cell, out=hidden)
            hidden.mul_(gate_out)
            outputs[:, frame] = hidden
        return outputs
