"""`sep-pipeline separate`: files of any kind in, stems out, and one line with exit code 2 for bad input."""

from __future__ import annotations

import dataclasses
import errno
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from click.testing import CliRunner, Result

from sep_pipeline.audio.io import read_audio, write_audio
from sep_pipeline.commands import STANDALONE
from sep_pipeline.commands.separate import command
from sep_pipeline.models.open_unmix import OpenUnmix, OpenUnmixConfig, SpectrogramConfig
from sep_pipeline.separation import load_separator, save_separator, separate
from sep_pipeline.separation.songs.options import DEFAULT_BITS, REFINEMENTS, SUBTYPES, TEMPLATE

RATE = 8000
CONFIG = OpenUnmixConfig(
    spectrogram=SpectrogramConfig(n_fft=256, hop_length=64), hidden_size=8, num_input_bins=100
)
NAME = "open_unmix/tiny/0"


@pytest.fixture(autouse=True)
def _one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads that wait for each other beside other tests take longer than one."""
    monkeypatch.setattr("sep_pipeline.separation.songs.run.available_processes", lambda: 1)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a trained separator, and a song."""
    folder = tmp_path_factory.mktemp("separate")
    separator = folder / "data" / "06_models" / "open_unmix" / "tiny" / "seed_0" / "separator"
    save_separator(
        separator,
        {stem: OpenUnmix(CONFIG, seed=seed) for seed, stem in enumerate(("drums", "bass"))},
        name="tiny",
        model="open_unmix",
        config=dataclasses.asdict(CONFIG),
        sample_rate=RATE,
        channels=2,
        seed=0,
        steps=7,
        data_hash="none",
        licence="MIT",
    )
    noise = np.random.default_rng(0).uniform(-0.8, 0.8, (2, 5000)).astype(np.float32)
    write_audio(folder / "song.wav", noise, RATE)
    return folder


def call(place: Path, *arguments: object) -> Result:
    threads = torch.get_num_threads()
    try:
        words = [str(part) for part in (*arguments, "--data-folder", place / "data")]
        return CliRunner().invoke(STANDALONE["separate"], words)
    finally:
        torch.set_num_threads(threads)


def refused(place: Path, output: Path, *arguments: object) -> str:
    """The one line that a refusal leaves on standard error; no file is left."""
    before = sorted(output.rglob("*"))
    result = call(place, *arguments, "--output", output)
    assert result.exit_code == 2, result.output
    assert "Traceback" not in result.output
    assert sorted(output.rglob("*")) == before
    (line,) = [line for line in result.stderr.splitlines() if line.startswith("Error: ")]
    return line


def expected_stems(place: Path, **options: Any) -> np.ndarray:
    separator = load_separator(place / "data/06_models/open_unmix/tiny/seed_0/separator")
    return separate(separator, *read_audio(place / "song.wav"), **options)


def test_a_song_becomes_its_stems(place: Path, tmp_path: Path) -> None:
    result = call(place, place / "song.wav", "--model", NAME, "--output", tmp_path, "--bits", 32)
    assert result.exit_code == 0, result.output
    assert "song: 2 files in" in result.stdout
    for stem, expected in zip(("drums", "bass"), expected_stems(place), strict=True):
        found, rate = read_audio(tmp_path / "song" / f"{stem}.wav")
        assert rate == RATE
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("refine", "options"), [("wiener", {"wiener": True}), ("consistency", {"mixture_consistency": True})]
)
def test_refined_stems_add_up_to_the_song(
    place: Path, tmp_path: Path, refine: str, options: dict[str, Any]
) -> None:
    model = place / "data/06_models/open_unmix/tiny/seed_0/separator"
    song = place / "song.wav"
    result = call(place, song, "--model", model, "--output", tmp_path, "--refine", refine, "--bits", 32)
    assert result.exit_code == 0, result.output
    found = np.stack([read_audio(tmp_path / "song" / f"{stem}.wav")[0] for stem in ("drums", "bass")])
    np.testing.assert_allclose(found, expected_stems(place, **options), rtol=0, atol=1e-6)
    np.testing.assert_allclose(found.sum(axis=0), read_audio(song)[0], rtol=0, atol=1e-5)


