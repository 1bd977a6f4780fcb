"""Speed and memory of drawing random 6 s chunks of four stereo stems, each way as a ratio to one of the same run.

A store of noise in MUSDB18-HQ's layout is written to a temporary folder and removed at the end; its mixtures are
links to one of the stems, since none is read. One draw is a chunk of all four stems at one random place, float32
(stem, channel, time). All files were just written and lie in the memory of the operating system.

- "our reader": `MixtureExamples`, called here, through `batches` with its background thread, and through its
  worker processes. Starting them is not counted: the clock starts after the first batches.
- "files in order": the bytes of as many draws, taken from one file after the other from its start, in pieces of
  6 s through one buffer that is used again and again, and turned into float32 (channel, time) of new memory by
  numpy's plain conversion. "as they lie" leaves left and right interleaved, which is the least that can be done.
- "soundfile": the same draws, decoded by libsndfile straight to float32.
- "musdb": the same draws by `musdb.DB(root, is_wav=True)`, which starts ffprobe and ffmpeg for every stem.

Memory is what the process has for itself (RssAnon of /proc/self/status). Pages of files do not count; the reader
maps none, which RssFile shows. Both are printed after 1000 and 10 000 draws, taken in batches.

Usage: python benchmarks/feeding.py [--songs 50] [--seconds 60] [--draws 400] [--rounds 5] [--memory-draws 10000]
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
import wave
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import musdb
import numpy as np
import soundfile
import torch

from sep_pipeline.data.feeding import batches
from sep_pipeline.data.manifest import Track
from sep_pipeline.data.mixing import MixingConfig, MixtureExamples

SAMPLE_RATE = 44_100
STEMS = ("drums", "bass", "other", "vocals")
CHUNK_FRAMES = 6 * SAMPLE_RATE
BATCH_SIZE = 4
BATCHES_BEFORE_CLOCK = 10
REFERENCE = "files in order"


def main() -> None:
    """Write the store, measure every way and write the tables to standard output."""
    arguments = _arguments()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        tracks = _made_store(Path(folder), arguments.songs, arguments.seconds)
        ways = _ways(Path(folder), tracks)
        seconds = dict.fromkeys(ways, float("inf"))
        for _ in range(arguments.rounds):
            for name, way in ways.items():
                seconds[name] = min(seconds[name], way.seconds_per_draw(arguments.draws))
        sys.stdout.write(_table(seconds, arguments))
        _write_memory(tracks, arguments.memory_draws)


@dataclass(frozen=True)
class Way:
    """A way to draw: gives how many seconds a draw takes, from the number of draws to make."""

    seconds_per_draw: Callable[[int], float]


def _ways(root: Path, tracks: list[Track]) -> dict[str, Way]:
    examples = _examples(tracks)
    return {
        REFERENCE: Way(lambda draws: _files_in_order(tracks, draws, is_apart=True)),
        f"{REFERENCE}, as they lie": Way(lambda draws: _files_in_order(tracks, draws, is_apart=False)),
        "our reader, called here": Way(lambda draws: _called_here(examples, draws)),
        "our reader, background thread": Way(lambda draws: _fed(examples, draws, 0)),
        "our reader, 1 worker": Way(lambda draws: _fed(examples, draws, 1)),
        "our reader, 2 workers": Way(lambda draws: _fed(examples, draws, 2)),
        "soundfile": Way(lambda draws: _soundfile(tracks, draws // 4)),
        "musdb": Way(lambda _: _musdb(root, 3)),
    }


def _examples(tracks: list[Track]) -> MixtureExamples:
    return MixtureExamples(
        tracks,
        STEMS,
        chunk_samples=CHUNK_FRAMES,
        batch_size=BATCH_SIZE,
        seed=0,
        config=MixingConfig(short_tracks="refuse"),
    )


def _called_here(examples: MixtureExamples, num_draws: int) -> float:
    started = time.perf_counter()
    for step in range(num_draws // BATCH_SIZE):
        examples.batch(step)
    return (time.perf_counter() - started) / (num_draws // BATCH_SIZE * BATCH_SIZE)


def _fed(examples: MixtureExamples, num_draws: int, num_workers: int) -> float:
    steps = range(BATCHES_BEFORE_CLOCK + num_draws // BATCH_SIZE)
    with batches(examples, steps, num_workers=num_workers) as pairs:
        for _ in range(BATCHES_BEFORE_CLOCK):
            next(pairs)
        started = time.perf_counter()
        num_batches = sum(1 for _ in pairs)
        return (time.perf_counter() - started) / (num_batches * BATCH_SIZE)


def _files_in_order(tracks: list[Track], num_draws: int, *, is_apart: bool) -> float:
    pieces = _pieces_in_order(tracks)
    started = time.perf_counter()
    for _ in range(num_draws * len(STEMS)):
        piece = next(pieces)
        samples = piece.T if is_apart else piece
        audio = np.empty(samples.shape, dtype=np.float32)
        np.multiply(samples, np.float32(1 / 32768), out=audio, dtype=np.float32)
    return (time.perf_counter() - started) / num_draws


def _pieces_in_order(tracks: list[Track]) -> Iterator[np.ndarray]:
    """Whole pieces of int16, (frame, channel), all in the same memory."""
    buffer = np.empty((CHUNK_FRAMES, 2), dtype=np.int16)
    room = buffer.reshape(-1).view(np.uint8).data
    while True:
        for track in tracks:
            for stem in STEMS:
                with track.paths[stem].open("rb", buffering=0) as stream:
                    stream.seek(44)
                    while stream.readinto(room) == buffer.nbytes:
                        yield buffer


def _soundfile(tracks: list[Track], num_draws: int) -> float:
    random = np.random.default_rng(0)
    started = time.perf_counter()
    for _ in range(num_draws):
        track, start = _drawn(tracks, random)
        audio = np.empty((len(STEMS), 2, CHUNK_FRAMES), dtype=np.float32)
        for row, stem in zip(audio, STEMS, strict=True):
            with soundfile.SoundFile(track.paths[stem]) as sound:
                sound.seek(start)
                row[...] = sound.read(CHUNK_FRAMES, dtype="float32", always_2d=True).T
    return (time.perf_counter() - started) / num_draws


def _musdb(root: Path, num_draws: int) -> float:
    tracks = list(musdb.DB(root=str(root), subsets="train", is_wav=True))
    random = np.random.default_rng(0)
    started = time.perf_counter()
    for _ in range(num_draws):
        track, start = _drawn(tracks, random)
        track.chunk_start, track.chunk_duration = start / SAMPLE_RATE, CHUNK_FRAMES / SAMPLE_RATE
        audio = np.stack([track.sources[stem].audio.T for stem in STEMS]).astype(np.float32)
        if audio.shape != (len(STEMS), 2, CHUNK_FRAMES):
            raise SystemExit(f"musdb gave {audio.shape}")
    return (time.perf_counter() - started) / num_draws


def _drawn(tracks: list[Any], random: np.random.Generator) -> tuple[Any, int]:
    track = tracks[int(random.integers(len(tracks)))]
    num_frames = track.num_frames if isinstance(track, Track) else round(track.duration * SAMPLE_RATE)
    return track, int(random.integers(num_frames - CHUNK_FRAMES + 1))


def _made_store(root: Path, num_songs: int, seconds: float) -> list[Track]:
    random = np.random.default_rng(0)
    num_frames = int(seconds * SAMPLE_RATE)
    tracks = []
    for number in range(num_songs):
        folder = root / "train" / f"song {number:02d}"
        folder.mkdir(parents=True)
        paths = {stem: folder / f"{stem}.wav" for stem in STEMS}
        for path in paths.values():
            with wave.open(str(path), "wb") as sound:
                sound.setparams((2, 2, SAMPLE_RATE, num_frames, "NONE", ""))
                sound.writeframes(random.bytes(4 * num_frames))
        os.link(paths["drums"], folder / "mixture.wav")
        tracks.append(
            Track(
                set_name="noise",
                split="train",
                track_id=folder.name,
                sample_rate=SAMPLE_RATE,
                num_channels=2,
                num_frames=num_frames,
                paths=paths,
            )
        )
    return tracks


def _table(seconds: dict[str, float], arguments: argparse.Namespace) -> str:
    lines = [
        f"{arguments.songs} songs of {arguments.seconds:g} s, chunks of 6 s x {len(STEMS)} stems x 2 channels, "
        f"batches of {BATCH_SIZE}, best of {arguments.rounds}",
        f"{'way':32s} {'draws/s':>10s} {'draws/s relative to musdb':>26s} {'time / ' + REFERENCE:>22s}",
    ]
    lines += [
        f"{name:32s} {1 / taken:10.1f} {seconds['musdb'] / taken:26.1f} {taken / seconds[REFERENCE]:22.2f}"
        for name, taken in seconds.items()
    ]
    return "\n".join(lines) + "\n"


def _write_memory(tracks: list[Track], num_draws: int) -> None:
    examples = _examples(tracks)
    for step in range(num_draws // BATCH_SIZE):
        examples.batch(step)
        if (step + 1) * BATCH_SIZE in (1000, num_draws):
            sizes = ", ".join(f"{name} {_mebibytes(name):.1f} MiB" for name in ("RssAnon", "RssFile"))
            sys.stdout.write(f"after {(step + 1) * BATCH_SIZE} draws: {sizes}\n")


def _mebibytes(name: str) -> float:
    status = Path("/proc/self/status").read_text()
    return int(status.partition(f"{name}:")[2].split()[0]) / 1024


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--songs", type=int, default=50, help="songs in the store")
    parser.add_argument("--seconds", type=float, default=60.0, help="length of each, more than 6")
    parser.add_argument("--draws", type=int, default=400, help="draws per way and round; musdb makes 3")
    parser.add_argument("--rounds", type=int, default=5, help="runs per way; the fastest counts")
    parser.add_argument("--memory-draws", type=int, default=10_000, help="draws over which memory is watched")
    return parser.parse_args()


if __name__ == "__main__":
    main()
