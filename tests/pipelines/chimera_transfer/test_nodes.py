"""Nodes of study 2 on made songs: what they refuse, and what they leave out and count."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sep_pipeline.audio.io import write_audio
from sep_pipeline.configuration.chimera_transfer import (
    ArmParameters,
    ChimeraEvaluationParameters,
    ConditionParameters,
    MixtureExampleParameters,
    MixtureParameters,
    NetworkParameters,
)
from sep_pipeline.configuration.data import StoreParameters
from sep_pipeline.configuration.execution import ExecutionParameters, ProcessParameters
from sep_pipeline.configuration.study import Cell
from sep_pipeline.datasets import Weights, Workspace
from sep_pipeline.errors import CheckpointMismatchError, ConfigurationError, NoInputError
from sep_pipeline.models.chimera import ChimeraConfig, ChimeraNet
from sep_pipeline.pipelines.chimera_transfer import nodes
from sep_pipeline.pipelines.chimera_transfer.mixtures import (
    ScoredExcerpt,
    excerpt_examples,
    scored_excerpt,
    training_mixtures,
)
from sep_pipeline.pipelines.chimera_transfer.scoring import score_network
from sep_pipeline.pipelines.chimera_transfer.statistics import model_scores
from sep_pipeline.pipelines.data.nodes import ingest_folder
from sep_pipeline.training.config import TrainingConfig

RATE = 16000
DUET = MixtureParameters(stores=("duets",), sources=("flute", "violin"))
EXAMPLES = MixtureExampleParameters(chunk_seconds=0.25, num_validation_mixtures=2)
EVALUATION = ChimeraEvaluationParameters(num_excerpts=6, excerpt_seconds=0.25)


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Three duets, one of them for the test, whose flute is silent in its second half."""
    folder = tmp_path_factory.mktemp("duets")
    time = np.arange(2 * RATE) / RATE
    for number, split in enumerate(("train", "train", "test")):
        song = folder / "songs" / split / f"song {number}"
        flute = 0.2 * np.sin(2 * np.pi * (700 + 50 * number) * time, dtype=np.float32)[None]
        flute[:, RATE:] *= split == "train"
        violin = 0.2 * np.sin(2 * np.pi * (300 + 50 * number) * time, dtype=np.float32)[None]
        for name, audio in (("flute", flute), ("violin", violin), ("mixture", flute + violin)):
            write_audio(song / f"{name}.wav", audio, RATE, subtype="FLOAT")
    parameters = StoreParameters.model_validate(
        {
            "name": "duets",
            "root": str(folder / "songs"),
            "layout": "track_folders",
            "stems": ["flute", "violin"],
            "sample_rate": RATE,
            "channels": 1,
            "splits": {"validation_share": 0},
        }
    )
    ingest_folder(parameters, ProcessParameters(num_processes=1))(folder / "store")
    return {"duets": folder / "store"}


def check(stores: dict[str, Path], **changes: Any) -> dict[str, Any]:
    mixture = DUET.model_copy(update=changes)
    return nodes.check_mixture(mixture, EXAMPLES, EVALUATION, True, **stores)


def test_a_check_counts_what_there_is(stores: dict[str, Path]) -> None:
    assert check(stores) == {
        "sources": ["flute", "violin"],
        "sample_rate": RATE,
        "train_tracks": 2,
        "test_tracks": 1,
    }


def test_a_set_with_other_sources_is_refused(stores: dict[str, Path]) -> None:
    with pytest.raises(NoInputError, match=r"cello.*found: flute, violin"):
        check(stores, sources=("cello", "flute", "violin"))


def test_a_group_with_a_missing_part_is_refused(stores: dict[str, Path]) -> None:
    with pytest.raises(ConfigurationError, match=r"part of the group violin.*found: viola"):
        check(stores, groups={"violin": ("violin", "viola")})


def test_a_held_out_part_that_is_not_there_is_refused(stores: dict[str, Path]) -> None:
    examples = EXAMPLES.model_copy(update={"validation_split": "validation"})
    with pytest.raises(NoInputError, match="no validation track"):
        nodes.check_mixture(DUET, examples, EVALUATION, True, **stores)


