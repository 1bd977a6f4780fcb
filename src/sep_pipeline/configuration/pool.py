"""Parameters of songs that are rendered while training, for every study that draws its chunks from them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from sep_pipeline.configuration.strict import ProjectPath, Strict, WithoutEffect
from sep_pipeline.data.chunk_pool.config import ChunkPoolConfig
from sep_pipeline.data.rendering.config import Engine


class PoolParameters(Strict):
    """How songs are rendered and chunks of them chosen; see `ChunkPoolConfig` for what is not said here.

    Attributes:
        min_present: Songs with fewer of the stems are passed over.
        pool_size: Chunks among which a batch is drawn.
        reuse: How often a chunk is used; `auto` lets the machine decide.
        chunks_per_song: Most chunks of a song each time it is rendered; None takes all.
        min_activity: The shares of sounding samples of all stems add up to more.
        min_difference: Least difference of the mixture from every stem that is present; 0 asks for none.
        gain: Factor on the synthesizer's level, the same for every song.
        engine: `fluidsynth` or `sine`.
        library: FluidSynth's shared library; None finds one.
        sound_font: None takes the one of the pretty_midi package.
        workers: Processes that render for one training; 0 renders in the thread that prepares batches.
    """

    min_present: int = Field(default=2, ge=1)
    pool_size: int = 1000
    reuse: int | Literal["auto"] = 1
    chunks_per_song: int | None = 5
    min_activity: float = 0.8
    min_difference: float = 0.0
    gain: float = 1.0
    engine: Engine = "fluidsynth"
    library: ProjectPath | None = None
    sound_font: ProjectPath | None = None
    workers: Annotated[int, WithoutEffect, Field(ge=0)] = 0

    def config(self, *, chunk_samples: int, sample_rate: int, batch_size: int, seed: int) -> ChunkPoolConfig:
        """The pool of one training.

        Raises:
            ConfigurationError: A value is out of range.
        """
        return ChunkPoolConfig(
            chunk_samples=chunk_samples,
            sample_rate=sample_rate,
            batch_size=batch_size,
            seed=seed,
            **self.model_dump(exclude={"min_present"}),
        )
