"""Chunks for Open-Unmix that are rendered while training instead of cut from the store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from sep_pipeline.configuration.data import StoreParameters
from sep_pipeline.configuration.pool import PoolParameters
from sep_pipeline.data.chunk_pool.examples import PoolExamples
from sep_pipeline.data.examples import Examples
from sep_pipeline.data.manifest import Track
from sep_pipeline.pipelines.data.corpus import programs_of_stems, stored_corpus


@dataclass(frozen=True, kw_only=True)
class RenderedSource:
    """Where rendered chunks come from.

    Attributes:
        midi_corpus: Folder of the index of the training songs.
        data: The data set, whose stems the chunks have.
        pool: How they are rendered and chosen.
    """

    midi_corpus: Path
    data: StoreParameters
    pool: PoolParameters


@dataclass(frozen=True)
class _InChannels:
    """Mono chunks in every channel of a store.

    Attributes:
        examples: The chunks.
        num_channels: Of the store.
    """

    examples: Examples
    num_channels: int

    def batch(self, step: int) -> Tensor:
        return self.examples.batch(step).repeat(1, 1, self.num_channels, 1)


@contextmanager
def rendered_chunks(
    source: RenderedSource, track: Track, *, chunk_samples: int, batch_size: int, seed: int, ledger: Path
) -> Iterator[Examples]:
    """Open a pool of chunks with the stems, sample rate and channels of a store's tracks.

    Args:
        source: Where they come from.
        track: Any track of the store.
        chunk_samples: Length of a chunk.
        batch_size: Chunks of a batch.
        seed: Seed of the chunks.
        ledger: File by which a training that is resumed finds its chunks again.

    Raises:
        NoInputError: No song has enough of the stems.
        SoundFontError: The sound font is missing, refused, or lacks programs of every song.
        StorageError: The ledger cannot be written.
    """
    rendering = source.data.rendering
    assert rendering is not None
    assert rendering.midi_folder is not None
    programs = programs_of_stems(source.data, track.stems)
    corpus = stored_corpus(source.midi_corpus, rendering.midi_folder)
    songs = corpus.eligible(programs, split="train", min_present=source.pool.min_present)
    config = source.pool.config(
        chunk_samples=chunk_samples, sample_rate=track.sample_rate, batch_size=batch_size, seed=seed
    )
    with PoolExamples(rendering.midi_folder, songs, programs, config, ledger=ledger) as examples:
        yield _InChannels(examples, track.num_channels)
