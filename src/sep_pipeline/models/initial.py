"""Initial weights from a generator of one's own, so that a seed fixes a network and nothing else is drawn from."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn


@contextmanager
def untouched_generator() -> Iterator[None]:
    """Build layers, which draw weights that are replaced, without moving torch's global generator."""
    with torch.random.fork_rng(devices=[]):
        yield


def draw_uniform(network: nn.Module, generator: torch.Generator) -> None:
    """Draw convolutions and linear layers as torch does by default: uniform within 1/√(inputs of a unit).

    Weights and biases have the same bounds; other parameters stay as they are.
    """
    for layer in network.modules():
        if isinstance(layer, nn.Conv1d | nn.Conv2d | nn.Linear):
            bound = layer.weight[0].numel() ** -0.5
            nn.init.uniform_(layer.weight, -bound, bound, generator=generator)
            if layer.bias is not None:
                nn.init.uniform_(layer.bias, -bound, bound, generator=generator)


def draw_xavier(network: nn.Module, generator: torch.Generator) -> None:
    """Draw LSTM and linear layers as nussl does: Xavier-normal, biases 0, those of the forget gates 1."""
    for layer in network.modules():
        if isinstance(layer, nn.LSTM):
            for name, parameter in layer.named_parameters():
                if "weight" in name:
                    nn.init.xavier_normal_(parameter, generator=generator)
                else:
                    nn.init.zeros_(parameter)
                    nn.init.ones_(parameter.detach().chunk(4)[1])
        elif isinstance(layer, nn.Linear):
            nn.init.xavier_normal_(layer.weight, generator=generator)
            nn.init.zeros_(layer.bias)


def draw_glorot(network: nn.Module, generator: torch.Generator) -> None:
    """Draw convolutions as TensorFlow does by default: Glorot-uniform, biases 0."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv1d):
            nn.init.xavier_uniform_(layer.weight, generator=generator)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
