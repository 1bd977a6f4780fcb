"""Time of a VQ-VAE training step and of inference per precision, beside plain fp32 in the same run.

python benchmarks/vqvae_step.py --preset compact --batch 4 --samples 32768
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable

import torch

from sep_pipeline.losses import Bandwidths, embedding_loss, vqvae_loss
from sep_pipeline.models.vqvae import PRECISIONS, VQVAE, VQVAE_PRESETS, Encoder

SAMPLE_RATE_HZ = 44_100
BANDWIDTHS = Bandwidths(l1=0.03, l2=0.003, spec=1000.0)


def main() -> None:
    """Measure every precision and write one table row each."""
    arguments = _arguments()
    torch.set_num_threads(arguments.threads)
    config = VQVAE_PRESETS[arguments.preset]
    device = torch.device(arguments.device)
    generator = torch.Generator().manual_seed(0)
    audio = (0.1 * torch.randn(arguments.batch, 1, arguments.samples, generator=generator)).to(device)
    model = VQVAE(config).to(device)
    model.codebook.codes.normal_(generator=None if device.type != "cpu" else generator)
    model.codebook.reset_statistics(config.num_frames(arguments.samples))
    _line(
        f"{arguments.preset}, batch {arguments.batch} x {arguments.samples}, "
        f"{arguments.threads} threads, {device}"
    )
    _line(f"{'precision':<20}{'phase 1 s':>12}{'phase 2 s':>12}{'inference RTF':>15}   ratios to fp32")
    plain: list[float] = []
    for precision in PRECISIONS:
        model.set_precision(precision)
        row = [
            _seconds(_phase_one(model, audio, generator), arguments.repeats, device),
            _seconds(_phase_two(model, audio), arguments.repeats, device),
            _seconds(_inference(model, audio[:1]), arguments.repeats, device)
            / (arguments.samples / SAMPLE_RATE_HZ),
        ]
        plain = plain or row
        ratios = " ".join(f"{before / now:5.2f}x" for before, now in zip(plain, row, strict=True))
        _line(f"{precision:<20}{row[0]:>12.3f}{row[1]:>12.3f}{row[2]:>15.4f}   {ratios}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--preset", choices=sorted(VQVAE_PRESETS), default="compact")
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--samples", type=int, default=32_768)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--device", default="cpu")
    return parser.parse_args()


def _phase_one(model: VQVAE, audio: torch.Tensor, generator: torch.Generator) -> Callable[[], None]:
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-4)

    def step() -> None:
        model.train()
        result = model.reconstruct(audio, generator=generator, update=True)
        terms = vqvae_loss(
            result.audio, audio, result.quantised.commitment, bandwidths=BANDWIDTHS, has_diagnostics=False
        )
        optimiser.zero_grad()
        terms["loss"].backward()
        optimiser.step()

    return step


def _phase_two(model: VQVAE, audio: torch.Tensor) -> Callable[[], None]:
    encoder = Encoder(model.config, seed=1).to(audio.device)
    encoder.set_precision(model.encoder.precision)
    optimiser = torch.optim.Adam(encoder.parameters(), lr=1e-4)

    def step() -> None:
        with torch.no_grad():
            target = model.encode(audio)
        optimiser.zero_grad()
        embedding_loss(encoder(audio), target)["loss"].backward()
        optimiser.step()

    return step


def _inference(model: VQVAE, audio: torch.Tensor) -> Callable[[], None]:
    def run() -> None:
        model.eval()
        with torch.inference_mode():
            model(audio)

    return run


def _seconds(action: Callable[[], None], repeats: int, device: torch.device) -> float:
    """Shortest of some runs after one to warm up."""
    durations = []
    for _ in range(repeats + 1):
        started = time.perf_counter()
        action()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        durations.append(time.perf_counter() - started)
    return min(durations[1:])


def _line(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
