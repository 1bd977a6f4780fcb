"""Rendered tracks: bit-identity, exact sums, layout, resuming and typed errors."""

from __future__ import annotations

import ctypes.util
import importlib.util
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import yaml

from sep_pipeline.audio.io import read_audio
from sep_pipeline.audio.loudness import integrated_loudness
from sep_pipeline.data.midi import instrument_class, read_midi
from sep_pipeline.data.rendering import RenderConfig, RenderJob, render_track, render_tree
from sep_pipeline.data.rendering import library as library_module
from sep_pipeline.data.rendering import track as track_module
from sep_pipeline.data.rendering.engines import open_synthesizer
from sep_pipeline.data.rendering.levels import level_stems
from sep_pipeline.data.rendering.schedule import schedule_song
from sep_pipeline.data.song_list import Song
from sep_pipeline.errors import (
    ConfigurationError,
    NoInputError,
    RenderError,
    SilentStemError,
    SoundFontError,
    UnreadableFileError,
)

SINE = RenderConfig(engine="sine", sample_rate=8000, tail_seconds=0.5)
FLUID = RenderConfig(sample_rate=22050, tail_seconds=0.5)


@pytest.fixture
def job(tmp_path: Path, make_midi) -> RenderJob:
    midi = make_midi(tmp_path / "midi" / "a.mid")
    return RenderJob(
        midi_path=midi,
        source="a.mid",
        track="Track00001",
        split="train",
        config=SINE,
        out_folder=tmp_path / "out",
    )


def integer_samples(path: Path) -> np.ndarray:
    return soundfile.read(path, dtype="int16", always_2d=True)[0].astype(np.int64)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


@pytest.mark.parametrize("config", [SINE, FLUID], ids=["sine", "fluidsynth"])
def test_the_mixture_is_the_exact_sum_and_stays_under_the_peak(job: RenderJob, config: RenderConfig) -> None:
    folder = render_track(replace(job, config=config))
    mixture = integer_samples(folder / "mix.flac")
    stems = [integer_samples(path) for path in sorted((folder / "stems").iterdir())]
    assert len(stems) == 4
    assert np.array_equal(mixture, sum(stems))
    assert np.abs(mixture).max() <= round(10 ** (-1 / 20) * 32768) + 2
    assert all(np.abs(stem).max() > 300 for stem in stems)


@pytest.mark.parametrize("config", [SINE, FLUID], ids=["sine", "fluidsynth"])
def test_the_same_input_gives_the_same_bytes(job: RenderJob, tmp_path: Path, config: RenderConfig) -> None:
    first = render_track(replace(job, config=config))
    track_module.opened_synthesizer.cache_clear()
    second = render_track(replace(job, config=config, out_folder=tmp_path / "again"))
    assert contents(first) == contents(second)


@pytest.mark.parametrize("config", [SINE, FLUID], ids=["sine", "fluidsynth"])
def test_a_stem_does_not_depend_on_the_others(tmp_path: Path, make_midi, config: RenderConfig) -> None:
    whole = schedule_song(read_midi(make_midi(tmp_path / "a.mid", programs=(0, 27, 33))), config)
    alone = schedule_song(read_midi(make_midi(tmp_path / "b.mid", programs=(0,), has_drums=False)), config)
    synthesizer = open_synthesizer(config)
    for part in whole.parts[1:]:
        synthesizer.render(part, whole.num_steps)
    expected = synthesizer.render(whole.parts[0], whole.num_steps)
    assert np.array_equal(synthesizer.render(alone.parts[0], alone.num_steps), expected)
    assert expected.shape == (2, whole.num_steps * 64)
    assert np.abs(expected).max() > 1e-3


def test_effect_controllers_do_not_change_the_sound(tmp_path: Path, make_midi) -> None:
    path = make_midi(tmp_path / "a.mid", programs=(48,), has_drums=False)
    song = read_midi(path)
    synthesizer = open_synthesizer(FLUID)
    plain = schedule_song(song, FLUID)
    import pretty_midi

    song.instruments[0].control_changes = [pretty_midi.ControlChange(n, 127, 0.0) for n in (0, 32, 91, 93)]
    wet = schedule_song(song, FLUID)
    rendered = [synthesizer.render(s.parts[0], s.num_steps) for s in (plain, wet)]
    assert np.array_equal(rendered[0], rendered[1])


def test_the_folder_has_slakhs_layout_in_plain_values(job: RenderJob) -> None:
    folder = render_track(replace(job, licence="CC0-1.0"))
    assert folder == job.out_folder / "train" / "Track00001"
    content = yaml.safe_load((folder / "metadata.yaml").read_text())
    assert (content["UUID"], content["audio_dir"], content["midi_dir"]) == ("a", "stems", "MIDI")
    assert (content["normalization_factor"], content["target_peak"], content["licence"]) == (
        -13.0,
        -1.0,
        "CC0-1.0",
    )
    drums = content["stems"]["S03"]
    assert (drums["inst_class"], drums["program_num"], drums["plugin_name"]) == (
        "Drums",
        128,
        "sine:none:128:0",
    )
    assert sorted(path.stem for path in (folder / "stems").iterdir()) == sorted(content["stems"])
    assert (folder / "all_src.mid").read_bytes() == job.midi_path.read_bytes()
    assert len(read_midi(folder / "MIDI" / "S00.mid").instruments[0].notes) == 8


