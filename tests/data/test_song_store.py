"""Whole songs of a corpus as a stem store: exact sums, levels, the middle of long songs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sep_pipeline.audio.io import read_audio
from sep_pipeline.data.chunk_pool.config import ChunkPoolConfig
from sep_pipeline.data.manifest import read_manifest, tracks_of
from sep_pipeline.data.midi_corpus import CorpusConfig, index_corpus, programs_of
from sep_pipeline.data.song_store import LARGEST_PEAK, SongJob, write_songs
from sep_pipeline.errors import UnreadableFileError

RATE = 8000
STEMS = ("drums", "piano", "organ")


@pytest.fixture
def job(tmp_path: Path, make_midi):
    """A job for a song of 5 s without an organ, after changes of its fields."""
    folder = tmp_path / "midi"
    make_midi(folder / "sub" / "song.mid", programs=(0, 33), num_notes=20)
    (song,) = index_corpus(folder, CorpusConfig(fractions=(1, 0, 0)), num_processes=1).songs

    def make(gain: float = 1.0, max_seconds: float | None = None) -> SongJob:
        return SongJob(
            set_name="made",
            midi_folder=folder,
            song=song,
            programs_of=programs_of(STEMS, "family"),
            config=ChunkPoolConfig(sample_rate=RATE, engine="sine", gain=gain),
            max_seconds=max_seconds,
            out_folder=tmp_path / "store",
        )

    return make


def _stored(job: SongJob) -> dict[str, np.ndarray]:
    write_songs([job], job.out_folder, num_processes=1)
    (track,) = tracks_of(read_manifest(job.out_folder / "tracks.parquet"), "train", root=job.out_folder)
    assert (track.track_id, track.stems) == ("sub__song", STEMS)
    return {name: read_audio(path)[0][0] for name, path in track.paths.items()}


def test_the_mixture_is_the_exact_sum_and_an_absent_stem_is_silent(job) -> None:
    signals = _stored(job())
    np.testing.assert_array_equal(signals["mixture"], sum(signals[stem] for stem in STEMS))
    assert not signals["organ"].any()
    assert signals["drums"].any()
    assert signals["piano"].any()


def test_the_level_is_the_engine_s_times_the_gain(job) -> None:
    plain, raised = _stored(job(gain=0.5)), _stored(job(gain=1.0))
    np.testing.assert_allclose(raised["piano"], 2 * plain["piano"], rtol=0, atol=2 / 32768)


def test_a_loud_song_has_one_gain_for_all(job) -> None:
    plain, loud = _stored(job(gain=0.5)), _stored(job(gain=100.0))
    peak = max(np.abs(signal).max() for signal in loud.values())
    assert peak == pytest.approx(LARGEST_PEAK, abs=3 / 32768)
    np.testing.assert_array_equal(loud["mixture"], sum(loud[stem] for stem in STEMS))
    scale = (
        loud["mixture"].astype(float) @ plain["mixture"] / (plain["mixture"].astype(float) @ plain["mixture"])
    )
    np.testing.assert_allclose(loud["drums"], scale * plain["drums"], rtol=0, atol=(scale + 1) / 32768)


def test_of_a_long_song_the_middle_is_taken(job) -> None:
    whole, middle = _stored(job()), _stored(job(max_seconds=2.0))
    num_samples = len(whole["piano"])
    start = (num_samples - 2 * RATE) // 2
    assert len(middle["piano"]) == 2 * RATE
    np.testing.assert_allclose(
        middle["piano"], whole["piano"][start : start + 2 * RATE], rtol=0, atol=2 / 32768
    )


def test_what_was_rendered_is_in_the_manifest(job) -> None:
    made = job()
    write_songs([made], made.out_folder, num_processes=1)
    manifest = read_manifest(made.out_folder / "tracks.parquet").set_index("stem")
    assert manifest.loc["organ", "peak"] == 0
    assert '"midi": "sub/song.mid"' in manifest.loc["piano", "provenance"]
    assert '"engine": "sine 1"' in manifest.loc["piano", "provenance"]


def test_a_song_that_is_gone_is_named(job) -> None:
    made = job()
    (made.midi_folder / "sub" / "song.mid").unlink()
    with pytest.raises(UnreadableFileError, match=r"song\.mid"):
        write_songs([made], made.out_folder, num_processes=1)
    assert not (made.out_folder / "tracks.parquet").exists()
