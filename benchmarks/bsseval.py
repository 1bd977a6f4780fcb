"""BSS Eval v4: the fast engine beside museval in the same run, its cost and memory on long tracks, and processes.

python benchmarks/bsseval.py --against 7 60 --long 30 240 600 --tracks 32
"""

from __future__ import annotations

import argparse
import logging
import os
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sep_pipeline.mapping import map_tracks
from sep_pipeline.metrics.bsseval import FrameMetrics, bss_eval

SAMPLE_RATE_HZ = 44_100
NUM_STEMS = 4
METRICS = ("sdr", "isr", "sir", "sar")
TRACK_SECONDS = 120

Stems = npt.NDArray[np.float32]


def main() -> None:
    """Print one table per question."""
    arguments = _arguments()
    logging.basicConfig(level=logging.WARNING)
    if arguments.child is not None:
        _measure_child(arguments.child)
        return
    _compare(arguments.against, arguments.panned, arguments.repeats)
    _lengthen(arguments.long)
    if arguments.tracks:
        _spread(arguments.tracks)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--against", type=int, nargs="*", default=[7, 60], help="seconds scored by both engines"
    )
    parser.add_argument(
        "--panned", type=int, nargs="*", default=[7], help="the same with panned 16-bit tones"
    )
    parser.add_argument(
        "--long", type=int, nargs="*", default=[30, 120, 240, 600], help="seconds, fast engine only"
    )
    parser.add_argument(
        "--tracks", type=int, default=32, help="tracks of two minutes over one and two processes"
    )
    parser.add_argument("--repeats", type=int, default=3, help="runs of the fast engine; the fastest counts")
    parser.add_argument("--child", type=int, help=argparse.SUPPRESS)
    return parser.parse_args()


def _compare(seconds: list[int], panned: list[int], repeats: int) -> None:
    print(
        f"{NUM_STEMS} stereo stems, {SAMPLE_RATE_HZ} Hz, 512 taps, frames of 1 s; largest differences in dB"
    )
    print(
        f"{'material':<18}{'s':>4}{'museval s':>10}{'fast s':>8}{'ratio':>8}"
        + "".join(f"{m:>8}" for m in METRICS)
    )
    for name, lengths, make in (
        ("noise and tones", seconds, _music),
        ("panned tones", panned, _panned_tones),
    ):
        for length in lengths:
            references, estimates = make(length)
            fast_seconds, fast = min(
                (_timed("fast", references, estimates) for _ in range(repeats)), key=lambda run: run[0]
            )
            museval_seconds, museval = _timed("museval", references, estimates)
            figures = f"{museval_seconds:>10.2f}{fast_seconds:>8.2f}{museval_seconds / fast_seconds:>7.1f}x"
            print(f"{name:<18}{length:>4}{figures}{_differences(fast, museval)}")
            if make is _panned_tones:
                _, turned = _timed("museval", references[::-1], estimates[::-1])
                print(
                    f"{'  museval with the stems in reverse order':<48}{_differences(turned, museval, reverse=True)}"
                )


def _differences(found: FrameMetrics, expected: FrameMetrics, *, reverse: bool = False) -> str:
    columns = []
    for metric in METRICS:
        ours, theirs = getattr(found, metric), getattr(expected, metric)
        ours = ours[::-1] if reverse else ours
        is_alike = np.array_equal(np.isnan(ours), np.isnan(theirs))
        columns.append(np.nanmax(np.abs(ours - theirs)) if is_alike else np.inf)
    return "".join(f"{column:>8.0e}" for column in columns)


def _lengthen(seconds: list[int]) -> None:
    print("\nfast engine on long tracks, each in a process of its own")
    print(f"{'length s':>8}{'s':>8}{'ms per s':>10}{'audio MB':>10}{'peak MB':>9}")
    for length in seconds:
        command = [sys.executable, __file__, "--child", str(length)]
        print(subprocess.run(command, check=True, capture_output=True, text=True).stdout, end="")


