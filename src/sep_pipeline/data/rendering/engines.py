"""What every synthesizer offers, and the choice between them."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from sep_pipeline.data.rendering.config import RenderConfig
from sep_pipeline.data.rendering.schedule import Part


class Synthesizer(Protocol):
    """Renders one part at a time, from a fresh state each time.

    Attributes:
        name: Engine name for the metadata.
        version: Engine version; another version may give other samples.
        sound_font_name: File name of the sound font, or "none".
        sound_font_hash: SHA-256 of the sound font, or an empty text.
    """

    name: str
    version: str
    sound_font_name: str
    sound_font_hash: str

    def render(self, part: Part, num_steps: int) -> npt.NDArray[np.float32]:
        """Render a part.

        Args:
            part: Its events.
            num_steps: Length in steps of 64 samples.

        Returns:
            float32, (2, 64 * num_steps), at the engine's own level; the same bits for the same input.
        """
        ...

    def programs(self) -> frozenset[int]:
        """Zero-based programs of pitched parts that can be played."""
        ...

    def drum_kits(self) -> tuple[int, ...]:
        """Programs of bank 128 that can be played, ascending."""
        ...


def open_synthesizer(config: RenderConfig) -> Synthesizer:
    """Make the synthesizer that `config` asks for.

    Raises:
        RenderError: FluidSynth's library cannot be found.
        SoundFontError: The sound font is missing or refused.
    """
    if config.engine == "sine":
        from sep_pipeline.data.rendering.sine import SineSynthesizer

        return SineSynthesizer(sample_rate=config.sample_rate)
    from sep_pipeline.data.rendering.fluidsynth import FluidSynthesizer
    from sep_pipeline.data.rendering.library import find_sound_font, load_library

    return FluidSynthesizer(
        load_library(config.library), find_sound_font(config.sound_font), sample_rate=config.sample_rate
    )
