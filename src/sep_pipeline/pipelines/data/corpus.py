"""What nodes of every study ask of a folder of MIDI files from which chunks are rendered while training."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from sep_pipeline.configuration.data import StoreParameters
from sep_pipeline.data.ingestion.grouping import grouping_of
from sep_pipeline.data.layouts import slakh
from sep_pipeline.data.layouts.source import Part, Reading, SourceTrack
from sep_pipeline.data.midi import CLASS_NAMES, DRUM_PROGRAM, instrument_class, normalised_class
from sep_pipeline.data.midi_corpus import (
    CorpusConfig,
    IndexedSong,
    MidiCorpus,
    index_corpus,
    read_corpus,
    write_corpus,
)
from sep_pipeline.datasets import FolderWriter
from sep_pipeline.errors import NoInputError

CORPUS_NAME = "corpus.json"
"""File of an indexed corpus in its folder."""

LEDGER_NAME = "pool_ledger.json"
"""File of a pool in the working folder of its training."""


def corpus_writer(
    midi_folder: Path, config: CorpusConfig, *, files: Collection[str] | None, num_processes: int | None
) -> FolderWriter:
    """Index MIDI files when the catalog saves the folder; what cannot be used is counted there with its name.

    Args:
        midi_folder: Where the files are.
        config: Longest song and shares of the splits.
        files: Only these, by their paths relative to the folder; None takes all.
        num_processes: Worker processes; None takes one per core.
    """
    return partial(_write, midi_folder=midi_folder, config=config, files=files, num_processes=num_processes)


def stored_corpus(folder: Path, midi_folder: Path) -> MidiCorpus:
    """The corpus that `corpus_writer` left in a folder."""
    return read_corpus(folder / CORPUS_NAME, midi_folder)


def songs_hash(songs: Iterable[IndexedSong]) -> str:
    """Short digest of the notes of songs, which stands for data that no store holds."""
    return hashlib.sha256("".join(sorted(song.notes_hash for song in songs)).encode()).hexdigest()[:12]


def programs_of_stems(store: StoreParameters, stems: Sequence[str]) -> dict[str, frozenset[int]]:
    """General MIDI programs that a rendered data set sums to each of its stems, 128 for drums.

    Args:
        store: The data set.
        stems: Stems of its store, in their order.

    Raises:
        ConfigurationError: The stems do not fit the instruments.
    """
    parts = tuple(
        Part(key=f"{program}", label=normalised_class(instrument_class(program)), path=None, program=program)
        for program in range(DRUM_PROGRAM + 1)
    )
    band = SourceTrack(track_id="band", folder=Path(), split=None, parts=parts)
    reading = Reading(
        layout=slakh.Slakh.name,
        tracks=(band,),
        labels=CLASS_NAMES,
        default_stems=slakh.DEFAULT_STEMS,
        default_grouping=slakh.DEFAULT_GROUPING,
    )
    grouping = grouping_of(store.config(), reading)
    stem_of = {part.program: grouping.stem_of(part) for part in parts}
    return {
        stem: frozenset(program for program in range(DRUM_PROGRAM + 1) if stem_of[program] == stem)
        for stem in stems
    }


def _write(
    folder: Path,
    *,
    midi_folder: Path,
    config: CorpusConfig,
    files: Collection[str] | None,
    num_processes: int | None,
) -> None:
    corpus = index_corpus(midi_folder, config, num_processes=num_processes)
    if files is not None:
        corpus = replace(
            corpus,
            songs=tuple(song for song in corpus.songs if song.file in files),
            rejections=tuple(rejection for rejection in corpus.rejections if rejection.file in files),
        )
    if not corpus.songs:
        raise NoInputError(
            "no listed MIDI file can be used", file=midi_folder, found=corpus.rejected_by_reason()
        )
    write_corpus(corpus, folder / CORPUS_NAME)
