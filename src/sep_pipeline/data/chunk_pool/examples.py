"""Batches of chunks that are rendered while training."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Self

import numpy as np
from torch import Tensor

from sep_pipeline.data.assembly import BatchAssembler
from sep_pipeline.data.augmentation import Audio
from sep_pipeline.data.chunk_pool.bookkeeping import SONG_ORDER, PoolBook, VisitRecord
from sep_pipeline.data.chunk_pool.chunks import Chunk
from sep_pipeline.data.chunk_pool.config import ChunkPoolConfig
from sep_pipeline.data.chunk_pool.ledger import Ledger
from sep_pipeline.data.chunk_pool.reuse import ReuseControl
from sep_pipeline.data.chunk_pool.songs import playable_songs
from sep_pipeline.data.chunk_pool.status import FillProgress, Meter, PoolStatus
from sep_pipeline.data.chunk_pool.visits import Visit, VisitFeed, VisitJob
from sep_pipeline.data.midi_corpus.corpus import IndexedSong
from sep_pipeline.data.rendering.engines import Synthesizer
from sep_pipeline.data.rendering.track import opened_synthesizer
from sep_pipeline.errors import DataError, NoInputError

# Without effect on the chunks; the sound font counts by its content.
_NOT_IN_IDENTITY = ("library", "sound_font", "workers")


class PoolExamples:
    """Batches from a pool of chunks that is filled by rendering songs, see `PoolBook` and `drawn_chunks`.

    `batch` is a pure function of the step for the same songs, instruments, parameters and synthesizer, whatever the
    number of workers, unless `reuse` is "auto": then it depends on the machine, and repeats itself only with the same
    ledger. Asking for steps in order is quick. Any other step makes the pool work out what it holds then: with a
    ledger from its records, rendering only what is in the pool; without one by rendering every song up to there.

    It holds processes; use it in a `with` block, or call `close`. One thread is served at a time.

    Args:
        folder: Folder of the MIDI files.
        songs: Songs to render, from `MidiCorpus.eligible`.
        programs_of: Instruments in the order of the stems, and their programs, from `midi_corpus.programs_of`.
        config: Parameters of the pool.
        ledger: File in which the records are kept for a training that is resumed; None keeps none.

    Raises:
        NoInputError: There are no songs.
        RenderError: FluidSynth's library cannot be opened.
        SoundFontError: The sound font is missing, refused, or lacks programs of every song.
        StorageError: The ledger cannot be written.
    """

    def __init__(
        self,
        folder: Path,
        songs: Sequence[IndexedSong],
        programs_of: Mapping[str, frozenset[int]],
        config: ChunkPoolConfig,
        *,
        ledger: Path | None = None,
    ) -> None:
        synthesizer = opened_synthesizer(config.rendering())
        self.instruments, self.config = tuple(programs_of), config
        self.songs = playable_songs(folder, songs, programs_of, synthesizer)
        self._folder, self._programs = folder, tuple(programs_of.values())
        self._order = np.random.default_rng([config.seed, SONG_ORDER]).permutation(len(self.songs))
        self._ledger = Ledger(ledger, self._identity(synthesizer))
        self._feed = VisitFeed(self._job_of, config.workers)
        self._reuse, self._meter = ReuseControl(config), Meter()
        self._assembler, self._lock = BatchAssembler(), threading.Lock()
        self._begin()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the processes that render."""
        self._feed.close()

    def batch(self, step: int) -> Tensor:
        """Give the batch of a step.

        Args:
            step: Number of the step, from 0.

        Returns:
            Stems in the order of `instruments`, zero where a song has not the instrument: float32,
            (batch, stem, 1, time). Their sum is the mixture, in [-1, 1] up to rounding.

        Raises:
            UnreadableFileError: A MIDI file has been removed or damaged.
            NoInputError: No chunk of any song passes the filters.
            DataError: A song has changed since the ledger was written.
            RenderError: A process that renders was ended from outside.
            StorageError: The ledger cannot be written.
        """
        with self._lock:
            if step != self._book.step:
                self._go_to(step)
            taken = [(int(visit), int(number)) for visit, number in self._book.advance(self._record)]
            chunks = [self._chunk(key) for key in taken]
            self._look_ahead()
            self._measure(is_first=step == self._first_step)
            return self._assembled(chunks)

    def status(self) -> PoolStatus:
        """The state after the latest batch; any thread may ask at any time."""
        return self._status

    def _begin(self) -> None:
        """Empty the pool; the records stay."""
        self._book = PoolBook(self.config)
        self._chunks: dict[tuple[int, int], Chunk] = {}
        self._num_barren = self._first_step = 0
        self._feed.forget()
        self._filling = FillProgress()
        self._status = self._current_status()

    def _go_to(self, step: int) -> None:
        if step < self._book.step:
            self._begin()
        self._first_step, self._filling = step, FillProgress()
        while self._book.step < step:
            self._book.advance(self._record)
            self._drop_unused()

    def _record(self, visit: int) -> VisitRecord:
        if visit < len(self._ledger):
            return self._ledger[visit]
        self._feed.expect(self._coming_visits(visit))
        record = VisitRecord(len(self._taken(visit).chunks), self._reuse.factor)
        self._num_barren = 0 if record.num_chunks else self._num_barren + 1
        if self._num_barren == len(self.songs):
            raise NoInputError(
                "no chunk of any song passes the filters",
                file=self._folder,
                parameter="min_activity, min_difference or silence",
                found=f"{len(self.songs)} songs without one",
            )
        self._ledger.append(record)
        if self._book.step <= self._first_step:
            filled = len(self._book.entries) / self.config.pool_size
            self._filling.advance((self._book.step + min(1.0, filled)) / (self._first_step + 1), visit + 1)
        return record

    def _chunk(self, key: tuple[int, int]) -> Chunk:
        """A chunk of the pool, rendered again if it is known by its record only."""
        if key not in self._chunks:
            self._render_again(key[0])
        return self._chunks[key]

    def _render_again(self, visit: int) -> None:
        found, recorded = len(self._taken(visit).chunks), self._ledger[visit].num_chunks
        if found != recorded:
            raise DataError(
                "a song gives other chunks than it did",
                file=self._job_of(visit).path,
                expected=f"{recorded} chunks",
                found=found,
            )

    def _taken(self, visit: int) -> Visit:
        started = time.perf_counter()
        rendered = self._feed.take(visit)
        self._meter.note_visit(
            waited=time.perf_counter() - started,
            rendered=rendered.seconds,
            stem_seconds=rendered.stem_seconds(self.config.sample_rate),
        )
        self._chunks.update(((visit, number), chunk) for number, chunk in enumerate(rendered.chunks))
        return rendered

    def _look_ahead(self) -> None:
        """Collect what was rendered again, drop what was used up, and have the next visits rendered."""
        for visit in self._feed.finished():
            if visit < self._book.num_visits:
                self._render_again(visit)
        held = self._drop_unused()
        missing = dict.fromkeys(key[0] for key in held if key not in self._chunks)
        coming = self._coming_visits(self._book.num_visits)
        self._feed.expect([*islice(missing, len(coming)), *coming])

    def _coming_visits(self, first: int) -> range:
        """Visits worth rendering ahead of their time: those of the next refill, and work for every process."""
        return range(first, first + self._book.visits_per_refill + 2 * self.config.workers)

    def _drop_unused(self) -> set[tuple[int, int]]:
        """Forget chunks that left the pool, and give the keys of those in it."""
        held = set(map(tuple, self._book.entries.tolist()))
        self._chunks = {key: chunk for key, chunk in self._chunks.items() if key in held}
        return held

    def _measure(self, *, is_first: bool) -> None:
        if is_first:
            self._meter.restart()
        else:
            self._reuse.note(self._meter.end_step())
        self._status = self._current_status()

    def _current_status(self) -> PoolStatus:
        return PoolStatus(
            num_visits=self._book.num_visits,
            num_chunks=len(self._book.entries),
            pool_size=self.config.pool_size,
            reuse=self._reuse.factor,
            render_speed=self._meter.render_speed(max(1, self.config.workers)),
            data_wait_share=self._meter.data_wait_share,
        )

    def _assembled(self, chunks: Sequence[Chunk]) -> Tensor:
        def example(slot: int, room: Audio | None) -> Audio:
            stems = np.zeros(shape, dtype=np.float32) if room is None else room
            stems[...] = 0
            stems[list(chunks[slot].instruments), 0] = chunks[slot].stems
            return stems

        shape = (len(self.instruments), 1, self.config.chunk_samples)
        return self._assembler.assembled(len(chunks), shape, example)

    def _job_of(self, visit: int) -> VisitJob:
        song = self.songs[int(self._order[visit % len(self.songs)])]
        return VisitJob(self._folder / song.file, self._programs, visit, self.config)

    def _identity(self, synthesizer: Synthesizer) -> str:
        """Digest of everything that the records depend on."""
        config = {name: value for name, value in asdict(self.config).items() if name not in _NOT_IN_IDENTITY}
        content = {
            "config": config,
            "programs": [sorted(programs) for programs in self._programs],
            "songs": [song.content_hash for song in self.songs],
            "synthesizer": [synthesizer.name, synthesizer.version, synthesizer.sound_font_hash],
        }
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
