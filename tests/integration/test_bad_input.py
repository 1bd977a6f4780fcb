"""What a user can get wrong: each ends before any training with an error that names the file or parameter."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from sep_pipeline.audio.io import write_audio
from sep_pipeline.errors import (
    CheckpointMismatchError,
    ConfigurationError,
    MissingCheckpointError,
    NoInputError,
    SepPipelineError,
    SilentStemError,
    SoundFontError,
    StemMismatchError,
    StorageError,
    TooShortError,
    TruncatedCheckpointError,
    UnreadableFileError,
)
from sep_pipeline.models.weights import load_weights, save_weights

RENDERING = "jukebox_transfer.defaults.data.rendering"
SAMPLE_RATE = 44100
SHIPPED_WEIGHTS = Path("src/sep_pipeline/weights/jukebox_compact/weights.safetensors")
Refused = Callable[..., SepPipelineError]


@pytest.fixture
def refused() -> Refused:
    """Run a project, expect an error of one kind and see that nothing was trained; gives the error."""

    def run(project: Any, kind: type[SepPipelineError], **parameters: Any) -> SepPipelineError:
        project.configure("enabled", False, file="mlflow.yml")
        with pytest.raises(kind) as caught:
            project.run(parameters=parameters)
        assert type(caught.value) is kind
        assert list(project.data.rglob("phase_*")) == []
        return caught.value

    return run


def with_own_songs(project: Any) -> Path:
    """Let the project render a folder of its own."""
    folder: Path = project.path / "songs"
    folder.mkdir()
    project.configure(f"{RENDERING}.midi_folder", str(folder))
    project.configure(f"{RENDERING}.song_list", None)
    return folder


def test_a_folder_without_midi(make_project: Any, refused: Refused) -> None:
    project = make_project()
    folder = with_own_songs(project)
    assert refused(project, NoInputError).file == folder


def test_an_unreadable_midi_file(make_project: Any, refused: Refused) -> None:
    project = make_project()
    file = project.path / "data/01_raw/midi/freedoom/d_read_m.mid"
    file.write_bytes(b"MThd no song")
    assert refused(project, UnreadableFileError).file == file


def test_a_missing_sound_font(make_project: Any, refused: Refused) -> None:
    project = make_project()
    project.configure(f"{RENDERING}.synthesis.sound_font", "/nowhere/piano.sf2")
    assert refused(project, SoundFontError).file == Path("/nowhere/piano.sf2")


def write_track(folder: Path, *, seconds: float = 1.0, seed: int = 0) -> None:
    generator = np.random.default_rng(seed)
    total = np.zeros((2, int(seconds * SAMPLE_RATE)), np.int16)
    for stem in ("drums", "bass", "other", "vocals"):
        samples = generator.integers(-3000, 3000, total.shape, dtype=np.int16)
        write_audio(folder / f"{stem}.wav", samples, SAMPLE_RATE)
        total += samples
    write_audio(folder / "mixture.wav", total, SAMPLE_RATE)


@pytest.fixture
def own_tracks(make_project: Any) -> tuple[Any, Path]:
    """A project that works on a folder in MUSDB18-HQ's layout, and that folder."""
    project = make_project()
    root = project.path / "musdb18hq"
    for seed, name in enumerate(("train/A - One", "train/B - Two", "test/C - Three")):
        write_track(root / name, seed=seed)
    data = {"name": "own", "layout": "musdb_hq", "root": str(root), "rendering": None, "grouping": None}
    project.configure(
        "jukebox_transfer.defaults.data", {**data, "validation_tracks": ["B - Two"], "stems": "auto"}
    )
    return project, root


def test_a_stem_of_another_length(own_tracks: tuple[Any, Path], refused: Refused) -> None:
    project, root = own_tracks
    file = root / "train/A - One/bass.wav"
    write_audio(file, np.full((2, 30000), 500, np.int16), SAMPLE_RATE)
    error = refused(project, StemMismatchError)
    assert "A - One" in str(error)
    assert "30000" in str(error)


def test_a_stem_of_another_rate(own_tracks: tuple[Any, Path], refused: Refused) -> None:
    project, root = own_tracks
    samples = np.random.default_rng(0).integers(-3000, 3000, (2, SAMPLE_RATE), dtype=np.int16)
    write_audio(root / "train/A - One/bass.wav", samples, 22050)
    error = refused(project, StemMismatchError)
    assert "A - One" in str(error)
    assert "22050" in str(error)


def test_a_stem_that_is_silent_everywhere(own_tracks: tuple[Any, Path], refused: Refused) -> None:
    project, root = own_tracks
    for track in (root / "train").iterdir():
        write_audio(track / "bass.wav", np.zeros((2, SAMPLE_RATE), np.int16), SAMPLE_RATE)
    error = refused(project, SilentStemError)
    assert "bass" in str(error)


