"""Speed of separation with the compact separator, each case as a ratio to one reference of the same run.

Reference: one fp32 pass over the whole song. The real-time factor is computing time over playing time for one
stem; below 1 is faster than the music plays.

Usage: python benchmarks/separation.py [--seconds 20] [--preset compact] [--repeats 3] [--threads 1]
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable

import numpy as np
import torch

from sep_pipeline.models.vqvae import VQVAE, VQVAE_PRESETS
from sep_pipeline.separation.vqvae_separator import VqvaeSeparator

SAMPLE_RATE = 44_100
CHUNK_SECONDS = 3.0
PRECISIONS = ("fp32", "bf16")


def main() -> None:
    """Measure every case and write the table to standard output."""
    arguments = _arguments()
    torch.set_num_threads(arguments.threads)
    generator = np.random.default_rng(0)
    song = generator.uniform(-0.5, 0.5, (1, int(arguments.seconds * SAMPLE_RATE))).astype(np.float32)
    cases = _cases(arguments.preset, song)
    seconds = dict.fromkeys(cases, float("inf"))
    for _ in range(arguments.repeats):
        for name, run in cases.items():
            start = time.perf_counter()
            run()
            seconds[name] = min(seconds[name], time.perf_counter() - start)
    sys.stdout.write(_table(seconds, arguments))


def _cases(preset: str, song: np.ndarray) -> dict[str, Callable[[], object]]:
    config = VQVAE_PRESETS[preset]
    chunk = int(CHUNK_SECONDS * SAMPLE_RATE) // config.hop_samples * config.hop_samples
    cases: dict[str, Callable[[], object]] = {}
    for precision in PRECISIONS:
        separator = VqvaeSeparator(
            name=preset,
            models={"drums": VQVAE(config)},
            sample_rate=SAMPLE_RATE,
            precision=precision,
            published_chunk_samples=chunk,
            context_chunk_samples=chunk,
        )
        whole = VqvaeSeparator(
            name=preset,
            models={"drums": VQVAE(config)},
            sample_rate=SAMPLE_RATE,
            precision=precision,
            context_chunk_samples=song.shape[-1],
        )
        cases[f"whole song, {precision}"] = lambda whole=whole: whole.separate(song)
        for mode in ("context", "published"):
            cases[f"{mode}, {precision}"] = lambda separator=separator, mode=mode: separator.separate(
                song, mode=mode
            )
    return cases


def _table(seconds: dict[str, float], arguments: argparse.Namespace) -> str:
    reference_name = "whole song, fp32"
    reference = seconds[reference_name]
    lines = [
        f"{arguments.preset} model, one stem, {arguments.seconds:g} s of audio, "
        f"chunks of {CHUNK_SECONDS:g} s, {arguments.threads} thread(s), best of {arguments.repeats}",
        f"{'case':24s} {'real-time factor':>17s} {'time / ' + reference_name:>24s}",
    ]
    lines += [
        f"{name:24s} {taken / arguments.seconds:17.3f} {taken / reference:24.2f}"
        for name, taken in seconds.items()
    ]
    return "\n".join(lines) + "\n"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=20.0, help="length of the made song")
    parser.add_argument(
        "--preset", choices=sorted(VQVAE_PRESETS), default="compact", help="size of the model"
    )
    parser.add_argument("--repeats", type=int, default=3, help="runs per case; the fastest counts")
    parser.add_argument("--threads", type=int, default=1, help="threads of torch")
    return parser.parse_args()


if __name__ == "__main__":
    main()
