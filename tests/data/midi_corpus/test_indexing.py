"""The index of a folder of MIDI files: what is used, what is rejected and why, and how it is split."""

from __future__ import annotations

import logging
from pathlib import Path

import mido
import pretty_midi
import pytest

from sep_pipeline.data.midi_corpus import CorpusConfig, index_corpus, read_corpus, write_corpus
from sep_pipeline.errors import ConfigurationError, NoInputError, UnreadableFileError

ALL_TRAIN = CorpusConfig(fractions=(1.0, 0.0, 0.0))


def write_track(path: Path, messages: list[tuple[str, int, int]]) -> None:
    """Write one track of (kind, channel, program or key) messages, a tick apart."""
    track = mido.MidiTrack()
    for kind, channel, value in messages:
        if kind == "program_change":
            track.append(mido.Message(kind, channel=channel, program=value, time=100))
        else:
            track.append(mido.Message("note_on", channel=channel, note=value, velocity=90, time=100))
            track.append(mido.Message("note_off", channel=channel, note=value, velocity=0, time=100))
    song = mido.MidiFile(type=1)
    song.tracks.append(track)
    song.save(str(path))


def test_programs_and_length_of_a_song_are_found(tmp_path: Path, make_midi) -> None:
    make_midi(tmp_path / "sub" / "song.mid", programs=(33, 0), num_notes=8)
    (song,) = index_corpus(tmp_path, ALL_TRAIN, num_processes=1).songs
    assert (song.file, song.split, song.programs) == ("sub/song.mid", "train", (0, 33, 128))
    assert song.seconds == pytest.approx(1.95, abs=0.01)


def test_every_kind_of_bad_file_is_rejected_by_name(
    tmp_path: Path, make_midi, caplog: pytest.LogCaptureFixture
) -> None:
    make_midi(tmp_path / "good.mid")
    make_midi(tmp_path / "long.mid", num_notes=200)
    (tmp_path / "corrupt.mid").write_bytes(b"MThd\x00\x00\x00\x06\x00\x01")
    (tmp_path / "empty.mid").write_bytes(b"")
    pretty_midi.PrettyMIDI().write(str(tmp_path / "no_notes.mid"))
    write_track(tmp_path / "two_channels.mid", [("note", 0, 60), ("note", 1, 60)])
    write_track(
        tmp_path / "two_programs.mid",
        [("program_change", 0, 1), ("note", 0, 60), ("program_change", 0, 2), ("note", 0, 60)],
    )
    write_track(tmp_path / "late_program.mid", [("note", 0, 60), ("program_change", 0, 2), ("note", 0, 60)])
    with caplog.at_level(logging.WARNING):
        corpus = index_corpus(tmp_path, CorpusConfig(max_seconds=20, fractions=(1, 0, 0)), num_processes=1)
    assert [song.file for song in corpus.songs] == ["good.mid"]
    assert {rejection.file: rejection.reason for rejection in corpus.rejections} == {
        "corrupt.mid": "not readable MIDI",
        "empty.mid": "not readable MIDI",
        "late_program.mid": "two programs on one channel",
        "long.mid": "longer than 20 s",
        "no_notes.mid": "no notes",
        "two_channels.mid": "two channels in one track",
        "two_programs.mid": "two programs on one channel",
    }
    assert "two programs on one channel: 2: late_program.mid, two_programs.mid" in caplog.text


def test_drum_kits_and_programs_without_notes_may_change(tmp_path: Path) -> None:
    write_track(
        tmp_path / "kits.mid",
        [("program_change", 9, 0), ("note", 9, 36), ("program_change", 9, 8), ("note", 9, 36)],
    )
    write_track(
        tmp_path / "unused.mid", [("program_change", 0, 5), ("program_change", 0, 7), ("note", 0, 60)]
    )
    programs = {song.file: song.programs for song in index_corpus(tmp_path, ALL_TRAIN, num_processes=1).songs}
    assert programs == {"kits.mid": (128,), "unused.mid": (7,)}


def test_songs_are_split_by_notes(tmp_path: Path, make_midi) -> None:
    for number in range(8):
        make_midi(tmp_path / f"{number}.mid", seed=number)
        make_midi(tmp_path / f"again{7 - number}.mid", seed=number, key=64)
    corpus = index_corpus(tmp_path, CorpusConfig(fractions=(0.75, 0.0, 0.25)), num_processes=1)
    splits: dict[str, set[str]] = {}
    for song in corpus.songs:
        splits.setdefault(song.notes_hash, set()).add(song.split)
    assert sorted(map(sorted, splits.values())) == [["test"]] * 2 + [["train"]] * 6


def test_an_index_survives_its_file(tmp_path: Path, make_midi) -> None:
    make_midi(tmp_path / "midi" / "song.mid")
    (tmp_path / "midi" / "bad.mid").write_bytes(b"x")
    corpus = index_corpus(tmp_path / "midi", ALL_TRAIN, num_processes=1)
    write_corpus(corpus, tmp_path / "index.json")
    assert read_corpus(tmp_path / "index.json", tmp_path / "midi") == corpus


def test_folders_and_indices_without_songs_are_refused(tmp_path: Path) -> None:
    with pytest.raises(NoInputError, match="no MIDI file was found"):
        index_corpus(tmp_path)
    (tmp_path / "bad.mid").write_bytes(b"x")
    with pytest.raises(NoInputError, match=r"no MIDI file can be used.*bad.mid: not readable MIDI"):
        index_corpus(tmp_path, num_processes=1)
    with pytest.raises(NoInputError, match="there is no index"):
        read_corpus(tmp_path / "index.json", tmp_path)
    (tmp_path / "index.json").write_text('{"songs": [{"file": "a"}], "rejections": []}')
    with pytest.raises(UnreadableFileError, match="no index of MIDI files"):
        read_corpus(tmp_path / "index.json", tmp_path)


def test_settings_out_of_range_are_refused(tmp_path: Path, make_midi) -> None:
    with pytest.raises(ConfigurationError, match="max_seconds"):
        CorpusConfig(max_seconds=0)
    make_midi(tmp_path / "song.mid")
    with pytest.raises(ConfigurationError, match="fractions"):
        index_corpus(tmp_path, CorpusConfig(fractions=(0.5, 0.0, 0.2)), num_processes=1)
