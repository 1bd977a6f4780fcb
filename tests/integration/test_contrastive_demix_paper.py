"""Study 3 in `--env=paper`: two updates of each stage in full size on a made tree in MUSDB18-HQ's layout."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from sep_pipeline.audio.io import write_audio
from sep_pipeline.errors import UnnamedInputError
from sep_pipeline.models.weights import load_weights

SAMPLE_RATE = 44_100
SECONDS = 6
CELL = "pretrained_autoencoder.all.seed_0"
SONGS = ("train/A", "train/B", "train/C", "train/D", "test/E", "test/F")
HELD_OUT = ["C", "D"]
STEPS = {"num_steps": 2, "batch_size": 1, "log_every_steps": 1, "evaluate_every_steps": 2}
# What the sizes of a batch and of the lists cost is known; the networks and excerpts are those of the study.
LISTS = {
    "mixtures": {"num_validation_items": 1, "num_workers": 0},
    "triplets": {"num_validation_items": 1, "num_test_items": 1, "num_workers": 0},
}


def write_tree(root: Path) -> Path:
    """Songs of noise and tones, shorter than the fastest excerpt reads, as previews are."""
    time = np.arange(SECONDS * SAMPLE_RATE) / SAMPLE_RATE
    for seed, name in enumerate(SONGS):
        generator = np.random.default_rng(seed)
        total = np.zeros((2, len(time)), np.int16)
        for index, stem in enumerate(("drums", "bass", "other", "vocals")):
            tone = 2000 * np.sin(2 * np.pi * 110 * 2**index * time)
            samples = (tone + generator.normal(0, 500, total.shape)).astype(np.int16)
            write_audio(root / name / f"{stem}.wav", samples, SAMPLE_RATE)
            total += samples
        write_audio(root / name / "mixture.wav", total, SAMPLE_RATE)
    return root


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, project_type: Any) -> Any:
    """Both stages of one cell in full size, two updates each."""
    folder = tmp_path_factory.mktemp("paper")
    project = project_type(folder / "project", "paper", study="contrastive_demix")
    project.configure("contrastive_demix.defaults.data.validation_tracks", HELD_OUT)
    for stage in ("pretraining", "training"):
        for name, value in STEPS.items():
            project.configure(f"contrastive_demix.defaults.stages.{stage}.{name}", value)
    for block, values in LISTS.items():
        for name, value in values.items():
            project.configure(f"contrastive_demix.defaults.{block}.{name}", value)
    given = {"musdb_root": str(write_tree(folder / "musdb")), "layout": "musdb_hq"}
    project.run(parameters=given, to_nodes=[f"{CELL}.train_separation"])
    return project


def models(project: Any) -> Path:
    folder: Path = project.data / "06_models" / "contrastive_demix"
    return folder


def test_two_full_size_updates_of_each_stage_are_taken(trained: Any) -> None:
    for network, phase in (
        ("pretraining_triplets", "pretraining"),
        ("pretrained_autoencoder", "separation"),
    ):
        curves = pd.read_parquet(models(trained) / network / f"seed_0/all/{phase}_curves.parquet")
        loss = curves[curves["name"] == "loss"]
        assert loss["step"].tolist() == [1, 2]
        assert np.isfinite(curves["value"]).all()


def test_the_encoder_has_the_published_size_and_goes_on_learning(trained: Any) -> None:
    encoder = load_weights(models(trained) / "pretraining_triplets/seed_0/all/pretraining.safetensors")[0]
    assert sum(tensor.numel() for tensor in encoder.values()) == 14_750_765
    network = load_weights(models(trained) / "pretrained_autoencoder/seed_0/all/separation.safetensors")[0]
    assert all(not torch.equal(network[f"encoder.{name}"], tensor) for name, tensor in encoder.items())
    assert network["decoder.linear_2.weight"].shape == (576, 144)


def test_songs_are_held_out_by_name(trained: Any) -> None:
    manifest = pd.read_parquet(trained.data / "03_primary" / "musdb18_mono" / "tracks.parquet")
    by_split = manifest.groupby("split")["track"].agg(lambda tracks: sorted(set(tracks))).to_dict()
    assert by_split == {"train": ["A", "B"], "validation": HELD_OUT, "test": ["E", "F"]}


def test_a_set_that_is_not_named_is_refused_with_the_option_to_give(make_project: Any) -> None:
    with pytest.raises(UnnamedInputError, match="--params=musdb_root="):
        make_project("unnamed", "paper", study="contrastive_demix").run()
