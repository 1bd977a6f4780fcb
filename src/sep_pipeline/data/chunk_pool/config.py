"""Parameters of the pool of rendered chunks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sep_pipeline.data.rendering.config import Engine, RenderConfig
from sep_pipeline.errors import ConfigurationError

# A peak at or below this is silence; a sample at or above it counts as sounding.
SILENCE = 1e-4


@dataclass(frozen=True, kw_only=True)
class ChunkPoolConfig:
    """How chunks are rendered, chosen and handed out.

    Attributes:
        chunk_samples: Length of a chunk.
        sample_rate: Hz.
        batch_size: Chunks per batch.
        pool_size: Chunks among which a batch is drawn; it is filled up before every batch.
        reuse: How often a chunk is handed out; "auto" lets the time decide, so that the trainer seldom waits,
            which makes the chunks depend on the machine. Any number gives the same chunks everywhere.
        chunks_per_song: Most chunks that are kept of a song each time it is rendered; None keeps all.
        min_activity: The shares of sounding samples of all instruments must add up to more than this.
        min_difference: Least root-mean-square difference of the mixture from each instrument that is present,
            relative to the mixture; 0 asks for none.
        silence: Mixtures whose peak is not above this are dropped, and smaller samples do not sound.
        gain: Fixed factor on the synthesizer's level, the same for every song.
        engine: "fluidsynth" or "sine", see `RenderConfig`.
        library: FluidSynth's shared library, likewise.
        sound_font: Likewise.
        workers: Processes that render; 0 renders in the calling thread. It has no effect on the chunks.
        seed: Seed of everything random.
    """

    chunk_samples: int = 4410
    sample_rate: int = 44100
    batch_size: int = 12
    pool_size: int = 1000
    reuse: int | Literal["auto"] = 1
    chunks_per_song: int | None = 5
    min_activity: float = 0.8
    min_difference: float = 0.0
    silence: float = SILENCE
    gain: float = 1.0
    engine: Engine = "fluidsynth"
    library: Path | None = None
    sound_font: Path | None = None
    workers: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse values outside their range."""
        is_auto = self.reuse == "auto"
        checks: Mapping[str, tuple[bool, str]] = {
            "chunk_samples": (self.chunk_samples >= 1, "one or more"),
            "batch_size": (self.batch_size >= 1, "one or more"),
            "pool_size": (self.pool_size >= self.batch_size, f"batch_size ({self.batch_size}) or more"),
            "reuse": (is_auto or (isinstance(self.reuse, int) and self.reuse >= 1), "one or more, or auto"),
            "chunks_per_song": (
                self.chunks_per_song is None or self.chunks_per_song >= 1,
                "one or more, or none",
            ),
            "min_activity": (self.min_activity >= 0, "zero or more"),
            "min_difference": (self.min_difference >= 0, "zero or more"),
            "silence": (self.silence >= 0, "zero or more"),
            "gain": (self.gain > 0, "more than zero"),
            "workers": (self.workers >= 0, "zero or more"),
        }
        for name, (is_right, expected) in checks.items():
            if not is_right:
                raise ConfigurationError(
                    "a parameter of the chunk pool is out of range",
                    parameter=name,
                    expected=expected,
                    found=getattr(self, name),
                )
        self.rendering()

    def rendering(self) -> RenderConfig:
        """How the synthesizer is opened and songs are scheduled: whole, and without a tail.

        Raises:
            ConfigurationError: Engine or sample rate is out of range.
        """
        return RenderConfig(
            engine=self.engine,
            library=self.library,
            sound_font=self.sound_font,
            sample_rate=self.sample_rate,
            channels=1,
            tail_seconds=0.0,
            max_seconds=None,
            required_classes=(),
        )
