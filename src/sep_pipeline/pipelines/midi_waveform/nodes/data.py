"""Nodes before the training: index of the MIDI files, checks, chunks and songs that no training hears."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from sep_pipeline.configuration.execution import ProcessParameters
from sep_pipeline.configuration.midi_waveform import CorpusParameters, WaveformEvaluationParameters
from sep_pipeline.configuration.pool import PoolParameters
from sep_pipeline.data.midi_corpus import programs_of
from sep_pipeline.data.song_list import read_song_list
from sep_pipeline.data.song_store import SongJob, write_songs
from sep_pipeline.datasets import FolderWriter, Weights
from sep_pipeline.errors import TooShortError
from sep_pipeline.losses import study_resolution
from sep_pipeline.pipelines.data.corpus import corpus_writer, songs_hash
from sep_pipeline.pipelines.midi_waveform.songs import opened_pool, songs_of

HELD_OUT_SEED = 1_000_001
"""Seed of the chunks on which losses are compared; none that a training is likely to have."""

CHUNKS = "chunks"
"""Name of these chunks in their file."""


def index_midi(corpus: CorpusParameters, processes: ProcessParameters) -> FolderWriter:
    """Index the MIDI files when the catalog saves the folder.

    Raises:
        NoInputError: The song list does not exist.
        UnreadableFileError: A line of the song list does not parse.
    """
    assert corpus.midi_folder is not None
    files = None
    if corpus.song_list is not None:
        files = {song.file for song in read_song_list(corpus.song_list) if song.part in corpus.parts}
    return corpus_writer(corpus.midi_folder, corpus.index, files=files, num_processes=processes.num_processes)


def check_inputs(
    midi_corpus: Path,
    corpus: CorpusParameters,
    pool: PoolParameters,
    sample_rate: int,
    chunk_lengths: dict[str, int],
) -> dict[str, Any]:
    """Refuse what would fail hours later; every training waits for this.

    Returns:
        What the study works on, for the report.

    Raises:
        NoInputError: A split has no song with enough of the instruments.
        TooShortError: A chunk is too short for a spectrogram.
        RenderError: FluidSynth's library cannot be opened.
        SoundFontError: The sound font is missing, refused, or lacks programs of every song.
    """
    shortest, wanted = min(chunk_lengths.values()), study_resolution(sample_rate).n_fft // 2 + 1
    if shortest < wanted:
        raise TooShortError(
            "a chunk is too short for the spectrograms of the losses",
            parameter="midi_waveform.defaults.chunk_samples",
            expected=f"at least {wanted}",
            found=shortest,
        )
    facts: dict[str, Any] = {}
    for split in ("train", "test"):
        config = pool.config(chunk_samples=shortest, sample_rate=sample_rate, batch_size=1, seed=0)
        with opened_pool(midi_corpus, corpus, pool, replace(config, workers=0), split=split) as examples:
            facts[f"{split}_songs"] = len(examples.songs)
    return {
        **facts,
        "instruments": list(corpus.instruments),
        "sample_rate": sample_rate,
        "data_hash": songs_hash(songs_of(midi_corpus, corpus, pool, "train")),
    }


def draw_held_out_chunks(
    midi_corpus: Path,
    corpus: CorpusParameters,
    pool: PoolParameters,
    evaluation: WaveformEvaluationParameters,
    chunk_samples: int,
    inputs_checked: dict[str, Any],
) -> Weights:
    """Chunks of test songs, the same for every arm of this length: "chunks", float32, (chunk, stem, 1, time).

    Raises:
        NoInputError: No chunk of any test song passes the filters.
    """
    drawn = pool.config(
        chunk_samples=chunk_samples,
        sample_rate=inputs_checked["sample_rate"],
        batch_size=1,
        seed=HELD_OUT_SEED,
    )
    config = replace(
        drawn,
        batch_size=evaluation.num_chunks,
        pool_size=evaluation.num_chunks,
        chunks_per_song=evaluation.chunks_per_song,
        reuse=1,
    )
    with opened_pool(midi_corpus, corpus, pool, config, split="test") as examples:
        return Weights({CHUNKS: examples.batch(0).clone()})


def render_test_songs(
    midi_corpus: Path,
    corpus: CorpusParameters,
    pool: PoolParameters,
    evaluation: WaveformEvaluationParameters,
    inputs_checked: dict[str, Any],
    processes: ProcessParameters,
) -> FolderWriter:
    """Render whole test songs to a stem store when the catalog saves the folder."""
    return partial(
        _write_test_songs,
        midi_corpus=midi_corpus,
        corpus=corpus,
        pool=pool,
        evaluation=evaluation,
        sample_rate=inputs_checked["sample_rate"],
        num_processes=processes.num_processes,
    )


def _write_test_songs(
    folder: Path,
    *,
    midi_corpus: Path,
    corpus: CorpusParameters,
    pool: PoolParameters,
    evaluation: WaveformEvaluationParameters,
    sample_rate: int,
    num_processes: int | None,
) -> None:
    assert corpus.midi_folder is not None
    songs = sorted(songs_of(midi_corpus, corpus, pool, "test"), key=lambda song: song.file)
    config = pool.config(chunk_samples=1, sample_rate=sample_rate, batch_size=1, seed=0)
    jobs = [
        SongJob(
            set_name=corpus.name,
            midi_folder=corpus.midi_folder,
            song=song,
            programs_of=programs_of(corpus.instruments, corpus.grouping),
            config=config,
            max_seconds=evaluation.max_seconds,
            out_folder=folder,
        )
        for song in songs[: evaluation.num_songs]
    ]
    write_songs(jobs, folder, num_processes=num_processes)