def test_options_decide_the_files(place: Path, tmp_path: Path) -> None:
    result = call(
        place,
        *(place / "song.wav", "--model", NAME, "--output", tmp_path, "--stems", "bass", "--residual"),
        *("--format", "flac", "--bits", 24, "--template", "{model}-{track}-{stem}"),
    )
    assert result.exit_code == 0, result.output
    assert sorted(path.name for path in tmp_path.glob("*.flac")) == [
        "tiny-song-bass.flac",
        "tiny-song-residual.flac",
    ]
    assert soundfile.info(tmp_path / "tiny-song-bass.flac").subtype == "PCM_24"
    assert "add up to the song within 0" in result.stdout


def test_songs_side_by_side_are_those_one_after_another(place: Path, tmp_path: Path) -> None:
    songs = tmp_path / "songs"
    for index, name in enumerate(("a.flac", "b.wav")):
        audio = np.random.default_rng(index).uniform(-0.8, 0.8, (1, 3000 + index)).astype(np.float32)
        write_audio(songs / name, audio, 16_000)
    for jobs in (1, 2):
        output = tmp_path / f"out_{jobs}"
        result = call(place, songs, "--model", NAME, "--output", output, "--jobs", jobs)
        assert result.exit_code == 0, result.output
    for path in sorted((tmp_path / "out_1").rglob("*.wav")):
        other = tmp_path / "out_2" / path.relative_to(tmp_path / "out_1")
        np.testing.assert_allclose(read_audio(other)[0], read_audio(path)[0], rtol=0, atol=2 / 32768)
        assert soundfile.info(path).frames == (3000 if path.parent.name == "a" else 3001)


def test_a_second_call_does_nothing_and_another_one_overwrites_only_when_asked(
    place: Path, tmp_path: Path
) -> None:
    song, output = place / "song.wav", tmp_path / "out"
    assert call(place, song, "--model", NAME, "--output", output).exit_code == 0
    again = call(place, song, "--model", NAME, "--output", output)
    assert again.exit_code == 0
    assert "finished before" in again.stdout
    line = refused(place, output, song, "--model", NAME, "--refine", "wiener")
    assert "ConfigurationError: the file exists" in line
    assert (
        call(place, song, "--model", NAME, "--output", output, "--refine", "wiener", "--overwrite").exit_code
        == 0
    )


def test_models_are_listed(place: Path, tmp_path: Path) -> None:
    result = call(place, "--list-models")
    assert result.exit_code == 0
    assert re.search(rf"^{NAME} +trained +drums\+bass +8000 Hz +2 +7 +MIT$", result.stdout, re.MULTILINE), (
        result.stdout
    )


def not_audio(path: Path) -> None:
    path.write_text("no music")


def empty(path: Path) -> None:
    write_audio(path, np.zeros((2, 0), np.float32), RATE)


def with_nan(path: Path) -> None:
    soundfile.write(path, np.full((10, 2), np.nan, np.float32), RATE, subtype="FLOAT")


def eight_channels(path: Path) -> None:
    write_audio(path, np.zeros((8, 100), np.float32), RATE)


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (not_audio, "UnreadableFileError: the file is not readable audio"),
        (empty, "TooShortError: nothing to separate"),
        (with_nan, "DataError: the song has samples that are NaN"),
        (eight_channels, "DataError: the song has more than two channels"),
    ],
)
def test_songs_that_are_none_are_refused(place: Path, tmp_path: Path, make: Any, complaint: str) -> None:
    song = tmp_path / "bad.wav"
    make(song)
    line = refused(place, tmp_path / "out", song, "--model", NAME)
    assert complaint in line
    assert str(song) in line
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("num_samples", "rate"), [(1, RATE), (1, 44_100), (20_000, 192_000)])
def test_unusual_songs_keep_their_length(place: Path, tmp_path: Path, num_samples: int, rate: int) -> None:
    song = tmp_path / "unusual.wav"
    write_audio(song, np.full((2, num_samples), 0.25, np.float32), rate)
    result = call(place, song, "--model", NAME, "--output", tmp_path / "out")
    assert result.exit_code == 0, result.output
    info = soundfile.info(tmp_path / "out" / "unusual" / "drums.wav")
    assert (info.frames, info.samplerate) == (num_samples, rate)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (
            ["--model", "open_unmix/tyni/0"],
            "ConfigurationError: there is no such separator .*open_unmix/tiny/0",
        ),
        (
            ["--stems", "vocals", "--model", NAME],
            "ConfigurationError: stems .*expected: drums, bass; found: vocals",
        ),
        (
            ["--format", "mp3", "--bits", "24", "--model", NAME],
            "ConfigurationError: mp3 files have other bits",
        ),
        (
            ["--template", "{track}", "--model", NAME],
            "ConfigurationError: the template of file names is wrong",
        ),
        (["--template", "{stem}/{song}", "--model", NAME], "fields: track, stem, model"),
    ],
)
def test_wrong_options_are_refused(place: Path, tmp_path: Path, arguments: list[str], complaint: str) -> None:
    assert re.search(complaint, refused(place, tmp_path / "out", place / "song.wav", *arguments))
    assert not (tmp_path / "out").exists()


