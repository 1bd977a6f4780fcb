"""Which chunks of a song are kept, and their levels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sep_pipeline.data.chunk_pool.config import ChunkPoolConfig
from sep_pipeline.data.chunk_pool.playable import PlayableSong
from sep_pipeline.data.rendering.engines import Synthesizer


@dataclass(frozen=True)
class Chunk:
    """One example.

    Attributes:
        instruments: Numbers of the instruments that the song has, ascending.
        stems: float32, (present instrument, time); their sum is in [-1, 1] up to rounding.
    """

    instruments: tuple[int, ...]
    stems: npt.NDArray[np.float32]


def drawn_chunks(
    song: PlayableSong, synthesizer: Synthesizer, config: ChunkPoolConfig, random: np.random.Generator
) -> Iterator[Chunk]:
    """Draw chunks of a song without repetition, dropping quiet ones, until enough are found.

    The song is cut into consecutive chunks, the last of which is filled up with silence, and they are visited in
    random order. Each is rendered by itself, so that only those that are looked at cost time.

    Args:
        song: The song.
        synthesizer: What plays it.
        config: Length, number and filters of the chunks.
        random: Draws the order.

    Yields:
        At most `config.chunks_per_song` chunks.
    """
    length = config.chunk_samples
    num_left = config.chunks_per_song
    for number in random.permutation(-(-song.num_samples // length)):
        if num_left == 0:
            return
        start = int(number) * length
        # What is surely silent need not be played to be dropped.
        if not song.is_heard(start, length):
            continue
        stems = levelled(song.rendered(synthesizer, start, length) * np.float32(config.gain), config)
        if stems is None:
            continue
        num_left = None if num_left is None else num_left - 1
        yield Chunk(tuple(song.parts), stems)


def levelled(stems: npt.NDArray[np.float32], config: ChunkPoolConfig) -> npt.NDArray[np.float32] | None:
    """Scale a chunk whose mixture is too loud, or drop it.

    The mixture is divided by its peak, and the stems with it, if that is above 1. It is dropped if its peak is not
    above `config.silence`, if the shares of samples that sound add up to `config.min_activity` or less, or if an
    instrument alone makes up nearly all of it, see `config.min_difference`.

    Args:
        stems: float32, (present instrument, time).
        config: The filters.

    Returns:
        The stems, or None for a chunk that is dropped.
    """
    mixture = stems.sum(axis=0)
    peak = float(np.abs(mixture).max(initial=0.0))
    if peak <= config.silence:
        return None
    if peak > 1:
        stems, mixture = stems / np.float32(peak), mixture / np.float32(peak)
    activity = float((np.abs(stems) >= config.silence).mean(axis=1).sum())
    if activity <= config.min_activity:
        return None
    if config.min_difference and _least_difference(stems, mixture) < config.min_difference:
        return None
    return stems


def _least_difference(stems: npt.NDArray[np.float32], mixture: npt.NDArray[np.float32]) -> float:
    differences = np.square(mixture - stems, dtype=np.float64).mean(axis=1)
    power = np.square(mixture, dtype=np.float64).mean()
    return float(np.sqrt(differences.min() / power))
