"""Time and memory of the contrastive study's updates in full size, by batch size, and what a batch of 16 would take.

Every case runs in a process of its own: the transform, the network, the loss, its gradient and Adam, on noise. Time is
that of its processors. Memory is the growth of the resident set at its peak over network, optimiser and audio. Both
grow in proportion to the batch, so that the line through the smallest and the largest batch is shown at the study's
batch of 16, which needs more memory than many machines have.

python benchmarks/deep_demix_step.py --batches 1 2 4
"""

from __future__ import annotations

import argparse
import multiprocessing
from contextlib import nullcontext
from typing import cast

import torch
from measuring import Outcome, line, measured
from torch import Tensor

from sep_pipeline.models.deep_demix import Encoder, MaskModel, encoder_preset, mask_network_preset
from sep_pipeline.training.config import TrainingConfig
from sep_pipeline.training.deep_demix_tasks import MaskTask, TripletTask
from sep_pipeline.training.state import TrainingState

PUBLISHED_BATCH = 16
NUM_SOURCES = 4
CASES = ("pretraining", "autoencoder", "mask_network", "baseline")


def main() -> None:
    """Measure every case at every batch size and write one row each."""
    arguments = _arguments()
    line(f"one update, {arguments.preset}, {arguments.precision}, {arguments.threads} threads")
    line(f"{'case':<16}{'batch':>7}{'CPU s':>10}{'peak GB':>10}")
    for case in arguments.cases:
        outcomes = {}
        for batch in arguments.batches:
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                outcomes[batch] = pool.apply(_measure, (case, batch, arguments))
            _row(case, f"{batch}", outcomes[batch])
        if len(outcomes) > 1:
            _row(case, f"({PUBLISHED_BATCH})", _extended(outcomes))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--preset", choices=("paper", "compact"), default="paper")
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--precision", choices=("fp32", "bf16"), default="fp32")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=2, help="updates per case; the fastest counts")
    return parser.parse_args()


def _measure(case: str, batch_size: int, arguments: argparse.Namespace) -> Outcome:
    torch.set_num_threads(arguments.threads)
    task = _task(case, batch_size, arguments.preset)
    task.module.train()
    config = TrainingConfig(num_steps=100, batch_size=batch_size, optimizer="adam", ema_decay=None)
    state, batch = TrainingState(task.module, config), task.batch(0)
    lowered = torch.autocast("cpu", torch.bfloat16) if arguments.precision == "bf16" else nullcontext()

    def run() -> Tensor:
        state.clear_gradients()
        with lowered:
            value = task.losses(batch, torch.Generator())["loss"]
        value.backward()
        state.update(float(state.gradient_norm()))
        return value

    return measured(run, arguments.repeats)


def _task(case: str, batch_size: int, preset: str) -> TripletTask | MaskTask:
    config = encoder_preset(preset)
    if case == "pretraining":
        return TripletTask(Encoder(config), _Noise((batch_size, 3, 1, config.segment_samples)))
    network = mask_network_preset(cast("MaskModel", case), preset, num_sources=NUM_SOURCES)
    return MaskTask(network, _Noise((batch_size, NUM_SOURCES, 1, config.segment_samples)))


class _Noise:
    """Noise as excerpts, and labels for them."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self._shape = shape

    def batch(self, step: int) -> Tensor:
        return 0.1 * torch.randn(self._shape, generator=torch.Generator().manual_seed(step))

    def labels(self, step: int) -> Tensor:
        del step
        return torch.tensor([[0, 0, 1]] * self._shape[0])


def _extended(outcomes: dict[int, Outcome]) -> Outcome:
    """What the published batch would take by the line through the smallest and the largest batch."""
    small, large = min(outcomes), max(outcomes)
    share = (PUBLISHED_BATCH - small) / (large - small)
    pairs = zip(outcomes[small], outcomes[large], strict=True)
    return Outcome(*(first + share * (last - first) for first, last in pairs))


def _row(case: str, batch: str, outcome: Outcome) -> None:
    line(f"{case:<16}{batch:>7}{outcome.cpu_seconds:>10.2f}{outcome.peak_gb:>10.2f}")


if __name__ == "__main__":
    main()
