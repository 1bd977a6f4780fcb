"""Stem audio that the chunk pool delivers per second, beside the study's own way and other ways, in one run.

Counted are seconds of stem audio in chunks that reach a batch: a chunk of 100 ms with three instruments is 0.3 s. All
ways take the same songs in the same order, keep at most five chunks of each song and apply the same filters.

- "whole songs": the study's own way with our synthesizer. A song is read, each of its instruments rendered from
  beginning to end, everything cut, shuffled and filtered, and five chunks kept. This is the reference.
- "pool": `PoolExamples`, without workers and with one and two. "first pass" reads each MIDI file for the first time,
  "later" has them in memory. Starting the workers and filling the pool is not counted.

With --exactness the windows of the pool are compared with the whole songs, for several times that an ended note is
still rendered.

Usage: python benchmarks/pool_throughput.py [--songs 40] [--steps 60] [--exactness]
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import numpy as np
import torch

from sep_pipeline.data.chunk_pool import playable
from sep_pipeline.data.chunk_pool.chunks import levelled
from sep_pipeline.data.chunk_pool.config import ChunkPoolConfig
from sep_pipeline.data.chunk_pool.examples import PoolExamples
from sep_pipeline.data.midi_corpus import CorpusConfig, IndexedSong, index_corpus, programs_of
from sep_pipeline.data.rendering.engines import open_synthesizer

MIDI = Path(__file__).parents[1] / "data" / "01_raw" / "midi"
PROGRAMS = programs_of(("drums", "piano", "strings", "bass"), "family")
REFERENCE = "whole songs, 1 process"


def main() -> None:
    """Measure every way and write the tables to standard output."""
    arguments = _arguments()
    torch.set_num_threads(1)
    corpus = index_corpus(MIDI, CorpusConfig(fractions=(1.0, 0.0, 0.0)))
    songs = corpus.eligible(PROGRAMS, split="train")[: arguments.songs]
    if arguments.exactness:
        _write_exactness(songs)
        return
    speeds = {REFERENCE: _whole_songs(songs[: arguments.whole])}
    for workers in (0, 1, 2):
        first, later = _pool(songs, workers, arguments.steps)
        speeds[f"pool, {workers} workers, first pass"], speeds[f"pool, {workers} workers, later"] = (
            first,
            later,
        )
    sys.stdout.write(
        f"{len(songs)} songs, chunks of 100 ms, {len(PROGRAMS)} instruments, 44100 Hz, {os.cpu_count()} cores\n"
        f"{'way':<34}{'stem s per s':>14}{'ratio':>10}\n"
    )
    for name, speed in speeds.items():
        sys.stdout.write(f"{name:<34}{speed:>14.2f}{speed / speeds[REFERENCE]:>9.1f}x\n")


def _whole_songs(songs: Sequence[IndexedSong]) -> float:
    config = ChunkPoolConfig()
    synthesizer, random = open_synthesizer(config.rendering()), np.random.default_rng(0)
    delivered, started = 0.0, time.perf_counter()
    for song in songs:
        read = playable.read_playable(MIDI / song.file, tuple(PROGRAMS.values()), config.rendering())
        whole = read.rendered(synthesizer)
        padded = np.pad(whole, ((0, 0), (0, -whole.shape[1] % config.chunk_samples)))
        cut = padded.reshape(len(padded), -1, config.chunk_samples).swapaxes(0, 1)
        levels = (levelled(cut[number], config) for number in random.permutation(len(cut)))
        chunks = list(islice((chunk for chunk in levels if chunk is not None), config.chunks_per_song))
        delivered += sum(_stem_seconds(np.abs(chunk).max(axis=1), config) for chunk in chunks)
    return delivered / (time.perf_counter() - started)


def _pool(songs: Sequence[IndexedSong], workers: int, num_steps: int) -> tuple[float, float]:
    """Speeds of the first pass over the songs, and of `num_steps` batches after several passes."""
    config = ChunkPoolConfig(pool_size=24, workers=workers)
    num_first = (
        len(songs) * (config.chunks_per_song or 0) // config.batch_size
        - config.pool_size // config.batch_size
    )
    with PoolExamples(MIDI, songs, PROGRAMS, config) as pool:
        pool.batch(0)
        first = _delivered(pool, range(1, num_first))
        passed = range(num_first, 2 * workers * num_first + num_first)
        _delivered(pool, passed)
        return first, _delivered(pool, range(passed.stop, passed.stop + num_steps))


def _delivered(pool: PoolExamples, steps: range) -> float:
    delivered, started = 0.0, time.perf_counter()
    for step in steps:
        delivered += _stem_seconds(pool.batch(step).abs().amax(dim=(2, 3)).numpy(), pool.config)
    return delivered / (time.perf_counter() - started)


def _stem_seconds(peaks: np.ndarray, config: ChunkPoolConfig) -> float:
    """Seconds of audio in the chunks of stems whose peaks are given; silent ones do not count."""
    return float(np.count_nonzero(peaks)) * config.chunk_samples / config.sample_rate


def _write_exactness(songs: Sequence[IndexedSong]) -> None:
    config = ChunkPoolConfig()
    synthesizer, random = open_synthesizer(config.rendering()), np.random.default_rng(0)
    sys.stdout.write(
        f"{'release s':>10}{'ms a chunk':>12}{'exact':>9}{'< -80 dB':>10}{'< -60 dB':>10}{'worst dB':>10}\n"
    )
    for seconds in (0.5, 1.0, 2.0, 4.0, 8.0):
        playable.RELEASE_SECONDS = seconds
        differences, elapsed, num_chunks = [], 0.0, 0
        for song in songs[::6]:
            read = playable.read_playable(MIDI / song.file, tuple(PROGRAMS.values()), config.rendering())
            whole = read.rendered(synthesizer)
            peak = np.abs(whole.sum(axis=0)).max()
            for start in random.integers(0, read.num_samples - config.chunk_samples, 12):
                begin = time.process_time()
                window = read.rendered(synthesizer, int(start), config.chunk_samples)
                elapsed += time.process_time() - begin
                num_chunks += 1
                difference = np.abs(window - whole[:, start : start + config.chunk_samples]).max(axis=1)
                differences.extend(difference / peak)
        found = np.array(differences)
        shares = [(found <= bound).mean() for bound in (1e-7, 1e-4, 1e-3)]
        sys.stdout.write(
            f"{seconds:>10.1f}{1000 * elapsed / num_chunks:>12.1f}{shares[0]:>9.0%}{shares[1]:>10.0%}"
            f"{shares[2]:>10.0%}{20 * np.log10(found.max()):>10.1f}\n"
        )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--songs", type=int, default=40)
    parser.add_argument("--whole", type=int, default=10, help="songs that the reference renders")
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--exactness", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()