def test_stems_reach_the_loudness_before_the_common_gain(job: RenderJob) -> None:
    folder = render_track(job)
    content = yaml.safe_load((folder / "metadata.yaml").read_text())
    for path in (folder / "stems").iterdir():
        audio, rate = read_audio(path)
        loudness = integrated_loudness(audio, rate) - 20 * np.log10(content["overall_gain"])
        assert loudness == pytest.approx(-13.0, abs=0.02)


def test_levels_leave_a_low_mixture_alone_and_drop_silence() -> None:
    noise = np.random.default_rng(0).uniform(-0.1, 0.1, (2, 8000)).astype(np.float32)
    stems = {"S00": noise, "S01": np.zeros_like(noise)}
    levels = level_stems(stems, sample_rate=8000, loudness_lufs=-40.0, target_peak_dbfs=-1.0)
    assert levels.overall_gain == 1.0
    assert list(levels.stems) == ["S00"]
    assert levels.loudness_lufs["S01"] == -np.inf
    assert np.array_equal(levels.mixture, levels.stems["S00"])


def test_cancelling_stems_do_not_clip() -> None:
    noise = np.random.default_rng(0).uniform(-1, 1, (1, 8000)).astype(np.float32)
    stems = {"S00": noise, "S01": -noise}
    levels = level_stems(stems, sample_rate=8000, loudness_lufs=-0.1, target_peak_dbfs=-1.0)
    assert np.abs(levels.stems["S00"]).max() == pytest.approx(10 ** (-1 / 20) * 32768, abs=1)
    assert not levels.mixture.any()


def test_a_silent_stem_is_marked_and_left_out(tmp_path: Path, job: RenderJob) -> None:
    import pretty_midi

    song = read_midi(job.midi_path)
    song.instruments[0].control_changes = [pretty_midi.ControlChange(7, 0, 0.0)]
    song.write(str(job.midi_path))
    folder = render_track(job)
    content = yaml.safe_load((folder / "metadata.yaml").read_text())
    assert content["stems"]["S00"]["audio_rendered"] is False
    assert content["stems"]["S00"]["integrated_loudness"] is None
    assert not (folder / "stems" / "S00.flac").exists()


def test_finished_tracks_are_left_alone_until_something_changes(job: RenderJob, make_midi) -> None:
    mixture = render_track(job) / "mix.flac"
    first = mixture.stat().st_mtime_ns
    render_track(job)
    assert mixture.stat().st_mtime_ns == first
    render_track(replace(job, config=replace(SINE, tail_seconds=0.6)))
    second = mixture.stat().st_mtime_ns
    assert second != first
    make_midi(job.midi_path, seed=5)
    render_track(replace(job, config=replace(SINE, tail_seconds=0.6)))
    assert mixture.stat().st_mtime_ns != second


def test_a_failure_leaves_no_partial_folder(job: RenderJob, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object) -> None:
        raise RuntimeError("power cut")

    with monkeypatch.context() as patch:
        patch.setattr(track_module, "_write_metadata", fail)
        with pytest.raises(RuntimeError, match="power cut"):
            render_track(job)
    assert list((job.out_folder / "train").iterdir()) == []
    assert (render_track(job) / "metadata.yaml").is_file()


def test_a_tree_keeps_what_is_asked_for_and_removes_the_rest(tmp_path: Path, make_midi) -> None:
    for name in "abc":
        make_midi(tmp_path / "midi" / f"{name}.mid", seed=ord(name))
    songs = [
        Song(file="a.mid", part="train"),
        Song(file="b.mid", part="test"),
        Song(file="c.mid", part="pretrain"),
    ]
    out = tmp_path / "out"
    folders = render_tree(songs, tmp_path / "midi", out, SINE, num_processes=1)
    assert [str(folder.relative_to(out)) for folder in folders] == [
        "train/Track00001",
        "test/Track00002",
        "train/Track00003",
    ]
    (out / "train" / "own").mkdir()
    render_tree(songs[:1], tmp_path / "midi", out, SINE, num_processes=1)
    assert sorted(str(path.relative_to(out)) for path in out.glob("*/*")) == ["train/Track00001", "train/own"]