def test_a_song_shorter_than_a_chunk(own_tracks: tuple[Any, Path], refused: Refused) -> None:
    project, root = own_tracks
    shutil.rmtree(root / "train/A - One")
    write_track(root / "train/A - One", seconds=0.1)
    error = refused(project, TooShortError)
    assert "A - One" in str(error)
    assert "8192" in str(error)


def test_a_missing_checkpoint(prepared_project: Any, refused: Refused) -> None:
    error = refused(prepared_project(), MissingCheckpointError, weights="/nowhere/vqvae.safetensors")
    assert error.file == Path("/nowhere/vqvae.safetensors")


@pytest.mark.parametrize("name", ["vqvae.safetensors", "vqvae.pth.tar"])
def test_a_truncated_checkpoint(
    prepared_project: Any, refused: Refused, project_path: Path, name: str
) -> None:
    project = prepared_project()
    file = project.path / name
    whole = project.path / "whole"
    if name.endswith("safetensors"):
        shutil.copy(project_path / SHIPPED_WEIGHTS, whole)
    else:
        torch.save({"model": {"weight": torch.zeros(1000)}}, whole)
    file.write_bytes(whole.read_bytes()[:-500])
    assert refused(project, TruncatedCheckpointError, weights=str(file)).file == file


def test_a_checkpoint_of_another_shape(prepared_project: Any, refused: Refused, project_path: Path) -> None:
    project = prepared_project()
    state, metadata = load_weights(project_path / SHIPPED_WEIGHTS)
    state["codebook.codes"] = state["codebook.codes"][:-1]
    file = project.path / "other.safetensors"
    save_weights(file, state, metadata=metadata)
    error = refused(project, CheckpointMismatchError, weights=str(file))
    assert error.file == file
    assert "codebook.codes" in str(error)


@pytest.mark.parametrize(
    ("parameters", "wrong", "nearest"),
    [
        ({"devise": "cpu"}, "devise", "device"),
        (
            {"jukebox_transfer": {"defaults": {"examples": {"chunk_sample": 4096}}}},
            "jukebox_transfer.defaults.examples.chunk_sample",
            "chunk_samples",
        ),
        (
            {"jukebox_transfer": {"arms": {"scratch": {"phase_two": {"training": {"learnin_rate": 0.1}}}}}},
            "jukebox_transfer.arms.scratch.phase_two.training.learnin_rate",
            "learning_rate",
        ),
    ],
    ids=["top", "nested", "arm"],
)
def test_a_mistyped_parameter(
    make_project: Any, refused: Refused, parameters: dict[str, Any], wrong: str, nearest: str
) -> None:
    error = refused(make_project(), ConfigurationError, **parameters)
    assert error.parameter == wrong
    assert nearest in str(error.expected)


def test_a_data_folder_that_cannot_be_written(make_project: Any, refused: Refused) -> None:
    project = make_project()
    (project.path / "blocked").write_text("a file, not a folder")
    project.configure("data_folder", "blocked/data", file="globals.yml")
    assert str(project.path / "blocked") in str(refused(project, StorageError))


def test_a_full_disk_during_a_checkpoint_keeps_the_one_before(
    prepared_project: Any, monkeypatch: pytest.MonkeyPatch, study: Any, content_of: Any
) -> None:
    """The disk fills at the second checkpoint of phase 1; once there is room the run goes on from the first."""
    project = prepared_project()
    node, cell = "scratch.bass.seed_0.train_phase_one", "06_models/jukebox_transfer/scratch/seed_0/bass"
    synchronise, writes = os.fsync, []

    def full(descriptor: int) -> None:
        if "checkpoint" in Path(f"/proc/self/fd/{descriptor}").resolve().name:
            writes.append(descriptor)
            if len(writes) > 1:
                raise OSError(errno.ENOSPC, "No space left on device")
        synchronise(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match="the disk is full") as caught:
        project.run(to_nodes=[node])
    checkpoint = project.data / cell / "phase_one_work" / "checkpoint.pt"
    assert caught.value.file == checkpoint
    assert list(project.data.rglob("*.partial*")) == []
    assert torch.load(checkpoint, weights_only=True)["num_updates"] == 2
    monkeypatch.undo()
    project.run(to_nodes=[node])
    weights = f"{cell}/phase_one.safetensors"
    assert content_of(project.data / weights) == content_of(study.data / weights)


def test_an_error_of_a_worker_process_marks_the_runs_as_failed(
    prepared_project: Any, mlflow_runs: Any
) -> None:
    from sep_pipeline.errors import NonFiniteLossError
    from sep_pipeline.runner import CellRunner

    project = prepared_project()
    project.configure("jukebox_transfer.arms.scratch.phase_one.training.learning_rate", 1.0e30)
    with pytest.raises(NonFiniteLossError):
        project.run(runner=CellRunner(2), to_nodes=["scratch.bass.seed_0.train_phase_two"])
    assert {run.info.status for run in mlflow_runs(project)} == {"FAILED"}
