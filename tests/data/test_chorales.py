"""Chorales from music21's corpus: notes, sound, splits, files, and typed errors."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import zipfile
from collections import Counter
from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pretty_midi
import pytest
import yaml

from sep_pipeline.data import chorales as chorales_module
from sep_pipeline.data.chorales import (
    NOT_FOUR_PARTS,
    PARTS,
    PLAYERS,
    ChoraleConfig,
    ChoraleNote,
    chorale_midi,
    chorale_parts,
    chorale_scores,
    write_chorales,
)
from sep_pipeline.data.midi import read_midi
from sep_pipeline.data.rendering import RenderConfig, render_tree
from sep_pipeline.data.song_list import read_song_list
from sep_pipeline.errors import ConfigurationError, NoInputError

SINE = RenderConfig(
    engine="sine", sample_rate=8000, tail_seconds=0.25, max_seconds=2.0, required_classes=(), channels=1
)
RANGES = {"soprano": (57, 81), "alto": (53, 74), "tenor": (48, 69), "bass": (36, 64)}
NAMES = ("Soprano", "Alto", "Tenor", "Bass")


def corpus_files(*names: str) -> tuple[Path, ...]:
    return tuple(path for path in chorale_scores() if path.stem in names)


@pytest.fixture
def limit_corpus(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Make the corpus consist of the named pieces."""

    def limit(*names: str) -> None:
        files = corpus_files(*names)
        assert len(files) == len(names)
        monkeypatch.setattr(chorales_module, "chorale_scores", lambda: files)

    return limit


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four chorales of the corpus for winds."""
    folder = tmp_path_factory.mktemp("written")
    write_chorales(folder, ChoraleConfig(num_songs=4))
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def songs_of(folder: Path) -> list[pretty_midi.PrettyMIDI]:
    return [read_midi(path) for path in sorted(folder.glob("*.mid"))]


def score_of(names: Sequence[str | None], notes: Any) -> Any:
    """A made music21 score with the notes that `notes()` gives in every part."""
    from music21 import stream

    score = stream.Score()
    for name in names:
        part = stream.Part()
        part.partName = name
        for note in notes():
            part.append(note)
        score.append(part)
    return score


def quarter(pitch: str = "C4", **values: Any) -> Any:
    from music21 import note

    return note.Note(pitch, **values)


def test_the_list_names_the_files_and_the_notes(written: Path) -> None:
    songs = read_song_list(written / "songs.csv")
    assert {song.file for song in songs} | {"songs.csv"} == {path.name for path in written.iterdir()}
    assert len({song.notes_hash for song in songs}) == 4
    assert {song.instruments for song in songs} == {"Reed; Strings"}


def test_every_part_has_a_named_track_and_its_wind_instrument(written: Path) -> None:
    for song in songs_of(written):
        assert [(part.name, part.program) for part in song.instruments] == [
            ("violin", 40),
            ("clarinet", 71),
            ("saxophone", 66),
            ("bassoon", 70),
        ]


def test_four_singers_with_one_program_stay_apart(limit_corpus: Any, tmp_path: Path) -> None:
    limit_corpus("bwv253")
    write_chorales(tmp_path, ChoraleConfig(ensemble="choir"))
    (song,) = songs_of(tmp_path)
    assert [(part.name, part.program) for part in song.instruments] == [(name, 52) for name in PARTS]


def test_pitches_lie_in_the_ranges_of_the_voices(written: Path) -> None:
    for song in songs_of(written):
        for (lowest, highest), part in zip(RANGES.values(), song.instruments, strict=True):
            assert all(lowest <= note.pitch <= highest for note in part.notes)


def notes_of_xml(score: Path) -> list[tuple[int, float]]:
    """Number of notes and length in quarters of each part, counted in the MusicXML itself."""
    with zipfile.ZipFile(score) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith("xml") and "META" not in name)
        root = ElementTree.fromstring(archive.read(name))
    counted = []
    for part in root.iter("part"):
        notes = [note for note in part.iter("note") if note.find("grace") is None]
        begun = [
            note for note in notes if note.find("rest") is None and note.find("tie[@type='stop']") is None
        ]
        length = sum(int(note.findtext("duration", "0")) for note in notes)
        counted.append((len(begun), length / int(part.findtext(".//divisions", "1"))))
    return counted


@pytest.mark.parametrize("name", ["bwv253", "bwv62.6"])
def test_notes_and_length_are_those_of_the_score(limit_corpus: Any, tmp_path: Path, name: str) -> None:
    limit_corpus(name)
    write_chorales(tmp_path, ChoraleConfig(quarters_per_minute=100))
    (song,) = songs_of(tmp_path)
    expected = notes_of_xml(corpus_files(name)[0])
    assert [len(part.notes) for part in song.instruments] == [count for count, _ in expected]
    assert song.get_end_time() == pytest.approx(expected[0][1] * 60 / 100, abs=1e-6)


def test_no_part_has_two_notes_at_once(written: Path) -> None:
    for song in songs_of(written):
        for part in song.instruments:
            notes = sorted(part.notes, key=lambda note: note.start)
            assert all(later.start >= earlier.end - 1e-6 for earlier, later in pairwise(notes))


def test_velocities_vary_from_64_to_100(written: Path) -> None:
    velocities = {
        note.velocity for song in songs_of(written) for part in song.instruments for note in part.notes
    }
    assert velocities == set(range(64, 101))


def test_the_same_parameters_give_the_same_bytes(written: Path, tmp_path: Path) -> None:
    write_chorales(tmp_path, ChoraleConfig(num_songs=4))
    assert contents(tmp_path) == contents(written)


def test_several_processes_give_the_same_files(
    limit_corpus: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    limit_corpus("bwv253", "bwv254", "bwv255")
    write_chorales(tmp_path / "one", ChoraleConfig())
    monkeypatch.setattr(chorales_module, "MIN_FILES_FOR_PROCESSES", 2)
    write_chorales(tmp_path / "two", ChoraleConfig(), num_processes=2)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_another_seed_gives_other_chorales(written: Path, tmp_path: Path) -> None:
    write_chorales(tmp_path, ChoraleConfig(num_songs=4, seed=1))
    assert set(contents(tmp_path)) != set(contents(written))


def test_velocities_of_a_chorale_do_not_depend_on_the_others(limit_corpus: Any, tmp_path: Path) -> None:
    limit_corpus("bwv253")
    write_chorales(tmp_path / "alone", ChoraleConfig())
    limit_corpus("bwv253", "bwv254")
    write_chorales(tmp_path / "two", ChoraleConfig())
    assert contents(tmp_path / "alone")["bwv253.mid"] == contents(tmp_path / "two")["bwv253.mid"]


def test_another_seed_gives_other_velocities_for_the_same_notes(limit_corpus: Any, tmp_path: Path) -> None:
    limit_corpus("bwv253")
    notes = []
    for seed in (0, 1):
        write_chorales(tmp_path, ChoraleConfig(seed=seed))
        (song,) = songs_of(tmp_path)
        notes.append([(note.start, note.pitch, note.velocity) for note in song.instruments[0].notes])
    assert [note[:2] for note in notes[0]] == [note[:2] for note in notes[1]]
    assert notes[0] != notes[1]


def test_no_more_files_are_parsed_than_needed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    parsed: list[str] = []

    def note_down(score: Path) -> Any:
        parsed.append(score.name)
        return score_of(NAMES, lambda: [quarter(quarterLength=8)])

    monkeypatch.setattr(chorales_module, "_parsed", note_down)
    write_chorales(tmp_path, ChoraleConfig(num_songs=5))
    assert len(parsed) == 5


def test_ties_are_merged() -> None:
    from music21 import tie

    def tied() -> list[Any]:
        first, second = quarter(quarterLength=2), quarter(quarterLength=1.5)
        first.tie, second.tie = tie.Tie("start"), tie.Tie("stop")
        return [first, second, quarter("D4", quarterLength=0.5)]

    parts = chorale_parts(score_of(NAMES, tied))
    assert parts is not None
    assert parts["alto"] == (
        ChoraleNote(start_quarters=0.0, length_quarters=3.5, pitch=60),
        ChoraleNote(start_quarters=3.5, length_quarters=0.5, pitch=62),
    )


def test_grace_notes_are_dropped_and_rests_keep_their_time() -> None:
    from music21 import note

    parts = chorale_parts(
        score_of(NAMES, lambda: [quarter("E4").getGrace(), note.Rest(quarterLength=1), quarter("G4")])
    )
    assert parts is not None
    assert parts["bass"] == (ChoraleNote(start_quarters=1.0, length_quarters=1.0, pitch=67),)


@pytest.mark.parametrize(
    "names",
    [
        ("Horn", "Soprano", "Alto", "Tenor", "Bass"),
        ("Soprano", "Alto", "Tenor"),
        (None, None, None, None),
        ("Violin", "Alto", "Tenor", "Bass"),
    ],
)
def test_other_scores_are_no_chorales(names: tuple[str | None, ...]) -> None:
    assert chorale_parts(score_of(names, lambda: [quarter()])) is None


def test_onsets_and_lengths_are_quarters_at_the_tempo() -> None:
    notes = (ChoraleNote(start_quarters=1.5, length_quarters=0.5, pitch=60),)
    config = ChoraleConfig(quarters_per_minute=60)
    song = chorale_midi(dict.fromkeys(PARTS, notes), config, random=np.random.default_rng(0))
    assert [(part.notes[0].start, part.notes[0].end) for part in song.instruments] == [(1.5, 2.0)] * 4


@pytest.mark.parametrize(
    "twins",
    [("bwv274", "bwv62.6"), ("bwv144.6", "bwv65.7"), ("bwv18.5-lz", "bwv18.5-w")],
    ids=["same notes", "other key and rhythm", "other key"],
)
def test_one_soprano_line_never_stands_in_two_splits(
    limit_corpus: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, twins: tuple[str, str]
) -> None:
    limit_corpus(*twins, "bwv253", "bwv254")
    monkeypatch.setattr(chorales_module, "_parsed", cache(chorales_module._parsed))
    for seed in range(4):
        songs = write_chorales(tmp_path, ChoraleConfig(shares=(0.34, 0.33, 0.33), seed=seed))
        assert len({song.part for song in songs if song.file.removesuffix(".mid") in twins}) == 1


def test_splits_have_their_shares(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    numbers = iter(range(1, 100))

    def different(score: Path) -> Any:
        steps = next(numbers)
        return score_of(NAMES, lambda: [quarter(quarterLength=4), quarter(midi=60 + steps)])

    monkeypatch.setattr(chorales_module, "_parsed", different)
    songs = write_chorales(tmp_path, ChoraleConfig(num_songs=20, shares=(0.5, 0.2, 0.3)))
    assert Counter(song.part for song in songs) == {"train": 10, "validation": 4, "test": 6}


def test_three_chorales_give_every_split_one(limit_corpus: Any, tmp_path: Path) -> None:
    limit_corpus("bwv253", "bwv254", "bwv255")
    songs = write_chorales(tmp_path, ChoraleConfig())
    assert sorted(song.part for song in songs) == ["test", "train", "validation"]


def test_chorales_of_an_earlier_run_are_removed_and_other_files_kept(
    limit_corpus: Any, tmp_path: Path
) -> None:
    limit_corpus("bwv253", "bwv254")
    write_chorales(tmp_path, ChoraleConfig())
    (tmp_path / "mine.mid").write_bytes(b"")
    (song,) = write_chorales(tmp_path, ChoraleConfig(num_songs=1))
    assert {path.name for path in tmp_path.iterdir()} == {song.file, "mine.mid", "songs.csv"}


def test_a_killed_run_leaves_no_list_and_the_next_one_is_whole(
    limit_corpus: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    limit_corpus("bwv253", "bwv254")
    write_chorales(tmp_path, ChoraleConfig())
    whole = contents(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(chorales_module, "_songs", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            write_chorales(tmp_path, ChoraleConfig(num_songs=1))
    assert not (tmp_path / "songs.csv").exists()
    (tmp_path / ".bwv254.1.partial.mid").write_bytes(b"half")
    write_chorales(tmp_path, ChoraleConfig())
    assert contents(tmp_path) == whole


def test_what_does_not_parse_or_is_short_is_left_out_with_a_warning(
    limit_corpus: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    parse = chorales_module._parsed

    def parse_some(score: Path) -> Any:
        if score.stem == "bwv254":
            raise KeyError("measure")
        if score.stem == "bwv255":
            return score_of(NAMES, lambda: [quarter()])
        return parse(score)

    limit_corpus("bwv253", "bwv254", "bwv255")
    monkeypatch.setattr(chorales_module, "_parsed", parse_some)
    songs = write_chorales(tmp_path, ChoraleConfig())
    assert [song.file for song in songs] == ["bwv253.mid"]
    warnings = sorted(record.getMessage() for record in caplog.records if record.levelno == logging.WARNING)
    assert warnings == [
        "left out: bwv254.mxl (it does not parse: 'measure')",
        "left out: bwv255.mxl (a part is shorter than 4 quarters)",
    ]


def test_scores_for_other_forces_are_counted_once(
    limit_corpus: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    limit_corpus("bwv253", "bwv1.6")
    write_chorales(tmp_path, ChoraleConfig())
    assert f"Chorales written: 1; passed over, {NOT_FOUR_PARTS}: 1" in caplog.messages


def test_too_many_wanted_songs_are_noted(
    limit_corpus: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    limit_corpus("bwv253")
    assert len(write_chorales(tmp_path, ChoraleConfig(num_songs=3))) == 1
    assert "there are only 1 chorales, not 3" in caplog.messages


def test_without_any_chorale_the_run_stops(limit_corpus: Any, tmp_path: Path) -> None:
    limit_corpus("bwv1.6")
    with pytest.raises(NoInputError, match="no chorale in four parts"):
        write_chorales(tmp_path, ChoraleConfig())


def test_a_package_without_its_corpus_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from music21.corpus.corpora import CoreCorpus

    monkeypatch.setattr(CoreCorpus, "getComposer", lambda *_: [])
    with pytest.raises(NoInputError, match="no scores by Bach"):
        write_chorales(tmp_path, ChoraleConfig())


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "music21.corpus.corpora", None)
    with pytest.raises(ConfigurationError, match=r"package music21.*pip install music21") as caught:
        write_chorales(tmp_path, ChoraleConfig())
    assert caught.value.parameter == "chorales"


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("ensemble", "strings"),
        ("quarters_per_minute", 0),
        ("quarters_per_minute", -60),
        ("num_songs", 0),
        ("shares", (0.5, 0.5)),
        ("shares", (0.5, 0.1, 0.1)),
        ("shares", (1.2, -0.1, -0.1)),
        ("seed", -1),
    ],
)
def test_wrong_parameters_are_named(parameter: str, value: object) -> None:
    with pytest.raises(ConfigurationError, match="out of range") as caught:
        ChoraleConfig(**{parameter: value})
    assert caught.value.parameter == parameter


def test_nothing_is_written_outside_the_folder_and_nothing_is_said(tmp_path: Path) -> None:
    program = (
        "import pathlib, sys\n"
        "from sep_pipeline.data.chorales import ChoraleConfig, write_chorales\n"
        "write_chorales(pathlib.Path(sys.argv[1]), ChoraleConfig(num_songs=1))\n"
    )
    places = {name: str(tmp_path / name) for name in ("HOME", "TMPDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME")}
    for place in places.values():
        Path(place).mkdir()
    result = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "midi")],
        env={**os.environ, **places, "PYTHONDONTWRITEBYTECODE": "1"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout + result.stderr == ""
    assert {path.parent.name for path in tmp_path.rglob("*") if path.is_file()} == {"midi"}


@pytest.mark.parametrize(("ensemble", "programs"), [("winds", [40, 71, 66, 70]), ("choir", [52] * 4)])
def test_rendered_chorales_tell_their_voices_apart(
    limit_corpus: Any, tmp_path: Path, ensemble: Any, programs: list[int]
) -> None:
    limit_corpus("bwv253")
    songs = write_chorales(tmp_path / "midi", ChoraleConfig(ensemble=ensemble))
    (track,) = render_tree(songs, tmp_path / "midi", tmp_path / "out", SINE, num_processes=1)
    stems = yaml.safe_load((track / "metadata.yaml").read_text())["stems"]
    assert [stem["name"] for stem in stems.values()] == list(PLAYERS[ensemble])
    assert [stem["program_num"] for stem in stems.values()] == programs
    assert sorted(path.stem for path in (track / "stems").iterdir()) == ["S00", "S01", "S02", "S03"]
