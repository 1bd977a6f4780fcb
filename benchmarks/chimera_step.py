"""Time and memory of a ChimeraNet training step and of its deep-clustering loss, beside other forms of the loss.

Every case runs in a process of its own; ratios are of the processors' time, which other work on the machine
disturbs less. Memory is the growth of the resident set at its peak over what the inputs take. Three tables: the
loss of a given embedding with its gradient; the same from the output of the recurrent network on, the embedding
head included; and the affinities of all pairs at a size that they allow. `--step` adds whole updates (transform,
network, losses, gradient, clipping, Adam). nussl's own loss is measured where that package is found; of it nothing
but this loss is imported, so that it needs none of its dependencies.

python benchmarks/chimera_step.py --batch 24 --seconds 10 --step
"""

from __future__ import annotations

import argparse
import importlib.util
import multiprocessing
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from measuring import Outcome, line, measured
from torch import Tensor
from torch.nn import functional

from sep_pipeline.losses.deep_clustering import deep_clustering_loss, dominant_source, magnitude_weights
from sep_pipeline.models.chimera import SAMPLE_RATE_HZ, ChimeraConfig, ChimeraNet, preset
from sep_pipeline.models.mask_spectrogram import num_frames_of
from sep_pipeline.training.chimera_tasks import ChimeraTask, mean_clustering_loss
from sep_pipeline.training.config import TrainingConfig
from sep_pipeline.training.state import TrainingState

PAIRS_FRAMES, PAIRS_BINS = 24, 129

Loss = Callable[[Tensor, Tensor, Tensor], Tensor]


def main() -> None:
    """Measure every case in turn and write one table row each."""
    arguments = _arguments()
    config = preset(arguments.preset, num_sources=2)
    frames = num_frames_of(round(arguments.seconds * SAMPLE_RATE_HZ), config.hop_length)
    points = f"{arguments.batch} x {frames} x {config.num_bins} points, {config.embedding_size} dimensions"
    _table(f"loss of an embedding, {points}", ("own", "plain", "nussl"), _measure_loss, arguments)
    _table(f"head and loss, {points}", ("item by item", "own", "plain", "nussl"), _measure_head, arguments)
    title = f"1 x {PAIRS_FRAMES} x {PAIRS_BINS} points, {config.embedding_size} dimensions"
    _table(title, ("own", "plain", "all pairs"), _measure_pairs, arguments)
    if arguments.step:
        title = f"one update, {arguments.preset}, {arguments.batch} x {arguments.seconds:g} s"
        _table(title, ("deep_clustering", "whole", "mask, strict"), _measure_step, arguments)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--preset", choices=("paper", "compact"), default="paper")
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=1, help="runs per case; the fastest counts")
    parser.add_argument("--step", action="store_true", help="measure whole updates, too")
    return parser.parse_args()


def _table(
    title: str,
    cases: tuple[str, ...],
    measure: Callable[[str, argparse.Namespace], Outcome],
    arguments: argparse.Namespace,
) -> None:
    line(f"\n{title}, {arguments.threads} threads")
    line(f"{'case':<18}{'seconds':>10}{'CPU s':>10}{'peak GB':>10}{'value':>14}   to the first")
    first: Outcome | None = None
    for case in cases:
        if case == "nussl" and _nussl_loss_file() is None:
            line(f"{case:<18}   not installed")
            continue
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            outcome = pool.apply(measure, (case, arguments))
        first = first or outcome
        seconds, cpu_seconds, peak_gb, value = outcome
        ratios = f"{cpu_seconds / first.cpu_seconds:5.2f}x CPU {peak_gb / first.peak_gb:6.2f}x memory"
        line(f"{case:<18}{seconds:>10.2f}{cpu_seconds:>10.2f}{peak_gb:>10.3f}{value:>14.9f}   {ratios}")


def _measure_loss(case: str, arguments: argparse.Namespace) -> Outcome:
    config, (assignment, weights) = _config(arguments), _targets(arguments)
    points = (*weights.shape[::2], weights.shape[3])
    embedding = torch.rand(*points, config.embedding_size, generator=_generator()).requires_grad_()
    loss = _loss(case)

    def run() -> Tensor:
        embedding.grad = None
        value = loss(embedding, assignment, weights)
        value.backward()
        return value

    return measured(run, arguments.repeats)


def _measure_head(case: str, arguments: argparse.Namespace) -> Outcome:
    network, (assignment, weights) = ChimeraNet(_config(arguments)), _targets(arguments)
    shape = (*weights.shape[::2], 2 * network.config.hidden_size)
    recurrent = torch.tanh(torch.randn(shape, generator=_generator())).requires_grad_()
    loss = None if case == "item by item" else _loss(case)

    def run() -> Tensor:
        recurrent.grad = None
        network.zero_grad()
        if loss is None:
            value = mean_clustering_loss(network, recurrent, assignment, weights)
        else:
            value = loss(network.embed(recurrent), assignment, weights)
        value.backward()
        return value

    return measured(run, arguments.repeats)


