"""Parameters of rendering."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from sep_pipeline.errors import ConfigurationError

Engine = Literal["fluidsynth", "sine"]


@dataclass(frozen=True, kw_only=True)
class RenderConfig:
    """How MIDI files become stems.

    Attributes:
        engine: "fluidsynth", or "sine" (simple tones that need no library and no sound font).
        library: FluidSynth's shared library; None takes the one inside the pygame-ce package, else the
            system's.
        sound_font: SoundFont 2 or 3 file; None takes TimGM6mb from the pretty_midi package.
        sample_rate: Hz.
        channels: 1 or 2.
        tail_seconds: Time after the last note for it to fade.
        loudness_lufs: Integrated loudness (ITU-R BS.1770) of every stem before the common gain.
        target_peak_dbfs: Peak that the mixture of a song may reach.
        required_classes: Instrument classes without which a song is left out.
        merge_drums: Whether all drum parts of a song become one stem.
        pitch_edits: Whether to repeat Slakh2100's edits of drum and bass pitches.
        max_seconds: Longest part of a song that is rendered, without the tail; None renders whole songs.
        reorchestrate: Whether to replace programs and drum kit by random others.
        seed: Seed of the random programs.
    """

    engine: Engine = "fluidsynth"
    library: Path | None = None
    sound_font: Path | None = None
    sample_rate: int = 44100
    channels: int = 2
    tail_seconds: float = 2.0
    loudness_lufs: float = -13.0
    target_peak_dbfs: float = -1.0
    required_classes: tuple[str, ...] = ("Drums", "Bass")
    merge_drums: bool = True
    pitch_edits: bool = False
    max_seconds: float | None = 60.0
    reorchestrate: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse values outside their range; a list of classes becomes a tuple, which can be hashed."""
        object.__setattr__(self, "required_classes", tuple(self.required_classes))
        checks: Mapping[str, tuple[bool, str]] = {
            "engine": (self.engine in ("fluidsynth", "sine"), "fluidsynth or sine"),
            "sample_rate": (8000 <= self.sample_rate <= 96000, "8000 to 96000 Hz"),
            "channels": (self.channels in (1, 2), "1 or 2"),
            "tail_seconds": (self.tail_seconds >= 0, "zero or more"),
            "loudness_lufs": (self.loudness_lufs < 0, "less than zero"),
            "target_peak_dbfs": (-60 <= self.target_peak_dbfs <= -0.1, "-60 to -0.1 dBFS"),
            "max_seconds": (self.max_seconds is None or self.max_seconds > 0, "more than zero, or none"),
        }
        for name, (is_right, expected) in checks.items():
            if not is_right:
                raise ConfigurationError(
                    "a rendering parameter is out of range",
                    parameter=name,
                    expected=expected,
                    found=getattr(self, name),
                )

    def digest(self) -> str:
        """Hash of every parameter that changes the audio; where library and font lie does not count."""
        values = {
            name: value for name, value in asdict(self).items() if name not in ("library", "sound_font")
        }
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()
