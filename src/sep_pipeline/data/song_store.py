"""Whole songs of a MIDI corpus as a stem store, at the level at which chunks of them are rendered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from sep_pipeline.audio.io import write_audio
from sep_pipeline.audio.pcm import from_int16, to_int16
from sep_pipeline.data.chunk_pool.config import ChunkPoolConfig
from sep_pipeline.data.chunk_pool.playable import read_playable
from sep_pipeline.data.manifest import (
    MANIFEST_NAME,
    MIXTURE,
    check_disjoint,
    manifest_frame,
    measured_row,
    write_manifest,
)
from sep_pipeline.data.midi_corpus import IndexedSong
from sep_pipeline.data.rendering.track import opened_synthesizer
from sep_pipeline.files import folder_written_aside
from sep_pipeline.mapping import map_tracks

LARGEST_PEAK = 0.99
"""Of mixture and stems; a louder song has one gain for all, so that rounding clips nothing."""


@dataclass(frozen=True, kw_only=True)
class SongJob:
    """One song to render.

    Attributes:
        set_name: Data set.
        midi_folder: Folder of the MIDI files.
        song: The song.
        programs_of: Stems in their order, and their programs.
        config: Engine, sample rate and gain.
        max_seconds: Of a longer song its middle; None takes it whole.
        out_folder: Root of the store.
    """

    set_name: str
    midi_folder: Path
    song: IndexedSong
    programs_of: Mapping[str, frozenset[int]]
    config: ChunkPoolConfig
    max_seconds: float | None
    out_folder: Path

    @property
    def track_id(self) -> str:
        """Path of the MIDI file as one name."""
        return Path(self.song.file).with_suffix("").as_posix().replace("/", "__")


def write_songs(jobs: Sequence[SongJob], folder: Path, *, num_processes: int | None = None) -> None:
    """Render songs into a stem store, whose manifest is written last.

    A stem that a song has not is silent. The mixture is the exact integer sum of the stems.

    Args:
        jobs: The songs.
        folder: The store.
        num_processes: Worker processes; None takes one per core.

    Raises:
        UnreadableFileError: A MIDI file has been removed or damaged.
        RenderError: FluidSynth's library cannot be opened.
        SoundFontError: The sound font is missing or refused.
        SplitOverlapError: The same audio stands in two splits.
        StorageError: The store is not writable or the disk is full.
    """
    by_track = {job.track_id: job for job in jobs}
    rows = map_tracks(written_song, by_track, description="render songs", num_processes=num_processes)
    manifest = manifest_frame([row for song_rows in rows.values() for row in song_rows])
    check_disjoint(manifest)
    write_manifest(manifest, folder / MANIFEST_NAME)


def written_song(job: SongJob) -> list[dict[str, Any]]:
    """Render one song and write its files; its rows of the manifest."""
    config = job.config.rendering()
    synthesizer = opened_synthesizer(config)
    audio = _levelled(_rendered(job) * np.float32(job.config.gain))
    signals = {MIXTURE: audio.sum(axis=0, dtype=np.int16), **dict(zip(job.programs_of, audio, strict=True))}
    place = Path(job.song.split) / job.track_id
    provenance = {
        "midi": job.song.file,
        "engine": f"{synthesizer.name} {synthesizer.version}",
        "sound_font": synthesizer.sound_font_name,
    }
    rows = []
    with folder_written_aside(job.out_folder / place) as aside:
        for name, signal in signals.items():
            write_audio(aside / f"{name}.wav", signal[None], config.sample_rate)
            rows.append(
                measured_row(
                    from_int16(signal[None]),
                    sample_rate=config.sample_rate,
                    set_name=job.set_name,
                    split=job.song.split,
                    track_id=job.track_id,
                    stem=name,
                    path=(place / f"{name}.wav").as_posix(),
                    provenance=provenance,
                )
            )
    return rows


def _rendered(job: SongJob) -> npt.NDArray[np.float32]:
    """float32, (stem, time), at the synthesizer's own level."""
    config = job.config.rendering()
    song = read_playable(job.midi_folder / job.song.file, tuple(job.programs_of.values()), config)
    longest = song.num_samples if job.max_seconds is None else round(job.max_seconds * config.sample_rate)
    num_samples = min(longest, song.num_samples)
    present = song.rendered(opened_synthesizer(config), (song.num_samples - num_samples) // 2, num_samples)
    stems = np.zeros((len(job.programs_of), num_samples), np.float32)
    stems[list(song.parts)] = present
    return stems


def _levelled(stems: npt.NDArray[np.float32]) -> npt.NDArray[np.int16]:
    """Stems as 16-bit samples, (stem, time), whose sum fits 16 bits, too."""
    peak = max(float(np.abs(stems.sum(axis=0)).max()), float(np.abs(stems).max()))
    gain = min(1.0, LARGEST_PEAK / peak) if peak else 1.0
    return to_int16(stems * np.float32(gain))
