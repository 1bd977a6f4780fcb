"""The main job on a folder of one's own, pointed at by `--params` alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sep_pipeline.audio.io import write_audio

RATE = 44100


@pytest.fixture
def own_songs(tmp_path: Path) -> Path:
    """Four songs of piano and rest without mixtures and splits, one of them at another rate."""
    root = tmp_path / "My songs"
    for number in range(4):
        rate = RATE // 2 if number == 3 else RATE
        time = np.arange(3 * rate) / rate
        piano = 0.2 * np.sin(2 * np.pi * 220 * 2 ** (number / 12) * time) * (1 + np.sin(4 * np.pi * time))
        rest = np.random.default_rng(number).normal(0, 0.05, (2, len(time)))
        write_audio(root / f"Song {number}" / "piano.wav", np.stack([piano, piano]), rate)
        write_audio(root / f"Song {number}" / "rest.wav", rest, rate)
    return root


def test_a_folder_of_piano_and_rest_runs_the_whole_study(make_project: Any, own_songs: Path) -> None:
    project = make_project()
    parameters = f"root={own_songs},data_folder=data/mine,jukebox_transfer.run.arms=pretrained"
    result = project.command("run", "--pipeline=jukebox_transfer", "--env=test", f"--params={parameters}")
    assert result.returncode == 0, result.stdout + result.stderr
    reports = project.path / "data/mine/08_reporting/jukebox_transfer"
    table = pd.read_csv(reports / "table_1.csv")
    ours = table[table["arm"] == "pretrained"]
    assert set(ours["stem"]) == {"piano", "rest", "total"}
    assert ours["value"].notna().all()
    assert table["published"].isna().all()
    assert not project.data.exists()


def test_drawn_mixtures_fed_by_a_worker_give_the_same_training_again(
    make_project: Any, own_songs: Path, content_of: Any
) -> None:
    examples = "jukebox_transfer.defaults.examples"
    drawn = f"{examples}.augmentation.mixing=incoherent,jukebox_transfer.run.arms=scratch"
    weights = []
    for num_workers in (0, 1):
        project = make_project(f"workers_{num_workers}")
        parameters = f"root={own_songs},{drawn},{examples}.num_workers={num_workers}"
        result = project.command(
            "run",
            "--pipeline=jukebox_transfer",
            "--env=test",
            "--to-outputs=jukebox_transfer.scratch.piano.seed_0.phase_two_weights",
            f"--params={parameters}",
        )
        assert result.returncode == 0, result.stdout + result.stderr
        (file,) = project.data.rglob("phase_two.safetensors")
        weights.append(content_of(file))
    assert weights[0] == weights[1]


def test_ingest_serves_as_a_checker(make_project: Any, own_songs: Path) -> None:
    project = make_project()
    (own_songs / "Song 1" / "rest.wav").write_text("no sound")
    result = project.command(
        "run", "--pipeline=ingest", "--env=test", f"--params=root={own_songs},stems=piano+rest"
    )
    assert result.returncode == 1
    (line,) = [line for line in result.stderr.splitlines() if line.startswith("Error: ")]
    assert line.startswith("Error: UnreadableFileError: track Song 1, stem rest: unreadable")
    assert str(own_songs / "Song 1" / "rest.wav") in line
    (fault_list,) = project.data.glob("03_primary/my_songs_*/faults.csv")
    faults = pd.read_csv(fault_list)
    assert set(zip(faults["track"], faults["kind"], strict=True)) == {
        ("Song 1", "unreadable"),
        ("Song 3", "rate_mismatch"),
    }


@pytest.mark.parametrize(
    ("parameters", "complaint"),
    [
        ("root=/nowhere/at/all", "NoInputError: there is no such folder"),
        ("root={songs},layout=track_folder", "ConfigurationError: there is no such layout"),
        ("root={songs},stems=piano+oboe+horn", "ConfigurationError: only one stem can be the rest"),
    ],
)
def test_a_wrong_option_is_named_at_once(
    make_project: Any, own_songs: Path, parameters: str, complaint: str
) -> None:
    result = make_project().command(
        "run", "--pipeline=ingest", "--env=test", f"--params={parameters.format(songs=own_songs)}"
    )
    assert result.returncode == 1
    assert f"Error: {complaint}" in result.stderr
