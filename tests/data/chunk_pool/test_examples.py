"""Batches from the pool: the same ones whatever the workers, after a kill, and for any order of steps."""

from __future__ import annotations

import gc
import importlib
import logging
import multiprocessing
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest
import torch

from sep_pipeline.data.chunk_pool import visits
from sep_pipeline.data.chunk_pool.chunks import Chunk
from sep_pipeline.data.chunk_pool.examples import PoolExamples
from sep_pipeline.data.feeding import batches
from sep_pipeline.data.midi_corpus import IndexedSong
from sep_pipeline.data.rendering.sine import SineSynthesizer
from sep_pipeline.errors import DataError, NoInputError, RenderError, SoundFontError, UnreadableFileError

HERE = Path(__file__).parent
NUM_STEPS = 12


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(HERE)
    return importlib.import_module("pool_run")


@pytest.fixture
def folder(tmp_path: Path, make_midi) -> Path:
    """Seven songs; every second one has no bass."""
    for number in range(7):
        programs = (0, 27, 33) if number % 2 else (0, 27)
        make_midi(tmp_path / "midi" / f"{number}.mid", programs=programs, seed=number, num_notes=6 + number)
    return tmp_path / "midi"


@pytest.fixture
def opened(made: ModuleType, folder: Path) -> Iterator[Callable[..., PoolExamples]]:
    """Open pools that are closed at the end; songs kept by earlier tests are forgotten."""
    visits._kept_song.cache_clear()
    pools: list[PoolExamples] = []

    def open_pool(*arguments, **changes) -> PoolExamples:
        pools.append(made.small_pool(folder, *arguments, **changes))
        return pools[-1]

    yield open_pool
    for pool in pools:
        pool.close()


def taken(pool: PoolExamples, steps: range = range(NUM_STEPS)) -> torch.Tensor:
    """Batches of some steps, (step, batch, stem, 1, time)."""
    return torch.stack([pool.batch(step) for step in steps])


def test_batches_have_all_stems_of_a_chunk(opened) -> None:
    audio = taken(opened())
    assert audio.shape == (NUM_STEPS, 4, 4, 1, 400)
    assert audio.dtype == torch.float32
    sounding = audio.abs().amax(dim=(3, 4)).flatten(0, 1) > 0
    # Piano everywhere or nearly so, no wind, and bass in the songs that have it.
    assert sounding.float().mean(dim=0)[1] > 0.8
    assert not sounding[:, 2].any()
    assert 0 < sounding[:, 3].sum() < sounding[:, 1].sum()


def test_no_mixture_exceeds_full_scale(opened) -> None:
    mixtures = taken(opened(gain=20.0)).sum(dim=2)
    peaks = mixtures.abs().amax(dim=-1)
    assert peaks.max() == pytest.approx(1, abs=1e-6)
    assert (peaks > 1 - 1e-6).float().mean() > 0.5


@pytest.mark.parametrize("workers", [1, 2])
def test_chunks_do_not_depend_on_the_number_of_workers(opened, workers: int) -> None:
    assert torch.equal(taken(opened()), taken(opened(workers=workers)))


def test_chunks_do_not_depend_on_how_far_ahead_is_loaded(opened) -> None:
    expected = taken(opened(workers=1))
    with batches(opened(), range(NUM_STEPS)) as pairs:
        for step, batch in pairs:
            assert torch.equal(batch, expected[step])


def test_a_seed_makes_the_chunks(opened) -> None:
    assert not torch.equal(taken(opened(seed=1)), taken(opened(seed=2)))


@pytest.mark.parametrize("workers", [0, 1])
def test_any_step_can_be_asked_for_at_any_time(opened, workers: int) -> None:
    expected = taken(opened(reuse=2))
    pool = opened(reuse=2, workers=workers)
    for step in (7, 8, 3, 3, 11, 0, 1):
        assert torch.equal(pool.batch(step), expected[step])


def test_a_killed_run_goes_on_to_the_bit(opened, folder: Path, tmp_path: Path) -> None:
    ledger, marker = tmp_path / "pool.ledger", tmp_path / "marker"
    command = [sys.executable, str(HERE / "pool_run.py"), str(folder), str(ledger), str(marker), "6"]
    with subprocess.Popen(command) as run:
        until = time.monotonic() + 60
        while not marker.exists() and time.monotonic() < until:
            time.sleep(0.02)
        run.kill()
    assert marker.exists()
    expected = taken(opened())
    for start in (7, 4):
        resumed = opened(ledger, workers=2)
        assert torch.equal(taken(resumed, range(start, NUM_STEPS)), expected[start:])


