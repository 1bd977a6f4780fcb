"""What refinement does to the scores of trained separators on test songs, in dB, and how far stems miss the song.

Every separator in the data folder separates the test songs of a stem store once. The estimates are then scored as they
are, with mixture consistency and with Wiener masks. A row is a separator and a stem: uSDR and SI-SDR as they are, mean
over songs, and the differences that each refinement makes, mean and smallest to largest over songs.

python benchmarks/refinement.py --data-folder data --store rendered --names open_unmix/open_unmix4/0
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from fnmatch import fnmatch
from pathlib import Path

import numpy as np
import torch

from sep_pipeline.data.manifest import Track
from sep_pipeline.data.stem_store import store_tracks
from sep_pipeline.metrics.whole_track import si_sdr, usdr
from sep_pipeline.pipelines.data.store import read_stems
from sep_pipeline.scoring.methods import shared_stems
from sep_pipeline.separation import Separator, load_separator, mixture_consistency, separate, wiener_refine
from sep_pipeline.separation.lookup import MODELS_FOLDER, known_separators

METRICS = {"uSDR": usdr, "SI-SDR": si_sdr}
PLAIN = "none"
REFINEMENTS = ("consistency", "wiener")
TOTAL = "mean"

Scores = dict[tuple[str, str, str], list[float]]
"""Stem, metric and refinement to a figure per song."""


def main() -> None:
    """Measure every separator and write the tables to standard output."""
    arguments = _arguments()
    torch.set_num_threads(arguments.threads)
    tracks = store_tracks(arguments.data_folder / "03_primary" / arguments.store, "test")
    for known in known_separators(arguments.data_folder / MODELS_FOLDER):
        stems = shared_stems(known.card.stems, tracks[0].stems)
        if stems and any(fnmatch(known.name, pattern) for pattern in arguments.names):
            separator = load_separator(known.folder)
            sys.stdout.write(f"{known.name}, {len(tracks)} songs\n")
            sys.stdout.write(_table(_scores(separator, tracks, stems, arguments.seconds)))
            sys.stdout.flush()


def _scores(
    separator: Separator, tracks: tuple[Track, ...], stems: tuple[str, ...], seconds: float
) -> Scores:
    scores: Scores = defaultdict(list)
    for track in tracks:
        num_samples = int(seconds * track.sample_rate)
        mixture, references = read_stems(track, stems, None)
        mixture = mixture[:, :num_samples]
        plain = separate(separator, mixture, track.sample_rate, channels="per_channel")
        refined = {
            PLAIN: plain,
            "consistency": mixture_consistency(mixture, plain),
            "wiener": wiener_refine(mixture, plain),
        }
        for metric, function in METRICS.items():
            for name, estimates in refined.items():
                values = [
                    function(references[stem][:, :num_samples], estimates[separator.stems.index(stem)])
                    for stem in stems
                ]
                for stem, value in zip(stems, values, strict=True):
                    scores[stem, metric, name].append(value)
                scores[TOTAL, metric, name].append(float(np.mean(values)))
    return scores


def _table(scores: Scores) -> str:
    head = f"  {'stem':10s} {'metric':7s} {'as it is':>9s}"
    lines = [head + "".join(f" {name:>24s}" for name in REFINEMENTS)]
    for stem, metric in dict.fromkeys((stem, metric) for stem, metric, _ in scores):
        plain = np.array(scores[stem, metric, PLAIN])
        cells = []
        for name in REFINEMENTS:
            gains = np.array(scores[stem, metric, name]) - plain
            cells.append(f" {gains.mean():+8.2f} ({gains.min():+.2f} to {gains.max():+.2f})".rjust(25))
        lines.append(f"  {stem:10s} {metric:7s} {plain.mean():9.2f}" + "".join(cells))
    return "\n".join(lines) + "\n\n"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data-folder", type=Path, default=Path("data"), help="where runs have written")
    parser.add_argument("--store", default="rendered", help="stem store below 03_primary with the test songs")
    parser.add_argument(
        "--names", nargs="+", default=["*"], help="separators, <study>/<arm>/<seed>, or patterns"
    )
    parser.add_argument("--seconds", type=float, default=30.0, help="how much of each song")
    parser.add_argument("--threads", type=int, default=1, help="threads of torch")
    return parser.parse_args()


if __name__ == "__main__":
    main()
