"""Render one song to a track folder of a Slakh-layout tree."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from sep_pipeline.audio.channels import to_channels
from sep_pipeline.audio.io import write_audio
from sep_pipeline.data.midi import instrument_class, normalised_class, notes_hash, read_midi
from sep_pipeline.data.rendering.config import RenderConfig
from sep_pipeline.data.rendering.engines import Synthesizer, open_synthesizer
from sep_pipeline.data.rendering.levels import LevelledStems, level_stems
from sep_pipeline.data.rendering.metadata import (
    DIGEST_KEY,
    METADATA_NAME,
    METADATA_VERSION,
    program_name,
    read_digest,
    track_metadata,
)
from sep_pipeline.data.rendering.orchestration import reorchestrated
from sep_pipeline.data.rendering.schedule import GRID_SAMPLES, Part, Schedule, schedule_song
from sep_pipeline.errors import SilentStemError
from sep_pipeline.files import file_digest, folder_written_aside

if TYPE_CHECKING:
    import pretty_midi

MIDI_RESOLUTION = 960


@dataclass(frozen=True, kw_only=True)
class RenderJob:
    """One song to render.

    Attributes:
        midi_path: The MIDI file.
        source: Its name for the metadata, relative to the MIDI folder.
        track: Name of the track folder ("Track00001").
        split: "train", "validation" or "test".
        start_seconds: Where the rendered part of the song begins.
        seconds: Length of that part; None goes on to the end or to `config.max_seconds`.
        licence: Licence of the song, for the metadata.
        config: Parameters of rendering.
        out_folder: Root of the tree.
    """

    midi_path: Path
    source: str
    track: str
    split: str
    start_seconds: float = 0.0
    seconds: float | None = None
    licence: str = ""
    config: RenderConfig
    out_folder: Path

    @property
    def folder(self) -> Path:
        """The track folder."""
        return self.out_folder / self.split / self.track


def render_track(job: RenderJob) -> Path:
    """Render a song, unless its folder was already rendered from the same inputs.

    Writes `<out>/<split>/<track>/{metadata.yaml, mix.flac, stems/S%02d.flac, all_src.mid, MIDI/S%02d.mid}`;
    the folder appears only when complete. mix.flac is the exact integer sum of the stems.

    Returns:
        The track folder.

    Raises:
        UnreadableFileError: The MIDI file does not parse.
        SilentStemError: The song has no sounding part of a required class.
        RenderError: FluidSynth's library cannot be opened.
        SoundFontError: The sound font is missing or refused.
        StorageError: The tree is not writable or the disk is full.
    """
    song = read_midi(job.midi_path)
    refuse_missing_classes(song, job)
    synthesizer = opened_synthesizer(job.config)
    digest = inputs_digest(job, synthesizer)
    if read_digest(job.folder) == digest:
        return job.folder
    schedule = schedule_song(song, job.config, start_seconds=job.start_seconds, seconds=job.seconds)
    parts = schedule.parts
    if job.config.reorchestrate:
        kits = synthesizer.drum_kits()
        parts = reorchestrated(parts, kits=kits, seed=job.config.seed, song_hash=notes_hash(song))
    levels = _rendered(parts, schedule, synthesizer, job)
    with folder_written_aside(job.folder) as folder:
        _write_audio(folder, levels, job.config.sample_rate)
        _write_midi(folder, parts, job)
        _write_metadata(folder, parts, levels, synthesizer, job, digest)
    return job.folder


def refuse_missing_classes(song: pretty_midi.PrettyMIDI, job: RenderJob) -> None:
    """Refuse a song without notes or without a required class.

    Raises:
        SilentStemError: It shows the classes that the song has.
    """
    present = {
        normalised_class(instrument_class(128 if part.is_drum else int(part.program)))
        for part in song.instruments
        if part.notes
    }
    wanted = {normalised_class(name) for name in job.config.required_classes}
    if not present or wanted - present:
        raise SilentStemError(
            "the song has no part of a required class",
            file=job.midi_path,
            parameter="required_classes",
            expected=", ".join(sorted(wanted)),
            found=", ".join(sorted(present)) or "no notes",
        )


@lru_cache(maxsize=1)
def opened_synthesizer(config: RenderConfig) -> Synthesizer:
    """The synthesizer of `config`, opened once per process; see `open_synthesizer`."""
    return open_synthesizer(config)


def inputs_digest(job: RenderJob, synthesizer: Synthesizer) -> str:
    """Digest of everything that the audio and the metadata of a song depend on."""
    parts = (
        file_digest(job.midi_path),
        job.config.digest(),
        synthesizer.name,
        synthesizer.version,
        synthesizer.sound_font_hash,
        job.source,
        repr((job.start_seconds, job.seconds, job.licence, METADATA_VERSION)),
    )
    return hashlib.sha256("|".join(parts).encode()).hexdigest()


def _rendered(
    parts: tuple[Part, ...], schedule: Schedule, synthesizer: Synthesizer, job: RenderJob
) -> LevelledStems:
    """Whole grid steps are rendered, then cut to the length of the song."""
    if not parts:
        raise SilentStemError(
            "no note sounds in the wanted part of the song",
            file=job.midi_path,
            parameter="start_seconds",
            found=job.start_seconds,
        )
    stems: dict[str, npt.NDArray[np.float32]] = {}
    for part in parts:
        audio = synthesizer.render(part, schedule.num_steps)
        stems[part.key] = to_channels(audio[:, : schedule.num_frames], job.config.channels)
    config = job.config
    return level_stems(
        stems,
        sample_rate=config.sample_rate,
        loudness_lufs=config.loudness_lufs,
        target_peak_dbfs=config.target_peak_dbfs,
    )


def _write_audio(folder: Path, levels: LevelledStems, sample_rate: int) -> None:
    for key, audio in levels.stems.items():
        write_audio(folder / "stems" / f"{key}.flac", audio, sample_rate)
    write_audio(folder / "mix.flac", levels.mixture, sample_rate)


def _write_midi(folder: Path, parts: tuple[Part, ...], job: RenderJob) -> None:
    """The untouched source, and each part as it was played, from the start of the rendered window."""
    import pretty_midi

    shutil.copyfile(job.midi_path, folder / "all_src.mid")
    (folder / "MIDI").mkdir()
    seconds_per_step = GRID_SAMPLES / job.config.sample_rate
    for part in parts:
        song = pretty_midi.PrettyMIDI(resolution=MIDI_RESOLUTION)
        program = part.kit if part.is_drum else part.program
        instrument = pretty_midi.Instrument(program, is_drum=part.is_drum, name=program_name(part))
        for note in part.notes:
            start, end = note.start * seconds_per_step, note.end * seconds_per_step
            instrument.notes.append(pretty_midi.Note(note.velocity, note.pitch, start, end))
        for control in part.controls:
            time = control.at * seconds_per_step
            if control.number is None:
                instrument.pitch_bends.append(pretty_midi.PitchBend(control.value, time))
            else:
                instrument.control_changes.append(
                    pretty_midi.ControlChange(control.number, control.value, time)
                )
        song.instruments.append(instrument)
        song.write(str(folder / "MIDI" / f"{part.key}.mid"))


def _write_metadata(
    folder: Path,
    parts: tuple[Part, ...],
    levels: LevelledStems,
    synthesizer: Synthesizer,
    job: RenderJob,
    digest: str,
) -> None:
    import yaml

    provenance = {
        "UUID": job.midi_path.stem,
        "lmd_midi_dir": job.source,
        "licence": job.licence,
        "start_seconds": float(job.start_seconds),
        DIGEST_KEY: digest,
    }
    content = track_metadata(
        parts=parts, levels=levels, config=job.config, synthesizer=synthesizer, provenance=provenance
    )
    text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
    (folder / METADATA_NAME).write_text(text, encoding="utf-8")
