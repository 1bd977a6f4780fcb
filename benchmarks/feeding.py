"""Speed and memory of drawing random 6 s chunks of four stereo stems, each way as a ratio to one of the same run.

A store of noise in MUSDB18-HQ's layout is written to a temporary folder and removed at the end; its mixtures are
links to one of the stems, since none is read. One draw is a chunk of all four stems at one random place, float32
(stem, channel, time). All files were just written and lie in the memory of the operating system.

- "our reader": `MixtureExamples` with one thread and with two, its default; "behind" takes its batches from the
  background thread of `batches`, "worker" from the worker processes of `batches`, with one thread each. Starting
  them is not counted: the clock starts after the first batches.
- "files in order": the bytes of as many draws, taken from one file after the other from its start, in pieces of
  6 s through one buffer that is used again and again, and turned into float32 (channel, time) of new memory by
  numpy's plain conversion. "as they lie" leaves left and right interleaved, which is the least that can be done.
- "soundfile": such draws, decoded by libsndfile straight to float32.
- "musdb": such draws by `musdb.DB(root, is_wav=True)`, which starts ffprobe and ffmpeg for every stem.

The second table draws with a change of pitch and tempo, which costs hundreds of times as much as reading.

Memory is what the process has for itself (RssAnon of /proc/self/status). Pages of files do not count; the reader
maps none, which RssFile shows. Both are printed after 1000 and 10 000 draws, taken in batches.

Usage: python benchmarks/feeding.py [--songs 50] [--seconds 60] [--draws 400] [--rounds 5] [--memory-draws 10000]
       [--changed-batches 14]
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
import wave
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import musdb
import numpy as np
import soundfile
import torch

from sep_pipeline.data.augmentation import PitchTempo
from sep_pipeline.data.feeding import batches
from sep_pipeline.data.manifest import Track
from sep_pipeline.data.mixing import MixingConfig, MixtureExamples

SAMPLE_RATE = 44_100
STEMS = ("drums", "bass", "other", "vocals")
CHUNK_FRAMES = 6 * SAMPLE_RATE
BATCH_SIZE = 4
# What lies ready when the clock starts is taken before, and as much is left over at the end.
BATCHES_AHEAD = 2
MUSDB, REFERENCE = "musdb", "files in order"


def main() -> None:
    """Write the store, measure every way and write the tables to standard output."""
    arguments = _arguments()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        tracks = _made_store(Path(folder), arguments.songs, arguments.seconds)
        sys.stdout.write(
            f"{arguments.songs} songs of {arguments.seconds:g} s, chunks of 6 s x {len(STEMS)} stems x 2 channels, "
            f"batches of {BATCH_SIZE}, best of {arguments.rounds}\n"
        )
        ways = _ways(Path(folder), tracks, arguments.draws)
        sys.stdout.write(_table(_measured(ways, arguments.rounds), (MUSDB, REFERENCE)))
        _write_memory(tracks, arguments.memory_draws)
        if arguments.changed_batches:
            sys.stdout.write("with pitch and tempo, once\n")
            changing_ways = _changing_ways(tracks, arguments.changed_batches)
            sys.stdout.write(_table(_measured(changing_ways, 1), ("1 thread",)))


def _measured(ways: dict[str, Callable[[], float]], num_rounds: int) -> dict[str, float]:
    seconds = dict.fromkeys(ways, float("inf"))
    for _ in range(num_rounds):
        for name, way in ways.items():
            seconds[name] = min(seconds[name], way())
    return seconds


def _ways(root: Path, tracks: list[Track], num_draws: int) -> dict[str, Callable[[], float]]:
    """Ways to draw, each giving how many seconds one draw takes."""
    one, two = (_examples(tracks, num_threads=num_threads) for num_threads in (1, 2))
    num_batches = num_draws // BATCH_SIZE
    return {
        REFERENCE: lambda: _files_in_order(tracks, num_draws, is_apart=True),
        f"{REFERENCE}, as they lie": lambda: _files_in_order(tracks, num_draws, is_apart=False),
        "our reader, 1 thread": lambda: _called_here(one, num_batches),
        "our reader, 2 threads": lambda: _called_here(two, num_batches),
        "our reader, 2 threads behind": lambda: _fed(two, num_batches, 0),
        "our reader, 1 worker": lambda: _fed(one, num_batches, 1),
        "our reader, 2 workers": lambda: _fed(one, num_batches, 2),
        "soundfile": lambda: _soundfile(tracks, num_draws // 4),
        MUSDB: lambda: _musdb(root, 3),
    }


def _changing_ways(tracks: list[Track], num_batches: int) -> dict[str, Callable[[], float]]:
    change = PitchTempo()
    one, two = (_examples(tracks, num_threads=number, pitch_tempo=change) for number in (1, 2))
    return {
        "1 thread": lambda: _fed(one, num_batches, 0),
        "2 threads": lambda: _fed(two, num_batches, 0),
        "1 worker": lambda: _fed(one, num_batches, 1),
        "2 workers": lambda: _fed(one, num_batches, 2),
    }


def _examples(
    tracks: list[Track], *, num_threads: int = 2, pitch_tempo: PitchTempo | None = None
) -> MixtureExamples:
    return MixtureExamples(
        tracks,
        STEMS,
        chunk_samples=CHUNK_FRAMES,
        batch_size=BATCH_SIZE,
        seed=0,
        config=MixingConfig(short_tracks="refuse", pitch_tempo=pitch_tempo),
        num_threads=num_threads,
    )


def _called_here(examples: MixtureExamples, num_batches: int) -> float:
    started = time.perf_counter()
    for step in range(num_batches):
        examples.batch(step)
    return (time.perf_counter() - started) / (num_batches * BATCH_SIZE)


def _fed(examples: MixtureExamples, num_batches: int, num_workers: int) -> float:
    before_clock = BATCHES_AHEAD + 2 * num_workers
    with batches(examples, range(before_clock + num_batches), num_workers=num_workers) as pairs:
        for _ in range(before_clock):
            next(pairs)
        started = time.perf_counter()
        for _ in range(num_batches - before_clock):
            next(pairs)
        return (time.perf_counter() - started) / ((num_batches - before_clock) * BATCH_SIZE)


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


def _table(seconds: dict[str, float], references: tuple[str, ...]) -> str:
    heads = "".join(f"{'/ ' + reference:>18s}" for reference in references)
    lines = [f"{'way':30s}{'draws/s':>10s}{heads}"]
    for name, taken in seconds.items():
        ratios = "".join(f"{seconds[reference] / taken:18.2f}" for reference in references)
        lines.append(f"{name:30s}{1 / taken:10.1f}{ratios}")
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
    parser.add_argument(
        "--changed-batches",
        type=int,
        default=14,
        help="batches per way with pitch and tempo, more than 6; 0 leaves them out",
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
