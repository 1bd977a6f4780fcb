"""Takes batches from a pool with two workers until it is killed: pool_run.py FOLDER LEDGER MARKER LAST_STEP."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from sep_pipeline.data.chunk_pool.config import ChunkPoolConfig
from sep_pipeline.data.chunk_pool.examples import PoolExamples
from sep_pipeline.data.midi_corpus import CorpusConfig, index_corpus, programs_of

PROGRAMS = programs_of(("drums", "piano", "wind", "bass"), "family")


def small_config(**changes) -> ChunkPoolConfig:
    """A pool of short chunks of simple tones."""
    values = {"engine": "sine", "sample_rate": 8000, "chunk_samples": 400, "batch_size": 4, "pool_size": 24}
    return ChunkPoolConfig(**{**values, "workers": 0, **changes})


def small_pool(folder: Path, ledger: Path | None = None, **changes) -> PoolExamples:
    """A pool of all songs of a folder."""
    corpus = index_corpus(folder, CorpusConfig(fractions=(1.0, 0.0, 0.0)), num_processes=1)
    songs = corpus.eligible(PROGRAMS, split="train")
    return PoolExamples(folder, songs, PROGRAMS, small_config(**changes), ledger=ledger)


if __name__ == "__main__":
    with small_pool(Path(sys.argv[1]), Path(sys.argv[2]), workers=2) as pool:
        for number in range(int(sys.argv[4]) + 1):
            pool.batch(number)
        Path(sys.argv[3]).touch()
        time.sleep(120)
