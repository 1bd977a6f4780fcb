"""Loops of one song: what they hold, where they begin and end, and when they are made again."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sep_pipeline.audio.io import read_audio
from sep_pipeline.audio.loudness import integrated_loudness
from sep_pipeline.data.midi import read_midi
from sep_pipeline.data.rendering import DrumKitConfig, RenderConfig, RenderJob, loops
from sep_pipeline.data.rendering.drum_kit import source_parts
from sep_pipeline.data.rendering.engines import open_synthesizer
from sep_pipeline.data.rendering.loops import LoopJob, render_loops
from sep_pipeline.data.rendering.schedule import schedule_song
from sep_pipeline.errors import SilentStemError, UnreadableFileError

SINE = RenderConfig(
    engine="sine", sample_rate=8000, channels=1, tail_seconds=0.5, required_classes=(), loudness_lufs=-30.0
)
FLUID = replace(SINE, engine="fluidsynth", sample_rate=16000)
STEP_SECONDS = 64 / 8000

MakeDrums = Callable[..., Path]


@pytest.fixture
def job(tmp_path: Path, make_drums: MakeDrums) -> LoopJob:
    song = RenderJob(
        midi_path=make_drums(tmp_path / "midi" / "a.mid"),
        source="a.mid",
        track="a",
        split="train",
        config=SINE,
        out_folder=tmp_path / "out",
        licence="CC0-1.0",
    )
    return LoopJob(song=song, drum_kit=DrumKitConfig(min_hits=1))


def with_song(job: LoopJob, **changes: object) -> LoopJob:
    return replace(job, song=replace(job.song, **changes))


def names(job: LoopJob) -> list[str]:
    root = job.song.out_folder
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*.wav"))


def record(job: LoopJob) -> dict[str, object]:
    content: dict[str, object] = json.loads(job.record.read_text(encoding="utf-8"))
    return content


def test_every_source_is_a_file_below_its_split(job: LoopJob) -> None:
    files = render_loops(job)
    assert names(job) == ["train/cymbals/a.wav", "train/kick/a.wav", "train/snare/a.wav"]
    assert files == [job.song.out_folder / name for name in names(job)]


def test_splits_by_files_make_no_split_folder(job: LoopJob) -> None:
    files = replace(job, drum_kit=DrumKitConfig(min_hits=1, splits="files"))
    render_loops(files)
    assert names(files) == ["cymbals/a.wav", "kick/a.wav", "snare/a.wav"]


@pytest.mark.parametrize("config", [SINE, FLUID], ids=["sine", "fluidsynth"])
def test_a_loop_is_its_source_alone_with_one_gain(job: LoopJob, config: RenderConfig) -> None:
    render_loops(with_song(job, config=config))
    schedule = schedule_song(read_midi(job.song.midi_path), config)
    drums = next(part for part in schedule.parts if part.is_drum)
    for part in source_parts([drums], job.drum_kit):
        alone = open_synthesizer(config).render(part, schedule.num_steps).mean(axis=0)
        loop, rate = read_audio(job.folder / part.key / "a.wav")
        assert (rate, loop.shape[0]) == (config.sample_rate, 1)
        first = part.notes[0].start * 64
        expected = alone[first : first + loop.shape[1]]
        gain = float(loop[0] @ expected) / float(expected @ expected)
        np.testing.assert_allclose(loop[0], gain * expected, atol=1 / 32768)


def test_a_loop_begins_with_its_first_hit_and_ends_with_the_tail(job: LoopJob) -> None:
    render_loops(job)
    # From the start of the first hit to the end of the last, rounded to the grid.
    for source, seconds in {"cymbals": 1.1, "kick": 1.6, "snare": 1.1}.items():
        loop, rate = read_audio(job.folder / source / "a.wav")
        assert loop.shape[1] / rate == pytest.approx(seconds + SINE.tail_seconds, abs=STEP_SECONDS)
        assert np.abs(loop[0, :64]).max() > 0.001


def test_sources_have_the_wanted_loudness(job: LoopJob) -> None:
    render_loops(job)
    for source in job.drum_kit.sources:
        loop, rate = read_audio(job.folder / source / "a.wav")
        assert integrated_loudness(loop, rate) == pytest.approx(SINE.loudness_lufs, abs=0.5)


def test_no_loop_passes_the_peak(job: LoopJob) -> None:
    render_loops(with_song(job, config=replace(SINE, loudness_lufs=-3.0, target_peak_dbfs=-6.0)))
    peaks = [np.abs(read_audio(path)[0]).max() for path in job.song.out_folder.rglob("*.wav")]
    assert 0.1 < max(peaks) <= 10 ** (-6 / 20) + 1 / 32768


def test_a_source_that_does_not_sound_has_no_file(job: LoopJob, make_drums: MakeDrums) -> None:
    make_drums(job.song.midi_path, {36: [0.0, 0.5], 38: [0.25]})
    render_loops(job)
    assert names(job) == ["train/kick/a.wav", "train/snare/a.wav"]


def test_all_drum_parts_are_taken_together(job: LoopJob, make_drums: MakeDrums) -> None:
    make_drums(job.song.midi_path, {36: [0.0], 38: [0.5], 35: [1.0]}, kits=(0, 0))
    render_loops(with_song(job, config=replace(SINE, merge_drums=False)))
    assert record(job)["hits"] == {"kick": 2, "snare": 1}


def test_the_window_of_the_song_counts(job: LoopJob) -> None:
    render_loops(with_song(job, start_seconds=1.1, seconds=0.5))
    assert record(job)["hits"] == {"kick": 1, "snare": 1}


def test_the_record_names_the_source_and_its_licence(job: LoopJob) -> None:
    render_loops(job)
    content = record(job)
    assert (content["source"], content["licence"], content["engine"]) == ("a.mid", "CC0-1.0", "sine")
    assert content["hits"] == {"cymbals": 5, "kick": 4, "snare": 3}


def test_the_same_input_gives_the_same_bytes(job: LoopJob, tmp_path: Path) -> None:
    other = with_song(job, out_folder=tmp_path / "again")
    first, second = ([path.read_bytes() for path in render_loops(one)] for one in (job, other))
    assert first == second


def test_other_kits_are_drawn_by_seed_and_have_the_keys_of_a_drum_set(job: LoopJob) -> None:
    kits = set()
    for seed in range(8):
        config = replace(FLUID, reorchestrate=True, seed=seed, max_seconds=0.3)
        render_loops(with_song(job, config=config))
        kits.add(record(job)["kit"])
    assert len(kits) > 1
    assert kits <= {8, 16, 24, 25, 32, 40}


def test_an_orchestra_kit_gives_way_to_the_standard_kit(job: LoopJob, make_drums: MakeDrums) -> None:
    make_drums(job.song.midi_path, kits=(48,))
    render_loops(job)
    assert record(job)["kit"] == 0


def test_finished_loops_are_left_alone_until_something_changes(job: LoopJob, make_drums: MakeDrums) -> None:
    loop = render_loops(job)[1]
    first = loop.stat().st_mtime_ns
    render_loops(job)
    assert loop.stat().st_mtime_ns == first
    render_loops(replace(job, drum_kit=DrumKitConfig(min_hits=2)))
    second = loop.stat().st_mtime_ns
    assert second != first
    make_drums(job.song.midi_path, {36: [0.0, 1.0]})
    render_loops(job)
    assert loop.stat().st_mtime_ns != second
    assert names(job) == ["train/kick/a.wav"]


def test_a_lost_file_is_made_again(job: LoopJob) -> None:
    loop = render_loops(job)[0]
    loop.unlink()
    assert render_loops(job)[0].is_file()


def test_after_a_failure_the_song_is_rendered_again(job: LoopJob, monkeypatch: pytest.MonkeyPatch) -> None:
    written = []

    def fail_at_second(path: Path, *args: object) -> None:
        written.append(path)
        if len(written) == 2:
            raise RuntimeError("power cut")
        path.parent.mkdir(parents=True)
        path.write_bytes(b"half a song")

    with monkeypatch.context() as patch:
        patch.setattr(loops, "write_audio", fail_at_second)
        with pytest.raises(RuntimeError, match="power cut"):
            render_loops(job)
    render_loops(job)
    assert read_audio(written[0])[0].any()
    assert len(names(job)) == 3


def test_a_damaged_record_is_no_record(job: LoopJob) -> None:
    render_loops(job)
    job.record.write_text("{", encoding="utf-8")
    assert len(render_loops(job)) == 3
    assert record(job)["source"] == "a.mid"


def test_a_song_without_loops_is_refused_with_what_it_has(job: LoopJob, make_drums: MakeDrums) -> None:
    make_drums(job.song.midi_path, {45: [0.0, 0.5], 37: [1.0]})
    with pytest.raises(SilentStemError, match=r"no loop.*found: 1 of key 37, 2 of key 45"):
        render_loops(job)


def test_a_song_without_drums_is_refused(job: LoopJob, make_drums: MakeDrums) -> None:
    make_drums(job.song.midi_path, kits=())
    with pytest.raises(SilentStemError, match="found: no hit"):
        render_loops(job)


def test_a_song_that_is_no_midi_is_refused(job: LoopJob) -> None:
    job.song.midi_path.write_text("no song")
    with pytest.raises(UnreadableFileError, match=r"a\.mid"):
        render_loops(job)


def test_jobs_are_picklable(job: LoopJob) -> None:
    assert pickle.loads(pickle.dumps(job)) == job
