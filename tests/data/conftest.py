"""Small songs and data sets made for one test each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pretty_midi
import pytest
import yaml

from sep_pipeline.audio.io import write_audio

SAMPLE_RATE = 8000
BAND = (0, 27, 33)

MakeMidi = Callable[..., Path]


@pytest.fixture
def make_midi() -> MakeMidi:
    """Write a MIDI file with one part per program and a drum part; notes follow from `key`."""

    def make(
        path: Path,
        *,
        programs: Sequence[int] = BAND,
        has_drums: bool = True,
        key: int = 60,
        num_notes: int = 8,
        seed: int = 0,
    ) -> Path:
        generator = np.random.default_rng(seed)
        steps = generator.integers(0, 12, num_notes)
        song = pretty_midi.PrettyMIDI()
        for program in programs:
            part = pretty_midi.Instrument(program)
            part.notes = [
                pretty_midi.Note(100, int(key + step), 0.25 * at, 0.25 * at + 0.2)
                for at, step in enumerate(steps)
            ]
            song.instruments.append(part)
        if has_drums:
            drums = pretty_midi.Instrument(0, is_drum=True)
            drums.notes = [pretty_midi.Note(110, 36, 0.25 * at, 0.25 * at + 0.1) for at in range(num_notes)]
            song.instruments.append(drums)
        path.parent.mkdir(parents=True, exist_ok=True)
        song.write(str(path))
        return path

    return make


@pytest.fixture
def make_slakh_track() -> Callable[..., Path]:
    """Write a Slakh track folder of noise stems; `classes` gives each stem its class."""

    def make(
        folder: Path,
        *,
        classes: Sequence[str] = ("Drums", "Bass", "Guitar", "Piano", "Strings (continued)"),
        seconds: float = 2.0,
        amplitude: float = 0.1,
        seed: int = 0,
        audio_dir: str = "stems",
        num_channels: int = 2,
        gap_after: int = 99,
    ) -> Path:
        generator = np.random.default_rng(seed)
        shape = (num_channels, int(seconds * SAMPLE_RATE))
        total = np.zeros(shape, dtype=np.int32)
        stems = {}
        for position, inst_class in enumerate(classes):
            key = f"S{position + (position > gap_after):02d}"
            samples = (generator.uniform(-amplitude, amplitude, shape) * 32768).astype(np.int16)
            write_audio(folder / "stems" / f"{key}.flac", samples, SAMPLE_RATE)
            total += samples
            stems[key] = {
                "audio_rendered": True,
                "inst_class": inst_class,
                "is_drum": inst_class == "Drums",
                "program_num": 128 if inst_class == "Drums" else position,
            }
        write_audio(folder / "mix.flac", np.clip(total, -32768, 32767).astype(np.int16), SAMPLE_RATE)
        content = {"UUID": "made", "audio_dir": audio_dir, "stems": stems}
        (folder / "metadata.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
        return folder

    return make


@pytest.fixture
def make_musdb_track() -> Callable[..., Path]:
    """Write a MUSDB18-HQ track folder whose mixture is the sum of four noise stems."""

    def make(folder: Path, *, seconds: float = 2.0, seed: int = 0) -> Path:
        generator = np.random.default_rng(seed)
        total = np.zeros((2, int(seconds * SAMPLE_RATE)), dtype=np.int16)
        for stem in ("drums", "bass", "other", "vocals"):
            samples = generator.integers(-3000, 3000, total.shape, dtype=np.int16)
            write_audio(folder / f"{stem}.wav", samples, SAMPLE_RATE)
            total += samples
        write_audio(folder / "mixture.wav", total, SAMPLE_RATE)
        return folder

    return make
