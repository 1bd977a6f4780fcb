"""Time of ingestion per track: made anew, unchanged, and after one file has changed, as ratios in one run.

A made MUSDB18-HQ tree (16-bit noise, stereo, 44.1 kHz) is measured in place and a made folder of FLAC stems is
converted. "Unchanged" is a second call that finds everything done. The reference is reading the same files.
"""

from __future__ import annotations

import argparse
import logging
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from sep_pipeline.audio.io import read_audio, write_audio
from sep_pipeline.data.ingestion import StoreConfig, ingest

RATE = 44100
STEMS = ("drums", "bass", "other", "vocals")


def make_tree(root: Path, *, num_tracks: int, seconds: float, suffix: str) -> None:
    for number in range(num_tracks):
        folder = root / ("test" if number % 5 == 0 else "train") / f"song {number:03d}"
        stems = np.random.default_rng(number).integers(-4000, 4000, (4, 2, int(seconds * RATE)))
        signals = dict(zip(STEMS, stems.astype(np.int16), strict=True))
        signals["mixture"] = stems.sum(axis=0).astype(np.int16)
        for name, samples in signals.items():
            write_audio(folder / f"{name}{suffix}", samples, RATE)


def timed(function: Callable[[], object]) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def touch(file: Path) -> None:
    content = file.read_bytes()
    file.write_bytes(content)


def measure(root: Path, store: Path, *, layout: str, suffix: str, num_processes: int) -> dict[str, float]:
    config = StoreConfig(stems=STEMS, layout=layout)

    def run() -> object:
        return ingest(root, store, config, set_name="made", validation_tracks=[], num_processes=num_processes)

    files = sorted(root.rglob(f"*{suffix}"))
    times = {"read all files": timed(lambda: [read_audio(file) for file in files])}
    times["anew"] = timed(run)
    times["unchanged"] = timed(run)
    touch(files[0])
    times["one file changed"] = timed(run)
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tracks", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=20.0, help="length of a track")
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    logging.disable(logging.WARNING)
    folder = Path(tempfile.mkdtemp(prefix="ingest-benchmark-"))
    try:
        for name, layout, suffix in (
            ("in place (WAV)", "musdb_hq", ".wav"),
            ("converted (FLAC)", "track_folders", ".flac"),
        ):
            root = folder / layout
            make_tree(root, num_tracks=options.tracks, seconds=options.seconds, suffix=suffix)
            times = measure(
                root,
                folder / f"{layout}_store",
                layout=layout,
                suffix=suffix,
                num_processes=options.processes,
            )
            print(
                f"\n{name}: {options.tracks} tracks of {options.seconds:g} s, {options.processes} processes"
            )
            for what, seconds in times.items():
                ratio = seconds / times["read all files"]
                print(
                    f"  {what:18s} {1000 * seconds / options.tracks:8.1f} ms a track {ratio:8.3f} of reading"
                )
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