def _measure_pairs(case: str, arguments: argparse.Namespace) -> Outcome:
    sources = torch.rand(1, 2, 1, PAIRS_FRAMES, PAIRS_BINS, generator=_generator())
    size = _config(arguments).embedding_size
    embedding = torch.rand(1, PAIRS_FRAMES, PAIRS_BINS, size, generator=_generator()).requires_grad_()
    loss = _all_pairs if case == "all pairs" else _loss(case)

    def run() -> Tensor:
        value = loss(embedding, dominant_source(sources), magnitude_weights(sources.sum(1)))
        value.backward()
        return value

    return measured(run, arguments.repeats)


def _measure_step(case: str, arguments: argparse.Namespace) -> Outcome:
    objective, _, freeze = case.partition(", ")
    shape = (arguments.batch, 2, 1, round(arguments.seconds * SAMPLE_RATE_HZ))
    task = ChimeraTask(
        ChimeraNet(_config(arguments)),
        _Noise(shape),
        objective=objective,  # type: ignore[arg-type]
        freeze=freeze or "none",  # type: ignore[arg-type]
    )
    task.module.train()
    config = TrainingConfig(
        num_steps=100,
        batch_size=arguments.batch,
        optimizer="adam",
        clip="autoclip",
        ema_decay=None,
        warmup_steps=0,
    )
    state, batch = TrainingState(task.module, config), task.batch(0)

    def run() -> Tensor:
        state.clear_gradients()
        value = task.losses(batch, torch.Generator())["loss"]
        value.backward()
        state.update(float(state.gradient_norm()))
        return value

    return measured(run, arguments.repeats)


class _Noise:
    """Sources of noise."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self._shape = shape

    def batch(self, step: int) -> Tensor:
        return 0.1 * torch.randn(self._shape, generator=torch.Generator().manual_seed(step))


def _loss(case: str) -> Loss:
    if case == "nussl":
        return _nussl_loss()
    if case == "plain":
        return _plain
    return lambda embedding, assignment, weights: deep_clustering_loss(embedding, assignment, weights).mean()


def _plain(embedding: Tensor, assignment: Tensor, weights: Tensor) -> Tensor:
    """The same products left to automatic differentiation, all items at once."""
    weight = weights.flatten(1).unsqueeze(2)
    points = functional.normalize(embedding.flatten(1, 2), dim=2) * weight
    clusters = assignment.flatten(2).transpose(1, 2) * weight
    pairs = ((points, points, 1), (points, clusters, -2), (clusters, clusters, 1))
    energies = [
        factor * (left.transpose(1, 2) @ right).square().sum(dim=(1, 2)) for left, right, factor in pairs
    ]
    return (torch.stack(energies).sum(0) / (weight.square().sum(dim=(1, 2)).square() + 1e-8)).mean()


def _all_pairs(embedding: Tensor, assignment: Tensor, weights: Tensor) -> Tensor:
    """The affinities of all pairs of points of one item."""
    points = functional.normalize(embedding.flatten(0, 2), dim=1)
    clusters = assignment.flatten(1).view(assignment.shape[1], -1).T
    power = weights.flatten().square()
    distances = (points @ points.T - clusters @ clusters.T).square()
    return power @ distances @ power / (power.sum().square() + 1e-8)


def _nussl_loss_file() -> Path | None:
    found = importlib.util.find_spec("nussl")
    if found is None or found.origin is None:
        return None
    path = Path(found.origin).parent / "ml" / "train" / "loss.py"
    return path if path.is_file() else None


def _nussl_loss() -> Loss:
    path = _nussl_loss_file()
    assert path is not None
    specification = importlib.util.spec_from_file_location("nussl_loss", path)
    assert specification is not None
    assert specification.loader is not None
    module: Any = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    loss = module.DeepClusteringLoss()

    def run(embedding: Tensor, assignment: Tensor, weights: Tensor) -> Tensor:
        # Its axes are (item, frame, bin, channel, dimension or source).
        labels = assignment.permute(0, 3, 4, 2, 1).contiguous()
        value: Tensor = loss(embedding.unsqueeze(3), labels, weights.permute(0, 2, 3, 1).contiguous())
        return value

    return run


def _config(arguments: argparse.Namespace) -> ChimeraConfig:
    torch.set_num_threads(arguments.threads)
    return preset(arguments.preset, num_sources=2)


def _targets(arguments: argparse.Namespace) -> tuple[Tensor, Tensor]:
    config = _config(arguments)
    frames = num_frames_of(round(arguments.seconds * SAMPLE_RATE_HZ), config.hop_length)
    shape = (arguments.batch, 2, 1, frames, config.num_bins)
    sources = torch.rand(shape, generator=_generator())
    return dominant_source(sources), magnitude_weights(sources.sum(1))


def _generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


if __name__ == "__main__":
    main()
