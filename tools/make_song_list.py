"""Write data/01_raw/midi/songs.csv: which shipped song belongs to which part, and which window of it is used.

The choice follows from the files alone. Songs are grouped by what they play and by the titles that the
credits name for them; a group never stands in two parts. A song fits the study when drums, bass, guitar and
the rest sound for most of a window of 40 to 60 s, measured on rendered audio.

    python tools/make_song_list.py
"""

from __future__ import annotations

import argparse
import csv
import io
import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sep_pipeline.audio.loudness import frame_rms_db, integrated_loudness
from sep_pipeline.data.midi import (
    DRUM_PROGRAM,
    midi_files,
    note_ngrams,
    notes_hash,
    read_midi,
    similarity,
)
from sep_pipeline.data.rendering import RenderConfig
from sep_pipeline.data.rendering.engines import open_synthesizer
from sep_pipeline.data.rendering.schedule import schedule_song
from sep_pipeline.data.song_list import COLUMNS, SONG_LIST_NAME, class_names
from sep_pipeline.files import write_text
from sep_pipeline.mapping import map_tracks

logger = logging.getLogger(__name__)

STEM_OF_CLASS = {"Drums": "drums", "Bass": "bass", "Guitar": "guitar"}
STEMS = ("drums", "bass", "guitar", "other")
PART_SIZES = {"train": 10, "validation": 3, "test": 5}
NUM_DEMO_PRETRAIN = 12
SHORTEST_SECONDS, LONGEST_SECONDS = 40, 60
ACTIVE_DBFS = -60.0
LEAST_ACTIVITY = 0.6
LEAST_RELATIVE_DB = -40.0
LEAST_SIMILARITY = 0.3
MEASURING_RATE_HZ = 22050
CC0_FILES = {"easyrpg/Boss_3.mid"}
LICENCES = {"freedoom": "BSD-3-Clause", "easyrpg": "CC-BY-4.0"}
CREDIT_LINE = re.compile(
    r"^\s*(?P<place>E\dM\d|MAP\d\d|DM\d\d|Title|Intermission|Victory|Bunny|Story): (?P<text>.*)$"
)
QUOTED_OR_FILE = re.compile(r'"([^"]+)"|(\w+\.mid)')


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A shipped song and how well it fits the study.

    `activity` is the share of 1 s frames in which the quietest of the four stems sounds, in the best window.
    """

    file: str
    notes_hash: str
    ngrams: frozenset[tuple[tuple[int, int], ...]]
    instruments: str
    start_seconds: int
    seconds: int
    activity: float
    relative_db: float

    @property
    def is_fit(self) -> bool:
        """Whether all four stems sound most of the time, and none is buried."""
        return (
            self.seconds >= SHORTEST_SECONDS
            and self.activity >= LEAST_ACTIVITY
            and self.relative_db > LEAST_RELATIVE_DB
        )


def measured(path_and_name: tuple[Path, str]) -> Candidate:
    """Render a song whole and find the window in which the quietest stem sounds longest."""
    path, name = path_and_name
    song = read_midi(path)
    config = RenderConfig(sample_rate=MEASURING_RATE_HZ, channels=1, tail_seconds=0, max_seconds=None)
    schedule = schedule_song(song, config)
    synthesizer = open_synthesizer(config)
    stems = {stem: np.zeros((1, schedule.num_steps * 64), dtype=np.float32) for stem in STEMS}
    for part in schedule.parts:
        stems[STEM_OF_CLASS.get(part.role, "other")] += _levelled(
            synthesizer.render(part, schedule.num_steps)
        )
    levels = np.stack([frame_rms_db(audio, MEASURING_RATE_HZ) for audio in stems.values()])
    start, seconds, activity, relative_db = _best_window(levels)
    return Candidate(
        file=name,
        notes_hash=notes_hash(song),
        ngrams=note_ngrams(song),
        instruments=class_names(
            DRUM_PROGRAM if part.is_drum else int(part.program) for part in song.instruments
        ),
        start_seconds=start,
        seconds=seconds,
        activity=activity,
        relative_db=relative_db,
    )


def _levelled(audio: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    mono = audio.mean(axis=0, keepdims=True)
    loudness = integrated_loudness(mono, MEASURING_RATE_HZ)
    gain = np.float32(10 ** ((-23.0 - loudness) / 20)) if np.isfinite(loudness) else np.float32(1)
    return np.asarray(mono * gain, dtype=np.float32)


def _best_window(levels_db: npt.NDArray[np.float64]) -> tuple[int, int, float, float]:
    """Start, length, least activity and least level relative to the mixture of the best window."""
    num_frames = levels_db.shape[1]
    seconds = min(LONGEST_SECONDS, num_frames)
    is_active = levels_db > ACTIVE_DBFS
    activity = [
        float(is_active[:, at : at + seconds].mean(axis=1).min()) for at in range(num_frames - seconds + 1)
    ]
    start = int(np.argmax(activity))
    power = (10 ** (levels_db[:, start : start + seconds] / 10)).mean(axis=1)
    with np.errstate(divide="ignore"):
        relative_db = float(10 * np.log10(power.min() / power.sum()))
    return start, seconds, activity[start], relative_db


def credited_titles(credit_text: str) -> dict[str, set[str]]:
    """File name of the current release to every title or source file that its credit line names."""
    current = credit_text.split("--Previously")[0]
    titles: dict[str, set[str]] = {}
    for line in current.splitlines():
        match = CREDIT_LINE.match(line)
        if match and match["place"][0] in "EMD" and match["place"][-1].isdigit():
            found = QUOTED_OR_FILE.findall(match["text"])
            titles[f"freedoom/d_{match['place'].lower()}.mid"] = {title or file for title, file in found}
    return titles


def grouped(candidates: Sequence[Candidate], titles: Mapping[str, set[str]]) -> list[list[Candidate]]:
    """Join songs that share figures or titles, directly or through others."""
    groups: list[list[Candidate]] = []
    for candidate in candidates:
        related = [
            group for group in groups if any(_are_related(candidate, member, titles) for member in group)
        ]
        joined = [candidate, *(member for group in related for member in group)]
        groups = [group for group in groups if group not in related] + [joined]
    return groups


def _are_related(first: Candidate, second: Candidate, titles: Mapping[str, set[str]]) -> bool:
    shares_title = bool(titles.get(first.file, set()) & titles.get(second.file, set()))
    return (
        shares_title
        or first.notes_hash == second.notes_hash
        or similarity(first.ngrams, second.ngrams) >= LEAST_SIMILARITY
    )


def chosen_parts(groups: Sequence[Sequence[Candidate]]) -> dict[str, str]:
    """Give the fittest songs that stand alone a part of the study, in the order of their hashes."""
    alone = [group[0] for group in groups if len(group) == 1 and group[0].is_fit]
    fittest = sorted(alone, key=lambda song: (-round(song.activity, 3), song.notes_hash))[
        : sum(PART_SIZES.values())
    ]
    names = [part for part, size in PART_SIZES.items() for _ in range(size)]
    assert len(fittest) == len(names), f"{len(fittest)} songs fit the study, {len(names)} are wanted"
    order = sorted(fittest, key=lambda song: song.notes_hash)
    return {song.file: part for song, part in zip(order, names, strict=True)}


def rows_of(candidates: Iterable[Candidate], parts: Mapping[str, str]) -> list[dict[str, object]]:
    """Lines of the list: the study's parts, then pre-training; within a part by hash of the notes."""
    order = [*PART_SIZES, "pretrain"]
    by_part = sorted(
        candidates, key=lambda song: (order.index(parts.get(song.file, "pretrain")), song.notes_hash)
    )
    rows: list[dict[str, object]] = []
    num_pretrain = 0
    for song in by_part:
        part = parts.get(song.file, "pretrain")
        num_pretrain += part == "pretrain"
        rows.append(
            {
                "file": song.file,
                "part": part,
                "demo": "yes" if part != "pretrain" or num_pretrain <= NUM_DEMO_PRETRAIN else "no",
                "start_seconds": song.start_seconds if part != "pretrain" else 0,
                "seconds": song.seconds if part != "pretrain" else "",
                "notes_hash": song.notes_hash,
                "instruments": song.instruments,
                "licence": "CC0-1.0" if song.file in CC0_FILES else LICENCES[song.file.split("/")[0]],
            }
        )
    return rows


def main() -> None:
    """Measure every shipped song and write the list."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--folder", type=Path, default=Path("data/01_raw/midi"))
    folder = parser.parse_args().folder
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    jobs = {path.relative_to(folder).as_posix(): path for path in midi_files(folder)}
    measurements = map_tracks(
        measured, {name: (path, name) for name, path in jobs.items()}, description="measure"
    )
    candidates = list(measurements.values())
    titles = credited_titles((folder / "LICENCES" / "freedoom-CREDITS-MUSIC.txt").read_text(encoding="utf-8"))
    parts = chosen_parts(grouped(candidates, titles))
    stream = io.StringIO()
    writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows_of(candidates, parts))
    write_text(folder / SONG_LIST_NAME, stream.getvalue())
    for song in sorted(
        (song for song in candidates if song.file in parts), key=lambda song: parts[song.file]
    ):
        logger.info(
            "%s %s: %d s from %d s, least activity %.2f, quietest stem %.1f dB",
            parts[song.file],
            song.file,
            song.seconds,
            song.start_seconds,
            song.activity,
            song.relative_db,
        )
    logger.info("%d of %d songs fit the study", sum(song.is_fit for song in candidates), len(candidates))


if __name__ == "__main__":
    main()