def test_incoherent_pretraining_draws_sources_one_by_one(stores: dict[str, Path]) -> None:
    def peaks(condition: ConditionParameters) -> set[tuple[int, int]]:
        drawn = training_mixtures(DUET, EXAMPLES, stores, batch_size=40, seed=0, condition=condition)
        spectra = np.abs(np.fft.rfft(drawn.batch(0).numpy()[:, :, 0]))
        hertz = np.rint(spectra.argmax(axis=-1) * 4 / 50).astype(int) * 50
        return {(int(flute), int(violin)) for flute, violin in hertz}

    assert peaks(ConditionParameters()) == {(700, 300), (750, 350)}
    assert peaks(ConditionParameters(incoherent=True)) == {(700, 300), (750, 350), (700, 350), (750, 300)}


def test_pitch_shift_moves_what_is_heard(stores: dict[str, Path]) -> None:
    octave = ConditionParameters(semitones=(12, 12))
    drawn = training_mixtures(DUET, EXAMPLES, stores, batch_size=4, seed=0, condition=octave)
    spectra = np.abs(np.fft.rfft(drawn.batch(0).numpy()[:, :, 0]))
    assert set(np.rint(spectra.argmax(axis=-1) * 4 / 100).astype(int).ravel() * 100) == {600, 700, 1400, 1500}


def test_excerpts_are_the_same_list_every_time(stores: dict[str, Path]) -> None:
    first, again = (
        [scored_excerpt(DUET, excerpt_examples(DUET, EVALUATION, stores), number) for number in range(6)]
        for _ in range(2)
    )
    for ours, theirs in zip(first, again, strict=True):
        assert ours.song == theirs.song == "song 2"
        np.testing.assert_array_equal(ours.sources, theirs.sources)


def test_silent_sources_are_left_out_of_the_score_and_counted() -> None:
    generator = np.random.default_rng(0)
    sources = generator.normal(0, 0.1, (2, 1, 4000)).astype(np.float32)
    silent = sources.copy()
    silent[0] = 0
    network = ChimeraNet(ChimeraConfig(num_sources=2, hidden_size=4, num_layers=1, dropout=0.0))
    excerpts = [
        ScoredExcerpt(0, "a", sources),
        ScoredExcerpt(1, "a", silent),
        ScoredExcerpt(2, "b", 0 * sources),
    ]
    rows = pd.DataFrame(score_network(network, excerpts, ("flute", "violin")))
    assert rows["si_sdr"].isna().tolist() == [False, False, True, False, True, True]
    scores = model_scores(rows.assign(arm="arm", seed=0, downstream="duets")).iloc[0]
    assert (scores["num_used"], scores["num_dropped"], scores["num_excerpts"]) == (3, 3, 2)


def fine_tuned(stores: dict[str, Path], folder: Path, pretrained: Weights) -> tuple[Weights, pd.DataFrame]:
    tracker = SimpleNamespace(
        log_parameters=lambda _: None, within=lambda _: SimpleNamespace(), end=lambda _: None
    )
    return nodes.train_downstream(
        mixture=DUET,
        examples=EXAMPLES,
        evaluation=EVALUATION,
        network=NetworkParameters(preset="compact"),
        training=TrainingConfig(num_steps=0, batch_size=2, optimizer="adam", ema_decay=None),
        arm=ArmParameters(pretrained_on="slakh", condition="none", downstream="duets", variant="whole"),
        cell=Cell(study="chimera_transfer", arm="tuned", stem="all", seed=0),
        execution=ExecutionParameters(device="cpu", precision="fp32"),
        trackers=SimpleNamespace(of=lambda **_: tracker),  # type: ignore[arg-type]
        checkpoints=Workspace(folder, "identity", {}),
        mixture_checked={},
        pretrained=pretrained,
        **stores,
    )


def weights_of(config: ChimeraConfig) -> Weights:
    return Weights(ChimeraNet(config, seed=7).state_dict(), {"config": json.dumps(asdict(config))})


def test_a_pretrained_network_of_other_sizes_is_refused(stores: dict[str, Path], tmp_path: Path) -> None:
    other = weights_of(ChimeraConfig(num_sources=2, hidden_size=16, num_layers=1, dropout=0.0))
    with pytest.raises(CheckpointMismatchError, match="pre-trained network of tuned"):
        fine_tuned(stores, tmp_path, other)
