"""Speed and memory of the Open-Unmix separator beside that of the `openunmix` package, in turns in the same run.

python benchmarks/open_unmix_separation.py --seconds 60 --hidden 512 --threads 1 2
python benchmarks/open_unmix_separation.py --minutes 6 60

Both separators get the same random weights, four targets and the filter with one iteration on blocks of 300
frames. The first form prints seconds, their ratio and the largest difference of the estimates; the second the peak
memory of a process that separates a file of so many minutes to four files (a 16-bit hour needs 4 GB of disk, and
5 GB of temporary files with 512 units).
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from sep_pipeline.audio.io import audio_written_in_blocks
from sep_pipeline.models.open_unmix import OpenUnmix, OpenUnmixConfig
from sep_pipeline.separation.open_unmix import OpenUnmixSeparator
from sep_pipeline.separation.songs import separate_file

Audio = npt.NDArray[np.float32]

SAMPLE_RATE = 44_100
TARGETS = ("vocals", "drums", "bass", "other")
BYTES_PER_UNIT = 1 if sys.platform == "darwin" else 1024


def main() -> None:
    """Measure speed, or with `--minutes` memory."""
    arguments = _arguments()
    if arguments.peak_of is not None:
        _print_peak(arguments)
    elif arguments.minutes:
        _compare_memory(arguments)
    else:
        _compare_speed(arguments)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Open-Unmix separation: ours beside the package's.")
    parser.add_argument("--seconds", type=float, default=60.0, help="length of the made song")
    parser.add_argument("--hidden", type=int, default=512)
    parser.add_argument("--unidirectional", action="store_true")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--repeats", type=int, default=3, help="runs of each; the fastest counts")
    parser.add_argument("--minutes", type=float, nargs="+", help="measure memory for songs of these lengths")
    parser.add_argument("--peak-of", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def _compare_speed(arguments: argparse.Namespace) -> None:
    models = _models(arguments)
    song = _noise(0, int(arguments.seconds * SAMPLE_RATE))
    separators = (_ours(models), _packaged(models))
    _line(f"{arguments.seconds:g} s of stereo, {len(TARGETS)} targets, hidden size {arguments.hidden}")
    _line(f"{'threads':>7}{'ours s':>10}{'package s':>11}{'ratio':>9}{'largest difference':>20}")
    for threads in arguments.threads:
        torch.set_num_threads(threads)
        (ours, found), (package, expected) = _in_turns(separators, song, arguments.repeats)
        difference = float(np.abs(found - expected).max())
        _line(f"{threads:>7}{ours:>10.2f}{package:>11.2f}{package / ours:>8.2f}x{difference:>20.1e}")


def _in_turns(
    separators: tuple[Callable[[Audio], Audio], ...], song: Audio, repeats: int
) -> list[tuple[float, Audio]]:
    """Shortest time of each after one run to warm up, and its estimates."""
    seconds = [float("inf")] * len(separators)
    estimates = [song] * len(separators)
    for repeat in range(repeats + 1):
        for number, separate in enumerate(separators):
            started = time.perf_counter()
            estimates[number] = separate(song)
            taken = time.perf_counter() - started
            if repeat:
                seconds[number] = min(seconds[number], taken)
    return list(zip(seconds, estimates, strict=True))


def _compare_memory(arguments: argparse.Namespace) -> None:
    _line(f"{len(TARGETS)} targets, hidden size {arguments.hidden}, file to files, 1 thread")
    _line(f"{'minutes':>7}{'seconds':>10}{'peak MB':>10}{'ratio':>8}")
    first = None
    for minutes in arguments.minutes:
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder) / "song.wav"
            _write_song(source, int(minutes * 60 * SAMPLE_RATE))
            command = [sys.executable, __file__, "--peak-of", str(source), "--hidden", str(arguments.hidden)]
            command += ["--unidirectional"] * arguments.unidirectional
            started = time.perf_counter()
            result = subprocess.run(command, check=True, capture_output=True, text=True)
            seconds = time.perf_counter() - started
        peak = int(result.stdout)
        first = first or peak
        _line(f"{minutes:>7g}{seconds:>10.0f}{peak / 1e6:>10.0f}{peak / first:>8.3f}")


def _print_peak(arguments: argparse.Namespace) -> None:
    torch.set_num_threads(1)
    separator = OpenUnmixSeparator(name="measured", models=_models(arguments), sample_rate=SAMPLE_RATE)
    separate_file(separator, arguments.peak_of, arguments.peak_of.parent / "stems")
    _line(str(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * BYTES_PER_UNIT))


def _models(arguments: argparse.Namespace) -> dict[str, OpenUnmix]:
    config = OpenUnmixConfig(hidden_size=arguments.hidden, is_unidirectional=arguments.unidirectional)
    return {target: OpenUnmix(config, seed=seed).eval() for seed, target in enumerate(TARGETS)}


def _ours(models: dict[str, OpenUnmix]) -> Callable[[Audio], Audio]:
    return OpenUnmixSeparator(name="measured", models=models, sample_rate=SAMPLE_RATE).separate


def _packaged(models: dict[str, OpenUnmix]) -> Callable[[Audio], Audio]:
    # Our package has to be imported before: it lets torchaudio be imported without CUDA.
    from openunmix.model import OpenUnmix as PackageModel
    from openunmix.model import Separator

    packaged = {}
    for target, model in models.items():
        config = model.config
        packaged[target] = PackageModel(
            nb_bins=config.num_bins,
            hidden_size=config.hidden_size,
            max_bin=config.num_read_bins,
            unidirectional=config.is_unidirectional,
        )
        packaged[target].load_state_dict(model.state_dict())
    separator = Separator(packaged, niter=1)
    separator.freeze()

    def separate(song: Audio) -> Audio:
        with torch.inference_mode():
            estimates: Audio = separator(torch.from_numpy(song)[None])[0].numpy()
        return estimates

    return separate


def _write_song(path: Path, num_samples: int) -> None:
    with audio_written_in_blocks(path, SAMPLE_RATE, num_channels=2, num_frames=num_samples) as write:
        for block, start in enumerate(range(0, num_samples, SAMPLE_RATE)):
            write(_noise(block, min(SAMPLE_RATE, num_samples - start)))


def _noise(seed: int, num_samples: int) -> Audio:
    generator = np.random.default_rng(seed)
    return generator.uniform(-0.5, 0.5, (2, num_samples)).astype(np.float32)


def _line(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