def test_a_place_that_cannot_be_written_to_is_refused(place: Path, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    line = refused(place, tmp_path / "taken" / "out", place / "song.wav", "--model", NAME)
    assert "StorageError: the folder cannot be written to" in line


def test_a_full_disk_is_one_line(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(soundfile.SoundFile, "write", refuse)
    line = refused(place, tmp_path / "out", place / "song.wav", "--model", NAME)
    assert "StorageError: the disk is full" in line
    assert not (tmp_path / "out").exists()


def test_an_output_folder_that_cannot_go_does_not_hide_the_error(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder in which another file system is mounted is busy."""

    def busy(*_: object) -> None:
        raise OSError(errno.EBUSY, "Device or resource busy")

    monkeypatch.setattr(Path, "rmdir", busy)
    (tmp_path / "text.wav").write_bytes(b"no audio")
    result = call(place, tmp_path / "text.wav", "--model", NAME, "--output", tmp_path / "out")
    assert result.exit_code == 2
    assert "UnreadableFileError" in result.stderr


def test_a_gpu_that_is_not_there_is_refused(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    line = refused(place, tmp_path / "out", place / "song.wav", "--model", NAME, "--device", "cuda")
    assert "ConfigurationError: there is no GPU that torch can use (parameter: device" in line
    assert not (tmp_path / "out").exists()


def test_without_a_name_the_default_is_asked_for(place: Path, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("sep_pipeline.separation.lookup.SHIPPED", tmp_path / "nowhere")
    line = refused(place, tmp_path / "out", place / "song.wav")
    assert "MissingCheckpointError: no separator is named and the default one is not there" in line
    assert NAME in line


def test_a_song_must_be_named(place: Path) -> None:
    result = call(place)
    assert result.exit_code == 2
    assert "SONG is missing" in result.stderr


def test_choices_and_defaults_are_those_of_the_library() -> None:
    assert command.REFINEMENTS == REFINEMENTS
    assert set(SUBTYPES) == set(command.FORMATS)
    assert {int(bits) for bits in command.BITS} == {bits for choice in SUBTYPES.values() for bits in choice}
    defaults = {option.name: option.default for option in STANDALONE["separate"].params}
    assert defaults["template"] == TEMPLATE
    assert defaults["bits"] == str(DEFAULT_BITS)


def test_the_page_names_only_options_that_exist(project_path: Path) -> None:
    text = (project_path / "docs" / "pipelines" / "separate.md").read_text(encoding="utf-8")
    known = {option for parameter in STANDALONE["separate"].params for option in parameter.opts}
    lines = [
        line for line in text.splitlines() if "sep_pipeline separate" in line or line.startswith("| `--")
    ]
    named = {option for line in lines for option in re.findall(r"--[a-z-]+", line)}
    assert named == {option for option in known if option.startswith("--")}


def test_the_program_needs_neither_a_project_nor_kedro(place: Path, tmp_path: Path) -> None:
    program = (
        "import sys; from sep_pipeline.__main__ import main\n"
        "try: main()\n"
        "finally: sys.stderr.write(' '.join({'kedro', 'mlflow', 'pydantic', 'pandas'} & set(sys.modules)))"
    )
    arguments = ["separate", place / "song.wav", "--model", NAME, "--data-folder", place / "data"]
    result = subprocess.run(
        [sys.executable, "-c", program, *arguments], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    assert sorted(path.name for path in (tmp_path / "separated" / "song").iterdir()) == [
        "bass.wav",
        "drums.wav",
    ]
    assert "separate: 1 of 1 tracks (song)" in result.stderr
    assert result.stderr.endswith("\n")
