"""Render the drums of one song to a loop per source."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from sep_pipeline.audio.channels import to_channels
from sep_pipeline.audio.io import write_audio
from sep_pipeline.data.midi import notes_hash, read_midi
from sep_pipeline.data.rendering.config import RenderConfig
from sep_pipeline.data.rendering.drum_kit import DrumKitConfig, source_parts
from sep_pipeline.data.rendering.engines import Synthesizer
from sep_pipeline.data.rendering.levels import level_stems
from sep_pipeline.data.rendering.orchestration import reorchestrated
from sep_pipeline.data.rendering.schedule import GRID_SAMPLES, Part, Schedule, schedule_song
from sep_pipeline.data.rendering.track import (
    RenderJob,
    inputs_digest,
    opened_synthesizer,
    refuse_missing_classes,
)
from sep_pipeline.errors import SilentStemError
from sep_pipeline.files import write_text

if TYPE_CHECKING:
    import pretty_midi

# Hidden, so that readers of the tree pass over it.
RECORDS_FOLDER = ".songs"
# This kit and those after it play timpani and noises on the keys of the drum set.
ORCHESTRA_KIT = 48
# Enters the digest of a song; raised when the files would change for the same inputs.
VERSION = 1


@dataclass(frozen=True, kw_only=True)
class LoopJob:
    """The loops of one song.

    Attributes:
        song: What is rendered and where; its track is the name of the loops.
        drum_kit: Which sources.
    """

    song: RenderJob
    drum_kit: DrumKitConfig

    @property
    def folder(self) -> Path:
        """The folder that holds the folders of the sources."""
        root = self.song.out_folder
        return root / self.song.split if self.drum_kit.splits == "songs" else root

    @property
    def record(self) -> Path:
        """The file that says what the loops were made from."""
        return self.song.out_folder / RECORDS_FOLDER / f"{self.song.track}.json"


@dataclass(frozen=True, kw_only=True)
class _Loop:
    """One source as it is written: int16, (channel, time), and how often it is hit."""

    audio: npt.NDArray[np.int16]
    num_hits: int


def render_loops(job: LoopJob) -> list[Path]:
    """Render the sources of one song, each by itself, unless that was done from the same inputs.

    The sources are brought to one loudness and get one gain, as the stems of a song do, so that their sum keeps
    the peak. A loop begins with its first hit and ends when the tail after its last one is over. All drum parts
    of a song are taken together.

    Returns:
        The files, by the order of the sources.

    Raises:
        UnreadableFileError: The MIDI file does not parse.
        SilentStemError: No source sounds often enough, or a required class is missing.
        RenderError: FluidSynth's library cannot be opened.
        SoundFontError: The sound font is missing or refused.
        StorageError: The tree is not writable or the disk is full.
    """
    song = job.song
    midi = read_midi(song.midi_path)
    refuse_missing_classes(midi, song)
    synthesizer = opened_synthesizer(song.config)
    digest = _digest(job, synthesizer)
    finished = _finished(job, digest)
    if finished:
        return finished
    drums = _scheduled_drums(midi, song, synthesizer)
    loops = _played(source_parts(drums.parts, job.drum_kit), drums, synthesizer, song.config)
    if not loops:
        raise _without_loops(job, drums)
    return _written(job, loops, drums.parts[0].kit, synthesizer, digest)


def _scheduled_drums(midi: pretty_midi.PrettyMIDI, song: RenderJob, synthesizer: Synthesizer) -> Schedule:
    """The drum part of a song, on a kit whose keys are those of a drum set."""
    config = replace(song.config, merge_drums=True)
    schedule = schedule_song(midi, config, start_seconds=song.start_seconds, seconds=song.seconds)
    drums = tuple(
        replace(part, kit=part.kit if part.kit < ORCHESTRA_KIT else 0)
        for part in schedule.parts
        if part.is_drum
    )
    if config.reorchestrate:
        kits = [kit for kit in synthesizer.drum_kits() if kit < ORCHESTRA_KIT]
        drums = reorchestrated(drums, kits=kits, seed=config.seed, song_hash=notes_hash(midi))
    return replace(schedule, parts=drums)


def _without_loops(job: LoopJob, drums: Schedule) -> SilentStemError:
    hits = Counter(note.pitch for part in drums.parts for note in part.notes)
    return SilentStemError(
        "the song has no loop of the wanted sources",
        file=job.song.midi_path,
        parameter="drum_kit",
        expected=f"{job.drum_kit.min_hits} hits of {', '.join(job.drum_kit.sources)}",
        found=", ".join(f"{count} of key {key}" for key, count in sorted(hits.items())) or "no hit",
    )


def _played(
    sources: Sequence[Part], schedule: Schedule, synthesizer: Synthesizer, config: RenderConfig
) -> dict[str, _Loop]:
    """Loops by source; one whose keys the sound font lacks is silent and left out."""
    if not sources:
        return {}
    played = {
        part.key: to_channels(
            synthesizer.render(part, schedule.num_steps)[:, : schedule.num_frames], config.channels
        )
        for part in sources
    }
    levels = level_stems(
        played,
        sample_rate=config.sample_rate,
        loudness_lufs=config.loudness_lufs,
        target_peak_dbfs=config.target_peak_dbfs,
    )
    tail_samples = round(config.tail_seconds * config.sample_rate)
    return {
        part.key: _Loop(audio=levels.stems[part.key][:, _span(part, tail_samples)], num_hits=len(part.notes))
        for part in sources
        if part.key in levels.stems
    }


def _span(part: Part, tail_samples: int) -> slice:
    """Samples from the first hit to the end of the tail after the last."""
    end = max(note.end for note in part.notes)
    return slice(part.notes[0].start * GRID_SAMPLES, end * GRID_SAMPLES + tail_samples)


def _written(
    job: LoopJob, loops: Mapping[str, _Loop], kit: int, synthesizer: Synthesizer, digest: str
) -> list[Path]:
    """Write the files of a song; its record names them before they are there, so that none is ever lost."""
    song = job.song
    remove_loops(job.record, song.out_folder)
    files = {source: job.folder / source / f"{song.track}.wav" for source in loops}
    content = {
        "files": [file.relative_to(song.out_folder).as_posix() for file in files.values()],
        "hits": {source: loop.num_hits for source, loop in loops.items()},
        "source": song.source,
        "licence": song.licence,
        "start_seconds": float(song.start_seconds),
        "kit": kit,
        "engine": synthesizer.name,
        "engine_version": synthesizer.version,
        "sound_font": synthesizer.sound_font_name,
        "sound_font_hash": synthesizer.sound_font_hash,
    }
    write_text(job.record, json.dumps({**content, "digest": ""}))
    for source, file in files.items():
        write_audio(file, loops[source].audio, song.config.sample_rate)
    write_text(job.record, json.dumps({**content, "digest": digest}))
    return list(files.values())


def _digest(job: LoopJob, synthesizer: Synthesizer) -> str:
    drum_kit = json.dumps(asdict(job.drum_kit), sort_keys=True)
    parts = (inputs_digest(job.song, synthesizer), job.song.split, drum_kit, str(VERSION))
    return hashlib.sha256("|".join(parts).encode()).hexdigest()


def _finished(job: LoopJob, digest: str) -> list[Path]:
    """The files of a song that was rendered from the same inputs; none if it has to be rendered."""
    record = _read_record(job.record)
    files = [job.song.out_folder / name for name in record.get("files", ())]
    is_finished = record.get("digest") == digest and all(file.is_file() for file in files)
    return files if is_finished else []


def _read_record(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def remove_loops(record: Path, out_folder: Path) -> None:
    """Remove the files that a song's record names, folders that are empty without them, then the record."""
    for name in _read_record(record).get("files", ()):
        file = out_folder / name
        file.unlink(missing_ok=True)
        for folder in file.relative_to(out_folder).parents[:-1]:
            if (out_folder / folder).is_dir() and not any((out_folder / folder).iterdir()):
                (out_folder / folder).rmdir()
    record.unlink(missing_ok=True)
