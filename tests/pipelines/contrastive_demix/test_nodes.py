"""Nodes of study 3 on made songs: what they refuse, what is drawn, and what is trained from what."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from sep_pipeline.audio.io import write_audio
from sep_pipeline.audio.loudness import integrated_loudness
from sep_pipeline.configuration.contrastive_demix import (
    ArmParameters,
    DrawingParameters,
    NetworkParameters,
    TripletParameters,
)
from sep_pipeline.configuration.data import StoreParameters
from sep_pipeline.configuration.execution import ExecutionParameters, ProcessParameters
from sep_pipeline.configuration.study import Cell
from sep_pipeline.datasets import Weights, Workspace
from sep_pipeline.errors import CheckpointMismatchError, NoInputError, SilentStemError
from sep_pipeline.models.deep_demix import Encoder, MaskModel, encoder_preset, mask_network_preset
from sep_pipeline.pipelines.contrastive_demix import nodes
from sep_pipeline.pipelines.contrastive_demix.examples import held_out_triplets, training_mixtures
from sep_pipeline.pipelines.data.nodes import ingest_folder
from sep_pipeline.training.config import TrainingConfig

RATE = 16000
STEMS = ("flute", "horn", "violin")
SPLITS = ("train", "train", "validation", "validation", "test", "test")
NETWORK = NetworkParameters(preset="compact")
MIXTURES = DrawingParameters(num_validation_items=2, reference_lufs=(-30, -10))
TRIPLETS = TripletParameters(num_validation_items=2, num_test_items=3, reference_lufs=(-20, -20))
PRETRAININGS = {"triplets": {}, "published": {"rule": "published"}}
MakeStore = Callable[..., Path]


@pytest.fixture(scope="module")
def make_store(tmp_path_factory: pytest.TempPathFactory) -> MakeStore:
    """Six songs of three tones in the given splits, in which some stems can be silent from a song on."""

    def make(splits: tuple[str, ...] = SPLITS, silent: dict[str, int] | None = None) -> Path:
        folder = tmp_path_factory.mktemp("songs")
        time = np.arange(3 * RATE) / RATE
        for number, split in enumerate(splits):
            total = np.zeros((1, len(time)), np.float32)
            for index, stem in enumerate(STEMS):
                hertz = 300 * (index + 1) + 10 * number
                tone = 0.2 * np.sin(2 * np.pi * hertz * time, dtype=np.float32)[None]
                tone *= number < (silent or {}).get(stem, len(splits))
                write_audio(
                    folder / "songs" / split / f"{number}" / f"{stem}.wav", tone, RATE, subtype="FLOAT"
                )
                total += tone
            write_audio(folder / "songs" / split / f"{number}" / "mixture.wav", total, RATE, subtype="FLOAT")
        parameters = StoreParameters.model_validate(
            {
                "name": "tones",
                "root": str(folder / "songs"),
                "layout": "track_folders",
                "stems": list(STEMS),
                "sample_rate": RATE,
                "channels": 1,
                "splits": {"validation_share": 0},
            }
        )
        ingest_folder(parameters, ProcessParameters(num_processes=1))(folder / "store")
        return folder / "store"

    return make


@pytest.fixture(scope="module")
def store(make_store: MakeStore) -> Path:
    return make_store()


def check(store: Path, *pretrainings: str) -> dict[str, Any]:
    return nodes.check_inputs(store, NETWORK, MIXTURES, TRIPLETS, PRETRAININGS, list(pretrainings))


def test_a_check_counts_what_there_is(store: Path) -> None:
    assert check(store, "triplets", "published") == {
        "train_tracks": 2,
        "validation_tracks": 2,
        "test_tracks": 2,
        "stems": list(STEMS),
        "sample_rate": RATE,
        "chunk_samples": 32_000,
    }


def test_a_stem_that_sounds_in_one_song_stops_before_any_training(make_store: MakeStore) -> None:
    quiet = make_store(silent={"horn": 1})
    with pytest.raises(SilentStemError, match=r"horn is loud.*found: 1 of 2 songs"):
        check(quiet, "triplets")


def test_silence_of_songs_kept_aside_stops_before_any_training_too(make_store: MakeStore) -> None:
    with pytest.raises(SilentStemError, match=r"violin.*found: 1 of 2 songs"):
        check(make_store(silent={"violin": 5}), "published")


def test_one_song_for_validation_has_no_triplets(make_store: MakeStore) -> None:
    few = make_store(("train", "train", "validation", "test", "test"))
    with pytest.raises(NoInputError, match="come from different songs, but only one has flute"):
        check(few, "triplets")


def test_without_a_pretraining_one_song_a_split_is_enough(make_store: MakeStore) -> None:
    assert check(make_store(("train", "validation", "test")))["train_tracks"] == 1


def test_a_split_without_songs_is_refused(make_store: MakeStore) -> None:
    with pytest.raises(NoInputError, match="no validation track"):
        check(make_store(("train", "train", "test")))


def test_mixtures_are_coherent_levelled_and_the_same_in_every_pass(store: Path) -> None:
    few = MIXTURES.model_copy(update={"num_items": 4})
    drawn = training_mixtures(store, few, 32_000, batch_size=2, seed=0)
    first, again = (drawn.batch(step).numpy() for step in (0, 2))
    np.testing.assert_array_equal(first, again)
    spectra = np.abs(np.fft.rfft(first[:, :, 0]))
    songs = np.rint(spectra.argmax(axis=-1) / 2 - 300 * np.arange(1, 4)) // 10
    assert (songs == songs[:, :1]).all()
    loudness = [integrated_loudness(stem, RATE) for sources in first for stem in sources]
    assert -35.5 < min(loudness) <= max(loudness) < -4.5


def test_held_out_triplets_are_the_same_for_every_training_and_split_by_songs(store: Path) -> None:
    by_split = {
        split: [
            held_out_triplets(store, TRIPLETS, 32_000, split=split).item(number).track_ids
            for number in (0, 1)
        ]
        for split in ("validation", "test")
    }
    assert {song for ids in by_split["validation"] for song in ids} <= {"2", "3"}
    assert {song for ids in by_split["test"] for song in ids} <= {"4", "5"}


@pytest.fixture
def untrained(store: Path, tmp_path: Path) -> Callable[..., Weights]:
    """The weights from which an arm of seed 3 starts: those of a training without updates."""
    silent = SimpleNamespace(on_end=lambda _: None)
    tracker = SimpleNamespace(log_parameters=lambda _: None, within=lambda _: silent, end=lambda _: None)

    def made(arm: ArmParameters, pretrained: Weights | None = None) -> Weights:
        return nodes.train_separation(
            stem_store=store,
            network=NETWORK,
            mixtures=MIXTURES,
            training=TrainingConfig(num_steps=0, batch_size=2, optimizer="adam", ema_decay=None),
            arm=arm,
            cell=Cell(study="contrastive_demix", arm="arm", stem="all", seed=3),
            execution=ExecutionParameters(device="cpu", precision="fp32"),
            trackers=SimpleNamespace(of=lambda **_: tracker),  # type: ignore[arg-type]
            checkpoints=Workspace(tmp_path / str(pretrained is None), "identity", {}),
            inputs_checked={"stems": list(STEMS), "chunk_samples": 32_000, "sample_rate": RATE},
            pretrained=pretrained,
        )[0]

    return made


AUTOENCODER = ArmParameters(model="autoencoder")


def test_the_plain_autoencoder_starts_from_its_seed(untrained: Callable[..., Weights]) -> None:
    expected = mask_network_preset("autoencoder", "compact", num_sources=3, seed=3).state_dict()
    state = untrained(AUTOENCODER).state
    assert all(torch.equal(state[name], tensor) for name, tensor in expected.items())


@pytest.mark.parametrize("model", ["autoencoder", "mask_network"])
def test_a_pretrained_one_differs_in_its_encoder_alone(
    untrained: Callable[..., Weights], model: MaskModel
) -> None:
    encoder = Encoder(encoder_preset("compact"), seed=8).state_dict()
    plain = untrained(ArmParameters(model=model)).state
    arm = ArmParameters(model=model, pretraining="triplets")
    weights = untrained(arm, Weights(encoder, {}))
    assert weights.metadata["source"] == "triplets"
    for name, tensor in weights.state.items():
        part, _, rest = name.partition(".")
        assert torch.equal(tensor, encoder[rest] if part == "encoder" else plain[name]), name


def test_an_encoder_of_other_sizes_is_refused(untrained: Callable[..., Weights]) -> None:
    encoder = Encoder(encoder_preset("compact"), seed=8).state_dict()
    other = {name: tensor[:1] for name, tensor in encoder.items()}
    with pytest.raises(CheckpointMismatchError, match="pre-trained encoder of arm"):
        untrained(AUTOENCODER, Weights(other, {}))
