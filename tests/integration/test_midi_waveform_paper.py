"""Study 5 in `--env=paper`: two updates of its networks in full size, on made songs and with smaller batches."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pretty_midi
import pytest

from sep_pipeline.errors import UnnamedInputError
from sep_pipeline.models.weights import load_weights

PARAMETERS = {"mae": 5_757_444, "mae_spectrogram": 5_757_444, "wave_unet": 10_263_080, "convolution": 474_904}
# The networks, chunks and losses are the study's; a whole batch of 12 takes a processor about 12 s.
STEPS = {"num_steps": 2, "batch_size": 1, "log_every_steps": 1, "evaluate_every_steps": 2}
SMALL = {"pool.pool_size": 1, "pool.workers": 0, "evaluation.num_chunks": 1}


def write_songs(folder: Path) -> Path:
    """Four songs of the study's instruments, a few seconds each."""
    folder.mkdir()
    for number in range(4):
        song = pretty_midi.PrettyMIDI()
        for program in (0, 33, 48):
            part = pretty_midi.Instrument(program)
            part.notes = [
                pretty_midi.Note(100, 40 + at % (3 + number), 0.5 * at, 0.5 * at + 0.4) for at in range(8)
            ]
            song.instruments.append(part)
        song.write(str(folder / f"{number}.mid"))
    return folder


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, project_type: Any) -> Any:
    folder = tmp_path_factory.mktemp("paper")
    project = project_type(folder / "project", "paper", study="midi_waveform")
    for name, value in STEPS.items():
        project.configure(f"midi_waveform.defaults.training.{name}", value)
    for name, value in SMALL.items():
        project.configure(f"midi_waveform.defaults.{name}", value)
    nodes = [f"{arm}.all.seed_0.train_separation" for arm in PARAMETERS]
    project.run(parameters={"midi_root": str(write_songs(folder / "midi"))}, to_nodes=nodes)
    return project


@pytest.mark.parametrize("arm", PARAMETERS)
def test_two_full_size_updates_are_taken(trained: Any, arm: str) -> None:
    folder = trained.data / "06_models" / "midi_waveform" / arm / "seed_0" / "all"
    curves = pd.read_parquet(folder / "separation_curves.parquet")
    assert curves[curves["name"] == "loss"]["step"].tolist() == [1, 2]
    assert np.isfinite(curves["value"]).all()
    weights, _ = load_weights(folder / "separation.safetensors")
    assert sum(tensor.numel() for tensor in weights.values()) == PARAMETERS[arm]


def test_chunks_have_the_study_s_length(trained: Any) -> None:
    folder = trained.data / "05_model_input" / "midi_waveform"
    shapes = {load_weights(path)[0]["chunks"].shape for path in folder.glob("held_out_samples_*.safetensors")}
    assert shapes == {(1, 4, 1, 4410), (1, 4, 1, 16_384)}


def test_a_corpus_that_is_not_named_is_refused_with_the_option_to_give(make_project: Any) -> None:
    with pytest.raises(UnnamedInputError, match="--params=midi_root="):
        make_project("unnamed", "paper", study="midi_waveform").run()