def _measure_child(length: int) -> None:
    """Print the row of one length; the peak includes the interpreter, its libraries and the audio."""
    references, estimates = _music(length)
    elapsed, _ = _timed("fast", references, estimates)
    status = Path("/proc/self/status").read_text(encoding="ascii")
    peak = int(status.split("VmHWM:")[1].split()[0]) / 1024
    audio = (references.nbytes + estimates.nbytes) / 2**20
    print(f"{length:>8}{elapsed:>8.2f}{1000 * elapsed / length:>10.1f}{audio:>10.0f}{peak:>9.0f}")


def _spread(num_tracks: int) -> None:
    print(f"\n{num_tracks} tracks of {TRACK_SECONDS} s by map_tracks, start of the processes included")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "track.npy"
        np.save(path, np.stack(_music(TRACK_SECONDS)))
        jobs = {f"track {index}": path for index in range(num_tracks)}
        times, work = [], []
        for num_processes in (1, 2):
            start, start_work = time.perf_counter(), _processor_seconds()
            map_tracks(_score_file, jobs, description="score", num_processes=num_processes)
            times.append(time.perf_counter() - start)
            work.append(_processor_seconds() - start_work)
    for num_processes in (1, 2):
        figures = f"{times[num_processes - 1]:.1f} s, of processor time {work[num_processes - 1]:.1f} s"
        print(f"{num_processes} process(es): {figures}")
    print(f"ratio {times[0] / times[1]:.2f}; by processor time alone {2 * work[0] / work[1]:.2f}")


def _processor_seconds() -> float:
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


def _score_file(path: Path) -> float:
    references, estimates = np.load(path)
    return float(np.nanmean(_timed("fast", references, estimates)[1].sdr))


def _timed(engine: str, references: Stems, estimates: Stems) -> tuple[float, FrameMetrics]:
    score = partial(bss_eval, window=SAMPLE_RATE_HZ, hop=SAMPLE_RATE_HZ, engine=engine)
    start = time.perf_counter()
    metrics = score(references, estimates)
    return time.perf_counter() - start, metrics


def _music(seconds: int) -> tuple[Stems, Stems]:
    """Noise around a tone in every stem, channels alike but not equal, 16 bit; estimates with leakage and noise."""
    generator = np.random.default_rng(0)
    num_samples = seconds * SAMPLE_RATE_HZ
    references = np.empty((NUM_STEMS, 2, num_samples), np.float32)
    time_seconds = np.arange(num_samples, dtype=np.float32) / SAMPLE_RATE_HZ
    for index, stem in enumerate(references):
        middle = 0.1 * generator.standard_normal(num_samples, np.float32)
        middle += 0.2 * np.sin(2 * np.pi * 110 * 2 ** (7 * index / 12) * time_seconds)
        for gain, channel in zip((1.0, 0.5 + 0.1 * index), stem, strict=True):
            channel[:] = gain * middle + 0.01 * generator.standard_normal(num_samples, np.float32)
    return _as_16_bit(references), _leaky(references, generator)


def _panned_tones(seconds: int) -> tuple[Stems, Stems]:
    """Harmonic tones, every right channel a scaled copy of the left one before both are rounded to 16 bit."""
    generator = np.random.default_rng(1)
    time_seconds = np.arange(seconds * SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ
    harmonics = np.arange(1, 9)[:, None]
    left = [
        np.sum(0.2 / harmonics * np.sin(2 * np.pi * harmonics * pitch_hz * time_seconds + harmonics), axis=0)
        for pitch_hz in (110.3, 164.8, 220.7, 333.1)
    ]
    gains = (0.5, 0.7, 0.9, 1.0)
    references = np.stack([np.stack([tone, gain * tone]) for tone, gain in zip(left, gains, strict=True)])
    references = _as_16_bit(references.astype(np.float32))
    return references, _leaky(references, generator)


def _leaky(references: Stems, generator: np.random.Generator) -> Stems:
    estimates = 0.8 * references
    estimates += 0.2 * references.sum(axis=0)
    for stem in estimates:
        stem += 0.01 * generator.standard_normal(stem.shape, np.float32)
    return estimates


def _as_16_bit(stems: Stems) -> Stems:
    np.multiply(stems, 32_768, out=stems)
    np.round(stems, out=stems)
    return np.divide(stems, 32_768, out=stems)


if __name__ == "__main__":
    main()
