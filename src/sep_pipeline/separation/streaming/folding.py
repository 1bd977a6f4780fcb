"""Models of several targets as plain matrices: batch norms and statistics become part of the weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from sep_pipeline.models.open_unmix import OpenUnmix

Affine = tuple[Tensor, Tensor]
"""Weights (target, output, input) and biases (target, output), float32."""

_Matrix = tuple[Tensor, Tensor]
"""Weight (output, input) and bias (output,) of one target, float64."""


@dataclass(frozen=True, kw_only=True)
class FoldedModels:
    """All that evaluation computes, in the order in which it is computed.

    Attributes:
        input_scale: (channel · bin,), times the magnitudes; it gives the columns of `first` a largest entry of
            1, so that formats with few bits serve loud and quiet bins alike.
        first: All targets as one, since they read the same frame: (1, target · unit, channel · bin).
        recurrent_input: Per layer (target, 4 · unit, unit), both biases of the LSTM included. Gates are in the
            order input, forget, output, cell: the three that share the logistic function stand together.
        recurrent_state: Per layer (target, 4 · unit, unit); the biases are zero.
        second: (target, unit, 2 · unit).
        third: (target, channel · bin, unit), up to the mask before its last ReLU.
    """

    input_scale: Tensor
    first: Affine
    recurrent_input: tuple[Affine, ...]
    recurrent_state: tuple[Affine, ...]
    second: Affine
    third: Affine


def fold(models: Sequence[OpenUnmix]) -> FoldedModels:
    """Turn models of one shape into matrices, in float64 and rounded once.

    Args:
        models: Unidirectional models with the same configuration, on the CPU; their running statistics count,
            whether they are in training or in evaluation mode.
    """
    with torch.no_grad():
        firsts = [_first(model) for model in models]
        weight = torch.cat([matrix[0] for matrix in firsts])
        bias = torch.cat([matrix[1] for matrix in firsts])
        scale = weight.abs().amax(dim=0)
        scale = torch.where(scale > 0, scale, torch.ones_like(scale))
        layers = [[_gates(model, layer) for model in models] for layer in range(models[0].config.num_layers)]
        return FoldedModels(
            input_scale=scale.float(),
            first=_stacked([(weight / scale, bias)]),
            recurrent_input=tuple(_stacked([gates[0] for gates in layer]) for layer in layers),
            recurrent_state=tuple(_stacked([gates[1] for gates in layer]) for layer in layers),
            second=_stacked([_normed(model.fc2, model.bn2) for model in models]),
            third=_stacked([_third(model) for model in models]),
        )


def _first(model: OpenUnmix) -> _Matrix:
    """From magnitudes to what the tanh reads: (m + mean) · scale, the linear layer and its norm."""
    channels = model.config.num_channels
    weight, bias = _normed(model.fc1, model.bn1)
    scaled = weight * model.input_scale.double().repeat(channels)
    return scaled, bias + scaled @ model.input_mean.double().repeat(channels)


def _third(model: OpenUnmix) -> _Matrix:
    weight, bias = _normed(model.fc3, model.bn3)
    scale = model.output_scale.double().repeat(model.config.num_channels)
    mean = model.output_mean.double().repeat(model.config.num_channels)
    return weight * scale[:, None], bias * scale + mean


def _normed(linear: nn.Linear, norm: nn.BatchNorm1d) -> _Matrix:
    """A linear layer without bias and the batch norm behind it, float64."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    gain = norm.weight.double() / torch.sqrt(norm.running_var.double() + norm.eps)
    return linear.weight.double() * gain[:, None], norm.bias.double() - gain * norm.running_mean.double()


def _gates(model: OpenUnmix, layer: int) -> tuple[_Matrix, _Matrix]:
    """What the layer's gates take from its input and from its own state."""
    lstm = model.lstm
    read, own = getattr(lstm, f"weight_ih_l{layer}"), getattr(lstm, f"weight_hh_l{layer}")
    bias = getattr(lstm, f"bias_ih_l{layer}").double() + getattr(lstm, f"bias_hh_l{layer}").double()

    def reordered(values: Tensor) -> Tensor:
        gate_in, gate_forget, cell, gate_out = values.double().chunk(4)
        return torch.cat([gate_in, gate_forget, gate_out, cell])

    return (reordered(read), reordered(bias)), (reordered(own), torch.zeros_like(bias))


def _stacked(matrices: Sequence[_Matrix]) -> Affine:
    return (
        torch.stack([weight.detach().float() for weight, _ in matrices]),
        torch.stack([bias.detach().float() for _, bias in matrices]),
    )
