"""Time of an Open-Unmix training step beside that of the `openunmix` package, in turns in the same run.

python benchmarks/open_unmix_step.py --sizes 16x512 8x256 --threads 1 2

Ours is what the shared loop does in an update: sum of the stems, magnitudes, model, loss, gradients and their norm,
optimiser. The package's begins with the mixture, which its loader sums. Both start from the same weights.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from sep_pipeline.models.open_unmix import OpenUnmix, OpenUnmixConfig
from sep_pipeline.training.config import TrainingConfig
from sep_pipeline.training.open_unmix_task import OpenUnmixTask
from sep_pipeline.training.state import TrainingState

SAMPLE_RATE_HZ = 44_100
NUM_STEMS = 4
LEARNING_RATE, WEIGHT_DECAY = 1e-3, 1e-5

Step = Callable[[], float]


class NoExamples:
    """The batch is made once, outside the measured time."""

    def batch(self, step: int) -> Tensor:
        """Never asked for."""
        raise NotImplementedError


def main() -> None:
    """Measure every size with every number of threads and write one table row each."""
    arguments = _arguments()
    device = torch.device(arguments.device)
    direction = "unidirectional" if arguments.unidirectional else "bidirectional"
    _line(f"{direction}, {arguments.seconds:g} s of stereo, {device}")
    _line(
        f"{'batch':>6}{'hidden':>8}{'threads':>9}{'ours s':>10}{'package s':>11}{'ratio':>8}"
        f"{'loss ours':>12}{'package':>10}"
    )
    for size in arguments.sizes:
        batch_size, hidden_size = (int(number) for number in size.split("x"))
        for threads in arguments.threads:
            torch.set_num_threads(threads)
            config = OpenUnmixConfig(
                hidden_size=hidden_size, is_unidirectional=arguments.unidirectional, dropout=arguments.dropout
            )
            stems = _stems(batch_size, round(arguments.seconds * SAMPLE_RATE_HZ)).to(device)
            model = OpenUnmix(config).to(device)
            steps = (_package_step(model, stems), _own_step(model, stems))
            (package, package_loss), (ours, loss) = _in_turns(steps, arguments.repeats, device)
            _line(
                f"{batch_size:>6}{hidden_size:>8}{threads:>9}{ours:>10.3f}{package:>11.3f}"
                f"{package / ours:>7.2f}x{loss:>12.4f}{package_loss:>10.4f}"
            )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", nargs="+", default=["16x512", "8x256"], help="batch x hidden size")
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--dropout", type=float, default=0.4, help="0 makes the losses comparable")
    parser.add_argument("--unidirectional", action="store_true")
    parser.add_argument("--device", default="cpu")
    return parser.parse_args()


def _stems(batch_size: int, num_samples: int) -> Tensor:
    shape = (batch_size, NUM_STEMS, 2, num_samples)
    return 0.1 * torch.randn(shape, generator=torch.Generator().manual_seed(0))


def _own_step(model: OpenUnmix, stems: Tensor) -> Step:
    config = TrainingConfig(
        num_steps=1000,
        batch_size=len(stems),
        learning_rate=LEARNING_RATE,
        optimizer="adam",
        weight_decay=WEIGHT_DECAY,
        warmup_steps=0,
        clip="none",
        ema_decay=None,
    )
    task, state = OpenUnmixTask(model.train(), NoExamples(), 0), TrainingState(model, config)

    def step() -> float:
        loss = task.losses(stems, torch.Generator())["loss"]
        state.clear_gradients()
        loss.backward()
        norm = state.gradient_norm()
        state.update(float(norm))
        return float(loss.detach())

    return step


def _package_step(model: OpenUnmix, stems: Tensor) -> Step:
    # Our package has to be imported before: it lets torchaudio be imported without CUDA.
    from openunmix.model import ComplexNorm
    from openunmix.model import OpenUnmix as PackageModel
    from openunmix.transforms import make_filterbanks

    config = model.config
    package = PackageModel(
        nb_bins=config.num_bins,
        nb_channels=2,
        hidden_size=config.hidden_size,
        max_bin=config.num_read_bins,
        unidirectional=config.is_unidirectional,
    ).to(stems.device)
    package.load_state_dict(model.state_dict())
    package.lstm.dropout = config.dropout
    transform, _ = make_filterbanks(n_fft=config.spectrogram.n_fft, n_hop=config.spectrogram.hop_length)
    encoder = torch.nn.Sequential(transform, ComplexNorm(mono=False)).to(stems.device)
    optimiser = torch.optim.Adam(package.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    mixture, target = stems.sum(1), stems[:, 0].contiguous()

    def step() -> float:
        optimiser.zero_grad()
        loss = functional.mse_loss(package.train()(encoder(mixture)), encoder(target))
        loss.backward()
        optimiser.step()
        return float(loss.detach())

    return step


def _in_turns(steps: tuple[Step, ...], repeats: int, device: torch.device) -> list[tuple[float, float]]:
    """Shortest of some runs of each after two to warm up, and the loss of its last one."""
    seconds: list[list[float]] = [[] for _ in steps]
    losses = [0.0 for _ in steps]
    for _ in range(repeats + 2):
        for number, step in enumerate(steps):
            started = time.perf_counter()
            losses[number] = step()
            if device.type == "cuda":
                torch.cuda.synchronize(device)
            seconds[number].append(time.perf_counter() - started)
    return [(min(durations[2:]), loss) for durations, loss in zip(seconds, losses, strict=True)]


def _line(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