def test_resuming_renders_only_what_the_pool_holds(opened, tmp_path: Path, monkeypatch) -> None:
    ledger = tmp_path / "pool.ledger"
    expected = taken(opened(ledger), range(40))
    rendered: list[int] = []

    original = visits.visited

    def counted(job: visits.VisitJob) -> visits.Visit:
        rendered.append(job.visit)
        return original(job)

    monkeypatch.setattr(visits, "visited", counted)
    assert torch.equal(opened(ledger).batch(39), expected[39])
    assert len(rendered) <= 4


def test_automatic_reuse_repeats_itself_with_its_ledger(opened, tmp_path: Path) -> None:
    ledger = tmp_path / "pool.ledger"
    pool = opened(ledger, reuse="auto")
    first = taken(pool, range(60))
    # Nothing trains here, so that every batch waits.
    assert pool.status().reuse > 1
    shutil.copy(ledger, tmp_path / "copy.ledger")
    again = opened(tmp_path / "copy.ledger", reuse="auto", workers=1)
    assert torch.equal(taken(again, range(30, 60)), first[30:])


@pytest.mark.parametrize("workers", [0, 1])
def test_memory_holds_one_refill_more_than_the_pool_at_most(opened, workers: int) -> None:
    pool = opened(reuse=2, workers=workers)
    for last_step in (0, 7, 19):
        pool.batch(last_step)
        gc.collect()
        held = sum(type(entry) is Chunk for entry in gc.get_objects())
        # Refills of two songs of five chunks, and as many again in each worker's queue.
        assert held <= 24 + 10 + (10 + 10) * workers
        assert 20 <= pool.status().num_chunks < 24 + 10


def test_the_status_tells_what_a_training_may_show(opened) -> None:
    pool = opened(reuse=3)
    assert pool.status().num_chunks == 0
    taken(pool)
    status = pool.status()
    assert (status.pool_size, status.reuse) == (24, 3)
    assert status.num_visits >= 5
    assert status.render_speed > 0
    assert 0 <= status.data_wait_share <= 1


def test_no_songs_and_missing_files_are_refused_at_once(opened, made, folder: Path) -> None:
    with pytest.raises(NoInputError, match="no song to render"):
        PoolExamples(folder, (), made.PROGRAMS, made.small_config())
    song = IndexedSong(
        file="gone.mid", split="train", notes_hash="", content_hash="", seconds=1.0, programs=(0,)
    )
    with pytest.raises(NoInputError, match=r"does not exist.*gone\.mid"):
        PoolExamples(folder, (song,), made.PROGRAMS, made.small_config())


def test_songs_with_programs_that_the_font_lacks_are_left_out_by_name(
    opened, monkeypatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(SineSynthesizer, "programs", lambda _: frozenset({0}))
    with caplog.at_level(logging.WARNING):
        pool = opened()
    assert [song.file for song in pool.songs] == ["0.mid", "2.mid", "4.mid", "6.mid"]
    assert "left out, not in the sound font: 3: 1.mid (program 33), 3.mid (program 33)" in caplog.text


def test_a_font_without_the_programs_of_any_song_is_an_error(opened, monkeypatch) -> None:
    monkeypatch.setattr(SineSynthesizer, "drum_kits", lambda _: ())
    with pytest.raises(SoundFontError, match=r"lacks programs of every song.*128"):
        opened()


@pytest.mark.parametrize("workers", [0, 1])
def test_a_song_damaged_meanwhile_is_an_error_that_names_it(opened, folder: Path, workers: int) -> None:
    pool = opened(workers=workers)
    (folder / "3.mid").write_bytes(b"x")
    with pytest.raises(UnreadableFileError, match=r"3\.mid"):
        taken(pool)


def test_a_song_that_changed_since_the_ledger_was_written_is_an_error(
    opened, folder: Path, tmp_path: Path, make_midi
) -> None:
    taken(opened(tmp_path / "pool.ledger"))
    pool = opened(tmp_path / "pool.ledger")
    for number in range(7):
        make_midi(folder / f"{number}.mid", num_notes=1)
    visits._kept_song.cache_clear()
    with pytest.raises(DataError, match="other chunks than it did"):
        taken(pool)


def test_filters_that_no_chunk_passes_are_an_error(opened) -> None:
    with pytest.raises(NoInputError, match=r"no chunk of any song.*7 songs"):
        opened(min_activity=4.0).batch(0)


def test_a_worker_that_is_killed_is_an_error(opened) -> None:
    pool = opened(workers=1)
    pool.batch(0)
    for child in multiprocessing.active_children():
        child.kill()
    with pytest.raises(RenderError, match="was ended"):
        taken(pool, range(1, 60))
