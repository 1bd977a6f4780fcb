"""The songs of the study: what a training hears, and what it never does."""

from __future__ import annotations

from pathlib import Path

from sep_pipeline.configuration.midi_waveform import CorpusParameters
from sep_pipeline.configuration.pool import PoolParameters
from sep_pipeline.data.chunk_pool.config import ChunkPoolConfig
from sep_pipeline.data.chunk_pool.examples import PoolExamples
from sep_pipeline.data.midi_corpus import IndexedSong, programs_of
from sep_pipeline.pipelines.data.corpus import stored_corpus


def songs_of(
    midi_corpus: Path, corpus: CorpusParameters, pool: PoolParameters, split: str
) -> tuple[IndexedSong, ...]:
    """Songs of a split with enough of the instruments.

    Args:
        midi_corpus: Folder of the index.
        corpus: Instruments and where the MIDI files are.
        pool: How many of the instruments are enough.
        split: "train" or "test".

    Raises:
        NoInputError: There is none; says what was rejected.
    """
    assert corpus.midi_folder is not None
    indexed = stored_corpus(midi_corpus, corpus.midi_folder)
    programs = programs_of(corpus.instruments, corpus.grouping)
    return indexed.eligible(programs, split=split, min_present=pool.min_present)


def opened_pool(
    midi_corpus: Path,
    corpus: CorpusParameters,
    pool: PoolParameters,
    config: ChunkPoolConfig,
    *,
    split: str,
    ledger: Path | None = None,
) -> PoolExamples:
    """The pool of a split, to be used in a `with` block.

    Args:
        midi_corpus: Folder of the index.
        corpus: Instruments and where the MIDI files are.
        pool: How many of the instruments are enough.
        config: Of the pool.
        split: "train" or "test".
        ledger: File by which a training that is resumed finds its chunks again.

    Raises:
        NoInputError: There is no song.
        RenderError: FluidSynth's library cannot be opened.
        SoundFontError: The sound font is missing, refused, or lacks programs of every song.
        StorageError: The ledger cannot be written.
    """
    assert corpus.midi_folder is not None
    return PoolExamples(
        corpus.midi_folder,
        songs_of(midi_corpus, corpus, pool, split),
        programs_of(corpus.instruments, corpus.grouping),
        config,
        ledger=ledger,
    )