def test_several_processes_give_the_same_tree(tmp_path: Path, make_midi) -> None:
    songs = [Song(file=f"{name}.mid", part="train") for name in "ab"]
    for song in songs:
        make_midi(tmp_path / "midi" / song.file, seed=len(song.file))
    render_tree(songs, tmp_path / "midi", tmp_path / "one", SINE, num_processes=1)
    render_tree(songs, tmp_path / "midi", tmp_path / "two", SINE, num_processes=2)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_songs_without_a_required_class_are_left_out(
    tmp_path: Path, make_midi, caplog: pytest.LogCaptureFixture
) -> None:
    make_midi(tmp_path / "full.mid")
    make_midi(tmp_path / "piano.mid", programs=(0,))
    songs = [Song(file="piano.mid", part="train"), Song(file="full.mid", part="train")]
    folders = render_tree(songs, tmp_path, tmp_path / "out", SINE, num_processes=1)
    assert [folder.name for folder in folders] == ["Track00002"]
    assert "piano.mid" in caplog.text
    with pytest.raises(NoInputError, match="required classes"):
        render_tree(songs[:1], tmp_path, tmp_path / "other", SINE, num_processes=1)


def test_reorchestration_changes_every_sound_but_no_role(job: RenderJob, tmp_path: Path) -> None:
    config = replace(SINE, reorchestrate=True, seed=3)
    plain = yaml.safe_load((render_track(job) / "metadata.yaml").read_text())["stems"]
    other_job = replace(job, config=config, out_folder=tmp_path / "other")
    changed = yaml.safe_load((render_track(other_job) / "metadata.yaml").read_text())["stems"]
    assert [stem["inst_class"] for stem in changed.values()] == [
        stem["inst_class"] for stem in plain.values()
    ]
    for key in ("S00", "S01", "S02"):
        assert instrument_class(changed[key]["program_num"]) != plain[key]["inst_class"]
        assert changed[key]["program_num"] not in range(96, 104)
    assert changed["S03"]["plugin_name"] in {"sine:none:128:8", "sine:none:128:16", "sine:none:128:24"}


def test_reorchestration_follows_its_seed(job: RenderJob, tmp_path: Path) -> None:
    programs = []
    for number, seed in enumerate((3, 3, 4)):
        config = replace(SINE, reorchestrate=True, seed=seed)
        folder = render_track(replace(job, config=config, out_folder=tmp_path / str(number)))
        stems = yaml.safe_load((folder / "metadata.yaml").read_text())["stems"]
        programs.append([stem["program_num"] for stem in stems.values()])
    assert programs[0] == programs[1] != programs[2]


def test_jobs_are_picklable(job: RenderJob) -> None:
    assert pickle.loads(pickle.dumps(job)) == job


def test_a_song_without_notes_in_the_window_is_refused(job: RenderJob) -> None:
    with pytest.raises(SilentStemError, match="no note sounds"):
        render_track(replace(job, start_seconds=1000.0))


def test_unreadable_and_absent_songs_are_refused(job: RenderJob, tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match=r"none\.mid"):
        render_track(replace(job, midi_path=tmp_path / "none.mid"))
    with pytest.raises(NoInputError, match="no song"):
        render_tree([], tmp_path, tmp_path / "out", SINE)


def test_missing_and_refused_sound_fonts(tmp_path: Path) -> None:
    with pytest.raises(SoundFontError, match="does not exist"):
        open_synthesizer(RenderConfig(sound_font=tmp_path / "none.sf2"))
    refused = tmp_path / "text.sf2"
    refused.write_text("no sound font")
    with pytest.raises(SoundFontError, match="refuses"):
        open_synthesizer(RenderConfig(sound_font=refused))


def test_without_a_library_the_error_lists_the_ways_to_fix_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(RenderError, match=r"pygame-ce.*engine `sine`"):
        open_synthesizer(RenderConfig(library=tmp_path / "libnone.so"))
    library_module.load_library.cache_clear()
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    monkeypatch.setattr(ctypes.util, "find_library", lambda _: None)
    with pytest.raises(RenderError, match="no such library"):
        library_module.load_library(None)
    library_module.load_library.cache_clear()


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("engine", "piano"),
        ("channels", 3),
        ("tail_seconds", -1),
        ("target_peak_dbfs", 0.0),
        ("max_seconds", 0),
    ],
)
def test_wrong_parameters_are_named(parameter: str, value: object) -> None:
    with pytest.raises(ConfigurationError) as caught:
        RenderConfig(**{parameter: value})
    assert caught.value.parameter == parameter


def test_stems_carry_the_names_of_their_tracks(job: RenderJob) -> None:
    song = read_midi(job.midi_path)
    for part, name in zip(song.instruments, ["first", "first", "", "kit"], strict=True):
        part.name, part.program = name, 0 if part.is_drum else 33
    song.write(str(job.midi_path))
    stems = yaml.safe_load((render_track(job) / "metadata.yaml").read_text())["stems"]
    assert [(stem["name"], stem["program_num"]) for stem in stems.values()] == [
        ("first", 33),
        ("first", 33),
        ("", 33),
        ("kit", 128),
    ]


def test_tracks_rendered_with_fewer_keys_are_rendered_again(
    job: RenderJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(track_module, "METADATA_VERSION", track_module.METADATA_VERSION - 1)
        metadata = render_track(job) / "metadata.yaml"
    earlier = metadata.read_text()
    render_track(job)
    assert metadata.read_text() != earlier
