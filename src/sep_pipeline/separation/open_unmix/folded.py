"""Open-Unmix models of several targets in the form in which they are fastest to evaluate.

In evaluation mode every batch norm, scale and mean is an affine map beside a linear layer and is folded into it;
the first layers of all targets read the same magnitudes and become one.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from sep_pipeline.models.open_unmix import OpenUnmix


class FoldedTarget:
    """What follows the first layer of one target.

    Args:
        model: The model, which is copied.
        device: Where it is evaluated.
    """

    def __init__(self, model: OpenUnmix, device: torch.device) -> None:
        config = model.config
        second = _folded(model.fc2, model.bn2)
        weight, bias = _folded(model.fc3, model.bn3)
        scale = model.output_scale.double().repeat(config.num_channels)
        third = weight * scale[:, None], bias * scale + model.output_mean.double().repeat(config.num_channels)
        self._second, self._second_bias = _placed(second, device)
        self._third, self._third_bias = _placed(third, device)
        self.layers = [
            [_one_direction(model.lstm, layer, suffix).to(device) for suffix in _suffixes(model.lstm)]
            for layer in range(config.num_layers)
        ]

    def estimate(self, encoded: Tensor, recurrent: Tensor, magnitude: Tensor, output: Tensor) -> None:
        """Work out the magnitudes of the target.

        Args:
            encoded: What the LSTM read, (frame, hidden).
            recurrent: What it gave, (frame, hidden).
            magnitude: Those of the mixture, (channel, frame, bin).
            output: Where they are written, float32, (channel, frame, bin).
        """
        hidden = encoded.shape[-1]
        joined = torch.addmm(self._second_bias, encoded, self._second[:, :hidden].T)
        joined = torch.addmm(joined, recurrent, self._second[:, hidden:].T).relu_()
        mask = torch.addmm(self._third_bias, joined, self._third.T).relu_()
        for index, channel in enumerate(mask.tensor_split(len(magnitude), dim=-1)):
            torch.mul(magnitude[index], channel, out=output[index])


class FoldedModels:
    """All targets of a separator.

    Args:
        models: One per target, of the same configuration; they are copied.
        device: Where they are evaluated.
    """

    def __init__(self, models: Sequence[OpenUnmix], device: torch.device) -> None:
        self.config = models[0].config
        self.targets = [FoldedTarget(model, device) for model in models]
        layers = [_first_layer(model) for model in models]
        weight, bias = (torch.cat(parts) for parts in zip(*layers, strict=True))
        self._first, self._first_bias = _placed((weight, bias), device)

    def encode(self, magnitude: Tensor) -> Tensor:
        """First layers of all targets.

        Args:
            magnitude: float32, not negative, (channel, frame, bin).

        Returns:
            (frame, target · hidden), in [-1, 1].
        """
        read = magnitude[..., : self.config.num_read_bins].transpose(0, 1).flatten(1)
        return torch.addmm(self._first_bias, read, self._first.T).tanh_()


Affine = tuple[Tensor, Tensor]
"""Weight, (output, input), and bias, (output,), float64."""


def _first_layer(model: OpenUnmix) -> Affine:
    """W (x + mean) · scale, then the norm."""
    weight, bias = _folded(model.fc1, model.bn1)
    scaled = weight * model.input_scale.double().repeat(model.config.num_channels)
    return scaled, bias + scaled @ model.input_mean.double().repeat(model.config.num_channels)


def _folded(linear: nn.Linear, norm: nn.BatchNorm1d) -> Affine:
    assert norm.running_mean is not None
    assert norm.running_var is not None
    gain = norm.weight.double() / (norm.running_var.double() + norm.eps).sqrt()
    return linear.weight.double() * gain[:, None], norm.bias.double() - norm.running_mean.double() * gain


def _placed(layer: Affine, device: torch.device) -> tuple[Tensor, Tensor]:
    return layer[0].detach().float().to(device), layer[1].detach().float().to(device)


def _suffixes(lstm: nn.LSTM) -> tuple[str, ...]:
    return ("", "_reverse") if lstm.bidirectional else ("",)


def _one_direction(lstm: nn.LSTM, layer: int, suffix: str) -> nn.LSTM:
    """One layer in one direction as a module of its own, which reads its input forwards."""
    part = nn.LSTM(int(getattr(lstm, f"weight_ih_l{layer}").shape[1]), lstm.hidden_size)
    for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
        getattr(part, f"{name}_l0").data.copy_(getattr(lstm, f"{name}_l{layer}{suffix}").data)
    return part.eval().requires_grad_(False)
