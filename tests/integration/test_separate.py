"""`separate` with the separators of finished studies, as a user runs it: pipeline and command alike."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sep_pipeline.audio.io import audio_info, read_audio, write_audio
from sep_pipeline.separation import load_separator, separate
from sep_pipeline.separation.lookup import find_separator, known_separators

RATE = 44_100
ARM = "jukebox_transfer/pretrained/0"


@pytest.fixture
def project(study: Any, make_project: Any) -> Any:
    """A project with the trained separators of study 1, and two songs."""
    made = make_project().with_data_of(study, "06_models")
    for seed, name in enumerate(("one.flac", "album/two.wav")):
        noise = np.random.default_rng(seed).uniform(-0.5, 0.5, (2, 30_001 + seed)).astype(np.float32)
        write_audio(made.path / "songs" / name, noise, RATE)
    return made


def separated(project: Any, *more: str) -> Any:
    parameters = ",".join(["input=songs", f"model={ARM}", "precision=fp32", *more])
    return project.command("run", "--pipeline=separate", "--env=test", f"--params={parameters}")


def test_pipeline_and_command_give_what_the_separator_gives(project: Any) -> None:
    result = separated(project, "separate.files.bits=32")
    assert result.returncode == 0, result.stdout + result.stderr
    out = project.data / "07_model_output" / "separate"
    model = find_separator(ARM, project.data / "06_models")
    separator = load_separator(model)
    for song in (project.path / "songs" / "one.flac", project.path / "songs" / "album" / "two.wav"):
        expected = separate(separator, *read_audio(song), channels="per_channel")
        folder = out / song.relative_to(project.path / "songs").with_suffix("")
        for stem, estimate in zip(separator.stems, expected, strict=True):
            found, _ = read_audio(folder / f"{stem}.wav")
            np.testing.assert_allclose(found, estimate, rtol=0, atol=1e-5)
    command = [sys.executable, "-m", "sep_pipeline", "separate", "songs", "--model", ARM, "--bits", "32"]
    command += ["--data-folder", str(project.data), "--output", "stems", "--jobs", "2"]
    done = subprocess.run(command, cwd=project.path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for path in out.rglob("*.wav"):
        other, _ = read_audio(project.path / "stems" / path.relative_to(out))
        np.testing.assert_allclose(other, read_audio(path)[0], rtol=0, atol=1e-5)


def test_only_what_has_changed_is_separated_again(project: Any) -> None:
    assert separated(project).returncode == 0
    assert "Everything is up to date" in separated(project).stdout
    out = project.data / "07_model_output" / "separate"
    before = (out / "one" / "drums.wav").stat().st_mtime_ns
    write_audio(project.path / "songs" / "album" / "two.wav", np.zeros((1, 20_000), np.float32), RATE)
    again = separated(project)
    assert again.returncode == 0, again.stderr
    assert "1 of 2 songs are finished already" in again.stdout
    assert (out / "one" / "drums.wav").stat().st_mtime_ns == before
    info = audio_info(out / "album" / "two" / "drums.wav")
    assert (info.num_frames, info.num_channels) == (20_000, 1)


def test_faults_are_one_line(project: Any) -> None:
    (project.path / "songs" / "three.mp3").write_text("no music")
    result = separated(project)
    assert result.returncode == 1
    (line,) = [line for line in result.stderr.splitlines() if line.startswith("Error: ")]
    assert "1 of 3 songs could not be separated" in line
    assert "three.mp3" in line
    assert "Traceback" not in result.stdout + result.stderr


@pytest.mark.parametrize("name", ["open_unmix", "chimera_transfer", "contrastive_demix"])
def test_separators_of_every_study_take_any_song(
    request: pytest.FixtureRequest, tmp_path: Path, name: str
) -> None:
    from sep_pipeline.separation.songs import SongOptions, separate_songs

    models = request.getfixturevalue(name).data / "06_models"
    known = next(iter(known_separators(models)))
    assert known.name.startswith(f"{name}/")
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, (2, 50_021)).astype(np.float32)
    write_audio(tmp_path / "song.wav", noise, 48_000, subtype="PCM_16")
    options = SongOptions(refine="wiener", bits=24)
    (result,) = separate_songs(tmp_path / "song.wav", tmp_path / "out", known.folder, options=options)
    assert set(result.files) == set(known.card.stems)
    for path in result.files.values():
        info = audio_info(path)
        assert (info.num_frames, info.sample_rate, info.num_channels) == (50_021, 48_000, 2)
    assert result.sum_error < 1e-4
