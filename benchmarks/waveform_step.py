"""Processor time of a training step of study 5's networks, and of its WaveNet beside one of separate layers.

python benchmarks/waveform_step.py --preset small --batch 12 --samples 4410
"""

from __future__ import annotations

import argparse
import sys
import time

import torch
from torch import Tensor, nn

from sep_pipeline.losses import SourceLossConfig, source_losses, study_resolution
from sep_pipeline.models.waveform import MODELS, WaveNet, WaveNetConfig, build_network, preset

NUM_SOURCES = 4
SAMPLE_RATE_HZ = 44_100


class PlainBlock(nn.Module):
    """A block as the study describes it: four convolutions, tanh times sigmoid by automatic differentiation."""

    def __init__(self, num_inputs: int, num_filters: int, dilation: int) -> None:
        super().__init__()
        dilated = {"padding": dilation, "dilation": dilation}
        self.filter = nn.Conv1d(num_inputs, num_filters, 3, **dilated)
        self.gate = nn.Conv1d(num_inputs, num_filters, 3, **dilated)
        self.residual = nn.Conv1d(num_filters, num_filters, 1)
        self.skip = nn.Conv1d(num_filters, num_filters, 1)

    def forward(self, signal: Tensor) -> tuple[Tensor, Tensor]:
        """Signal to the next block's and to what is summed."""
        gated = torch.tanh(self.filter(signal)) * torch.sigmoid(self.gate(signal))
        return self.residual(gated) + signal, self.skip(gated)


class PlainWaveNet(nn.Module):
    """The WaveNet of separate layers, with the weights of ours."""

    def __init__(self, model: WaveNet) -> None:
        super().__init__()
        config: WaveNetConfig = model.config
        self.blocks = nn.ModuleList()
        for ours in model.blocks:
            dilation, num_inputs = ours.filters.dilation[0], ours.filters.in_channels
            block = PlainBlock(num_inputs, config.num_filters, dilation)
            for fused, parts in ((ours.filters, "filter gate"), (ours.outputs, "residual skip")):
                for name, weight, bias in zip(
                    parts.split(), fused.weight.chunk(2), fused.bias.chunk(2), strict=True
                ):
                    getattr(block, name).load_state_dict({"weight": weight, "bias": bias})
            self.blocks.append(block)
        self.head = model.head

    def forward(self, mixture: Tensor) -> Tensor:
        """(batch, 1, time) to (batch, stem, 1, time)."""
        signal, skips = mixture, []
        for block in self.blocks:
            signal, skip = block(signal)
            skips.append(skip)
        estimates: Tensor = self.head(sum(skips))
        return estimates.unsqueeze(2)


def main() -> None:
    """Measure and write one table row per network."""
    arguments = _arguments()
    torch.set_num_threads(arguments.threads)
    torch.set_flush_denormal(True)
    generator = torch.Generator().manual_seed(0)
    sources = 0.1 * torch.randn(arguments.batch, NUM_SOURCES, 1, arguments.samples, generator=generator)
    _line(f"{arguments.preset}, batch {arguments.batch} x {arguments.samples}, {arguments.threads} threads")
    _line(f"{'network':<24}{'CPU s a step':>14}{'ratio':>8}")
    ours = build_network(preset("wavenet", arguments.preset, num_sources=NUM_SOURCES))
    assert isinstance(ours, WaveNet)
    plain = PlainWaveNet(ours)
    with torch.no_grad():
        difference = (ours(sources.sum(1)[:1]) - plain(sources.sum(1)[:1])).abs().max()
    networks: dict[str, nn.Module] = {"wavenet, separate layers": plain}
    for name in MODELS:
        networks[name] = build_network(preset(name, arguments.preset, num_sources=NUM_SOURCES))
    first = None
    for name, network in networks.items():
        grid = getattr(getattr(network, "config", None), "grid_samples", 1)
        usable = sources[..., : arguments.samples // grid * grid]
        seconds = _seconds(network, usable, arguments.repeats) * sources.shape[-1] / usable.shape[-1]
        first = first or seconds
        _line(f"{name:<24}{seconds:>14.3f}{first / seconds:>7.2f}x")
    _line(f"largest difference of both WaveNets {difference:.1e}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--preset", choices=["small", "paper"], default="small")
    parser.add_argument("--batch", type=int, default=12)
    parser.add_argument("--samples", type=int, default=4410)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=5)
    return parser.parse_args()


def _seconds(network: nn.Module, sources: Tensor, repeats: int) -> float:
    """Shortest processor time of some steps after one to warm up."""
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-4)
    resolution = study_resolution(SAMPLE_RATE_HZ)
    durations = []
    for _ in range(repeats + 1):
        started = time.process_time()
        loss = source_losses(network(sources.sum(1)), sources, SourceLossConfig(), resolution)["loss"]
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        durations.append(time.process_time() - started)
    return min(durations[1:])


def _line(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
