"""`--env=paper`: the published settings in full size on a made MUSDB18-HQ tree and a made Jukebox checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from sep_pipeline.audio.io import write_audio
from sep_pipeline.errors import ConfigurationError
from sep_pipeline.models.vqvae import VQVAE, VQVAE_PRESETS
from sep_pipeline.models.vqvae.released import released_state_dict
from sep_pipeline.models.weights import load_weights

SAMPLE_RATE = 44100
SECONDS = 10
CELL = "pretrained.drums.seed_0"
STEPS = {"num_steps": 2, "batch_size": 1, "log_every_steps": 1, "checkpoint_every_steps": 1}


def write_tree(root: Path) -> Path:
    """Two training songs and a test song of noise and tones, longer than the published chunk of 8.9 s."""
    time = np.arange(SECONDS * SAMPLE_RATE) / SAMPLE_RATE
    for seed, name in enumerate(("train/A - One", "train/B - Two", "test/C - Three")):
        generator = np.random.default_rng(seed)
        total = np.zeros((2, len(time)), np.int16)
        for index, stem in enumerate(("drums", "bass", "other", "vocals")):
            tone = 2000 * np.sin(2 * np.pi * 110 * 2**index * time)
            samples = (tone + generator.normal(0, 500, total.shape)).astype(np.int16)
            write_audio(root / name / f"{stem}.wav", samples, SAMPLE_RATE)
            total += samples
        write_audio(root / name / "mixture.wav", total, SAMPLE_RATE)
    return root


def write_checkpoint(file: Path) -> Path:
    """A file like the released one: three levels, of which the first is full size, and names of replicas."""
    config = VQVAE_PRESETS["jukebox"]
    level_zero = released_state_dict(VQVAE(config, seed=5).state_dict(), config)
    others = {
        f"{part}.{level}.level_blocks.0.{rest}": torch.zeros(3)
        for level in (1, 2)
        for part, rest in (("encoders", "model.0.0.weight"), ("decoders", "model.0.weight"))
    }
    codes = {f"bottleneck.level_blocks.{level}.k": torch.zeros(4, 2) for level in (1, 2)}
    names = {**level_zero, **others, **codes}
    torch.save({"model": {f"module.{name}": tensor for name, tensor in names.items()}, "step": 1}, file)
    return file


@pytest.fixture(scope="module")
def paper(tmp_path_factory: pytest.TempPathFactory, project_type: Any) -> tuple[Any, dict[str, str]]:
    """A project in the published environment, with two steps instead of 80 001 and one chunk per step."""
    folder = tmp_path_factory.mktemp("paper")
    project = project_type(folder / "project", "paper")
    for phase, more in {"phase_one": {}, "phase_two": {"snapshot_steps": [1]}}.items():
        for block in ("defaults", "arms.scratch_as_published"):
            for name, value in {**STEPS, **more}.items():
                project.configure(f"jukebox_transfer.{block}.{phase}.training.{name}", value)
    given = {
        "musdb_root": str(write_tree(folder / "musdb18hq")),
        "weights": str(write_checkpoint(folder / "vqvae.pth.tar")),
    }
    return project, given


@pytest.fixture(scope="module")
def trained(paper: tuple[Any, dict[str, str]]) -> Any:
    """Both phases of one full-size cell, trained for two steps each on the published chunk length."""
    project, given = paper
    project.run(parameters=given, to_nodes=[f"{CELL}.train_phase_two"])
    return project


def test_the_full_size_graph_is_built(paper: tuple[Any, dict[str, str]]) -> None:
    project, given = paper
    with project.context(**given) as context:
        from kedro.framework.project import pipelines

        parameters = context.params["jukebox_transfer"]
        nodes = pipelines["jukebox_transfer"].nodes
    trainings = [node for node in nodes if node.name.endswith("train_phase_two")]
    assert len(trainings) == 5 * 4
    assert parameters["examples"].chunk_samples == 393216


@pytest.mark.parametrize("missing", ["musdb_root", "weights"])
def test_a_missing_path_is_refused_with_the_option_to_give(
    paper: tuple[Any, dict[str, str]], missing: str
) -> None:
    project, given = paper
    rest = {name: value for name, value in given.items() if name != missing}
    with pytest.raises(ConfigurationError, match=f"--params={missing}="):
        project.run(parameters=rest)


def test_two_full_size_steps_of_each_phase_are_taken(trained: Any) -> None:
    folder = trained.data / "06_models/jukebox_transfer/pretrained/seed_0/drums"
    for phase in ("phase_one", "phase_two"):
        curves = pd.read_parquet(folder / f"{phase}_curves.parquet")
        loss = curves[curves["name"] == "loss"]
        assert loss["step"].tolist() == [1, 2]
        assert np.isfinite(loss["value"]).all()


def test_training_starts_from_level_zero_and_moves_away(
    trained: Any, paper: tuple[Any, dict[str, str]]
) -> None:
    models = trained.data / "06_models" / "jukebox_transfer"
    start, origin = load_weights(models / "transferred.safetensors")
    assert "Jukebox level 0 (211 tensors, 6 of other levels ignored)" in origin["source"]
    released = torch.load(paper[1]["weights"], weights_only=True)["model"]
    codes = released["module.bottleneck.level_blocks.0.k"]
    torch.testing.assert_close(start["codebook.codes"], codes, rtol=0, atol=0)
    ends = [
        load_weights(models / f"pretrained/seed_0/drums/phase_{phase}.safetensors")[0]
        for phase in ("one", "two")
    ]
    moved = {name for name, tensor in start.items() if not torch.equal(tensor, ends[0][name])}
    assert any(name.startswith("encoder.") for name in moved)
    assert any(name.startswith("decoder.") for name in moved)
    in_phase_two = {name for name, tensor in ends[0].items() if not torch.equal(tensor, ends[1][name])}
    assert in_phase_two
    assert all(name.startswith("encoder.") for name in in_phase_two)


def test_nothing_is_rendered_or_copied(trained: Any) -> None:
    assert not (trained.data / "02_intermediate").exists()
    assert list((trained.data / "03_primary").rglob("*.wav")) == []
