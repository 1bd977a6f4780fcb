"""The network of the study: stacks of dilated convolutions with gates, after WaveNet, that look both ways."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from sep_pipeline.models.initial import draw_uniform, untouched_generator
from sep_pipeline.models.waveform.config import WaveNetConfig
from sep_pipeline.models.waveform.shapes import check_mixture


class WaveNet(nn.Module):
    """Mixture to sources: the sum of what all blocks give, behind three further convolutions.

    The convolutions of a block that hear the same signal are one layer: those in front of tanh and sigmoid, and
    those that go on to the next block and to the sum.

    Args:
        config: Shape of the network.
        seed: Seed of the initial weights, torch's default distribution.
    """

    def __init__(self, config: WaveNetConfig, *, seed: int = 0) -> None:
        super().__init__()
        self.config = config
        num_filters, (first, second) = config.num_filters, config.head_filters
        dilations = [2**block for _ in range(config.num_stacks) for block in range(config.num_blocks)]
        with untouched_generator():
            self.blocks = nn.ModuleList(
                _Block(1 if index == 0 else num_filters, num_filters, dilation)
                for index, dilation in enumerate(dilations)
            )
            self.head = nn.Sequential(
                nn.ReLU(),
                nn.Conv1d(num_filters, first, 3, padding=1),
                nn.ReLU(),
                nn.Conv1d(first, second, 3, padding=1),
                nn.ReLU(),
                nn.Conv1d(second, config.num_sources, 1),
            )
        draw_uniform(self, torch.Generator().manual_seed(seed))

    def forward(self, mixture: Tensor) -> Tensor:
        """Estimate the sources.

        Args:
            mixture: float32, (batch, 1, time).

        Returns:
            float32, (batch, stem, 1, time), as long as the mixture.

        Raises:
            StemMismatchError: The mixture is not mono.
        """
        check_mixture(mixture, self.config)
        signal, total = self.blocks[0](mixture)
        total = total.clone()
        for block in self.blocks[1:]:
            signal, skipped = block(signal)
            # In place, as nothing needs the former sum any more.
            total += skipped
        estimates: Tensor = self.head(total)
        return estimates.unsqueeze(2)


class _Block(nn.Module):
    """A gated dilated convolution: its input plus one part of its output, and the other part."""

    def __init__(self, num_inputs: int, num_filters: int, dilation: int) -> None:
        super().__init__()
        self.filters = nn.Conv1d(num_inputs, 2 * num_filters, 3, padding=dilation, dilation=dilation)
        self.outputs = nn.Conv1d(num_filters, 2 * num_filters, 1)

    def forward(self, signal: Tensor) -> tuple[Tensor, Tensor]:
        gated: Tensor = _Gate.apply(self.filters(signal))  # type: ignore[no-untyped-call]
        residual, skipped = self.outputs(gated).chunk(2, 1)
        return residual + signal, skipped


class _Gate(torch.autograd.Function):
    """tanh of the first half of the channels times the sigmoid of the second.

    Differentiated by hand, it writes both halves of the gradient into one tensor and keeps no third one.
    """

    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        filtered, gate = values.chunk(2, 1)
        filtered, gate = filtered.tanh(), gate.sigmoid()
        ctx.save_for_backward(filtered, gate)
        return filtered * gate

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_output: Tensor) -> Tensor:
        filtered, gate = ctx.saved_tensors
        batch, num_filters, time = grad_output.shape
        gradient = grad_output.new_empty(batch, 2 * num_filters, time)
        towards_filtered, towards_gate = gradient.chunk(2, 1)
        gated = grad_output * gate
        torch.mul(gated, filtered, out=towards_gate)
        # gate · (1 - filtered²), and filtered · gate · (1 - gate).
        torch.addcmul(gated, towards_gate, filtered, value=-1, out=towards_filtered)
        towards_gate.addcmul_(towards_gate, gate, value=-1)
        return gradient
