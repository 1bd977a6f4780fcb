"""How fast songs are rendered, as a multiple of real time, and what a second process brings.

    python benchmarks/rendering.py --songs 6

Stem seconds are counted: a song of 60 s with eight parts is 480 s. The reference is one process with the sine
engine.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import yaml

from sep_pipeline.data.rendering import RenderConfig, render_tree
from sep_pipeline.data.song_list import Song, read_song_list

MIDI = Path(__file__).parents[1] / "data" / "01_raw" / "midi"
CASES = (("sine", 1), ("sine", 2), ("fluidsynth", 1), ("fluidsynth", 2))


def stem_seconds(folders: Sequence[Path], seconds: float) -> float:
    """Seconds of audio in all stems of some rendered tracks."""
    num_stems = 0
    for folder in folders:
        content = yaml.safe_load((folder / "metadata.yaml").read_text(encoding="utf-8"))
        num_stems += sum(stem["audio_rendered"] for stem in content["stems"].values())
    return num_stems * seconds


def measure(songs: Sequence[Song], engine: str, num_processes: int, seconds: float) -> tuple[float, float]:
    """Stem seconds and wall seconds of rendering some songs into an empty folder."""
    config = RenderConfig(engine=engine, max_seconds=seconds, tail_seconds=0)  # type: ignore[arg-type]
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        folders = render_tree(songs, MIDI, Path(folder), config, num_processes=num_processes)
        elapsed = time.perf_counter() - start
        return stem_seconds(folders, seconds), elapsed


def main() -> None:
    """Print a table of speeds."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--songs", type=int, default=6)
    parser.add_argument("--seconds", type=float, default=30.0)
    arguments = parser.parse_args()
    songs = [song for song in read_song_list(MIDI / "songs.csv") if song.part == "train"][: arguments.songs]
    measure(songs[:1], "fluidsynth", 1, 1.0)
    heads = ("processes", "seconds", "x real time", "x reference", "x one process")
    print(f"{'engine':<12}" + "".join(f"{head:>15}" for head in heads))
    speeds: dict[tuple[str, int], float] = {}
    for engine, num_processes in CASES:
        audio, elapsed = measure(songs, engine, num_processes, arguments.seconds)
        speed = speeds[engine, num_processes] = audio / elapsed
        ratios = (speed / speeds["sine", 1], speed / speeds[engine, 1])
        print(
            f"{engine:<12}{num_processes:>15}{elapsed:>15.2f}{speed:>15.0f}{ratios[0]:>15.2f}{ratios[1]:>15.2f}"
        )


if __name__ == "__main__":
    main()
