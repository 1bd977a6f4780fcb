"""Which chunks are kept, and their levels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sep_pipeline.data.chunk_pool.chunks import drawn_chunks, levelled
from sep_pipeline.data.chunk_pool.config import ChunkPoolConfig
from sep_pipeline.data.chunk_pool.playable import PlayableSong, read_playable
from sep_pipeline.data.rendering.engines import open_synthesizer
from sep_pipeline.errors import ConfigurationError

CONFIG = ChunkPoolConfig(engine="sine", sample_rate=8000, chunk_samples=800)
SYNTHESIZER = open_synthesizer(CONFIG.rendering())
PROGRAMS = (frozenset({128}), frozenset({73}), frozenset({0}), frozenset({33}))


def stems(*rows: float | np.ndarray, length: int = 1000) -> np.ndarray:
    return np.stack([np.broadcast_to(np.asarray(row, dtype=np.float32), length) for row in rows])


def configured(**changes) -> ChunkPoolConfig:
    return ChunkPoolConfig(**{"engine": "sine", "sample_rate": 8000, "chunk_samples": 800, **changes})


def test_loud_chunks_are_divided_by_the_peak_of_their_mixture() -> None:
    loud = stems(1.5, 0.5, -4.0)
    kept = levelled(loud, CONFIG)
    assert kept is not None
    assert kept == pytest.approx(loud / 2)
    assert np.abs(kept.sum(axis=0)).max() == pytest.approx(1)


def test_quiet_chunks_are_left_alone() -> None:
    quiet = stems(0.25, 0.5)
    assert np.array_equal(levelled(quiet, CONFIG), quiet)


@pytest.mark.parametrize(("level", "is_kept"), [(0.9e-4, False), (1.1e-4, True)])
def test_silence_is_dropped(level: float, is_kept: bool) -> None:
    assert (levelled(stems(level), configured(min_activity=0.0)) is not None) == is_kept


@pytest.mark.parametrize(("num_sounding", "is_kept"), [(400, False), (401, True)])
def test_the_shares_of_sounding_samples_add_up_over_instruments(num_sounding: int, is_kept: bool) -> None:
    half = np.where(np.arange(1000) < num_sounding, 0.1, 0.0)
    assert (levelled(stems(half, half), CONFIG) is not None) == is_kept


@pytest.mark.parametrize(("weaker", "is_kept"), [(0.19, False), (0.21, True)])
def test_a_mixture_that_is_nearly_one_instrument_can_be_dropped(weaker: float, is_kept: bool) -> None:
    left = np.where(np.arange(1000) % 2, 1.0, -1.0)
    right = np.where(np.arange(1000) % 4 < 2, weaker, -weaker)
    lowest = 0.2 / np.hypot(1, 0.2)
    assert (levelled(stems(left, right), configured(min_difference=lowest)) is not None) == is_kept


@pytest.fixture
def song(tmp_path: Path, make_midi) -> PlayableSong:
    make_midi(tmp_path / "song.mid", num_notes=16)
    return read_playable(tmp_path / "song.mid", PROGRAMS, CONFIG.rendering())


def drawn(song: PlayableSong, config: ChunkPoolConfig, seed: int = 0) -> list[np.ndarray]:
    chunks = drawn_chunks(song, SYNTHESIZER, config, np.random.default_rng(seed))
    return [chunk.stems for chunk in chunks]


def test_no_more_chunks_than_wanted_are_drawn(song: PlayableSong) -> None:
    assert len(drawn(song, CONFIG)) == 5
    assert len(drawn(song, configured(chunks_per_song=2))) == 2


def test_all_chunks_together_are_the_song(song: PlayableSong) -> None:
    chunks = drawn(song, configured(chunks_per_song=None, min_activity=0.0))
    whole = song.rendered(SYNTHESIZER)
    padded = np.pad(whole, ((0, 0), (0, -whole.shape[1] % 800)))
    expected = {tuple(np.round(padded[:, at : at + 800].ravel(), 5)) for at in range(0, padded.shape[1], 800)}
    assert {tuple(np.round(chunk.ravel(), 5)) for chunk in chunks} == expected


def test_another_draw_gives_other_chunks(song: PlayableSong) -> None:
    first, again, other = (drawn(song, CONFIG, seed) for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_chunks_name_the_instruments_that_the_song_has(song: PlayableSong) -> None:
    chunk = next(drawn_chunks(song, SYNTHESIZER, CONFIG, np.random.default_rng(0)))
    assert chunk.instruments == (0, 2, 3)
    assert chunk.stems.shape == (3, 800)
    assert chunk.stems.dtype == np.float32


def test_gain_is_fixed(song: PlayableSong) -> None:
    plain, louder = drawn(song, CONFIG), drawn(song, configured(gain=2.0))
    assert np.abs(plain).max() < 0.5
    assert np.array(louder) == pytest.approx(2 * np.array(plain))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("chunk_samples", 0),
        ("batch_size", 0),
        ("pool_size", 11),
        ("reuse", 0),
        ("reuse", "often"),
        ("chunks_per_song", 0),
        ("min_activity", -0.1),
        ("min_difference", -0.1),
        ("silence", -1.0),
        ("gain", 0.0),
        ("workers", -1),
        ("sample_rate", 10),
        ("engine", "organ"),
    ],
)
def test_parameters_out_of_range_are_refused(name: str, value: object) -> None:
    with pytest.raises(ConfigurationError, match=name):
        ChunkPoolConfig(**{name: value})
