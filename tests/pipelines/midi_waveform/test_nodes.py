"""Nodes of study 5 on made songs: what is indexed, drawn, rendered, trained, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from sep_pipeline.configuration.execution import ExecutionParameters, ProcessParameters
from sep_pipeline.configuration.midi_waveform import ArmParameters
from sep_pipeline.configuration.study import ArmRun, Cell, RunParameters
from sep_pipeline.data.manifest import MIXTURE, read_manifest
from sep_pipeline.data.song_list import COLUMNS
from sep_pipeline.data.stem_store import store_tracks
from sep_pipeline.datasets import Workspace
from sep_pipeline.errors import NoInputError, TooShortError
from sep_pipeline.pipelines.data.store import read_stems
from sep_pipeline.pipelines.midi_waveform import nodes
from sep_pipeline.pipelines.midi_waveform.scoring import ABSENT_LEVEL
from sep_pipeline.separation import load_separator

RATE = 8000
STEMS = ("drums", "piano", "bass")
ARM = ArmParameters.model_validate(
    {
        "model": {"network": "wavenet", "preset": "tiny"},
        "loss": {"waveform": "mae"},
        "chunk_samples": 512,
        "training": {
            "num_steps": 4,
            "batch_size": 2,
            "optimizer": "adam",
            "warmup_steps": 0,
            "clip": "none",
            "ema_decay": None,
            "log_every_steps": 1,
            "evaluate_every_steps": 2,
        },
    }
)
CELL = Cell(study="midi_waveform", arm="mae", stem="all", seed=0)
EXECUTION = ExecutionParameters(device="cpu", precision="fp32")


def _index(corpus, folder):
    nodes.index_midi(corpus, ProcessParameters(num_processes=1))(folder)
    return json.loads((folder / "corpus.json").read_text())


def test_the_index_counts_what_cannot_be_used_with_its_name(midi_corpus: Path) -> None:
    index = json.loads((midi_corpus / "corpus.json").read_text())
    assert [song["file"] for song in index["songs"]] == [f"{number}.mid" for number in range(6)]
    assert index["rejections"] == [{"file": "broken.mid", "reason": "not readable MIDI"}]


def test_a_song_list_says_which_files_are_used(tmp_path: Path, corpus: Any) -> None:
    rows = [f"{number}.mid,{part},yes,0,,,," for number, part in enumerate(["pretrain", "train", "test"])]
    (tmp_path / "songs.csv").write_text("\n".join([",".join(COLUMNS), *rows]) + "\n")
    listed = corpus.model_copy(update={"song_list": tmp_path / "songs.csv", "parts": ("pretrain", "test")})
    index = _index(listed, tmp_path / "corpus")
    assert [song["file"] for song in index["songs"]] == ["0.mid", "2.mid"]
    assert index["rejections"] == []


def test_a_list_of_other_files_is_refused(tmp_path: Path, corpus: Any) -> None:
    (tmp_path / "songs.csv").write_text(",".join(COLUMNS) + "\nother.mid,train,yes,0,,,,\n")
    with pytest.raises(NoInputError, match="no listed MIDI file"):
        _index(corpus.model_copy(update={"song_list": tmp_path / "songs.csv"}), tmp_path / "corpus")


def test_the_check_says_what_the_study_works_on(checked: dict[str, Any]) -> None:
    assert (checked["train_songs"], checked["test_songs"]) == (3, 3)
    assert (checked["instruments"], checked["sample_rate"]) == (list(STEMS), RATE)
    assert len(checked["data_hash"]) == 12


def test_songs_with_too_few_of_the_instruments_are_refused(midi_corpus: Path, corpus: Any, pool: Any) -> None:
    other = corpus.model_copy(update={"instruments": ("guitar", "organ")})
    with pytest.raises(NoInputError, match="enough of the instruments"):
        nodes.check_inputs(midi_corpus, other, pool, RATE, {"samples_512": 512})


def test_chunks_shorter_than_a_spectrogram_are_refused(midi_corpus: Path, corpus: Any, pool: Any) -> None:
    with pytest.raises(TooShortError) as refusal:
        nodes.check_inputs(midi_corpus, corpus, pool, RATE, {"samples_512": 512, "samples_200": 200})
    assert (refusal.value.expected, refusal.value.found) == ("at least 201", 200)


def test_held_out_chunks_are_the_same_every_time_and_of_test_songs(
    midi_corpus: Path, corpus: Any, pool: Any, evaluation: Any, checked: Any
) -> None:
    drawn = [
        nodes.draw_held_out_chunks(midi_corpus, corpus, pool, evaluation, 512, checked).state["chunks"]
        for _ in range(2)
    ]
    assert drawn[0].shape == (4, 3, 1, 512)
    assert torch.equal(*drawn)
    # Songs differ in their notes, so that no chunk of a training is among these.
    config = pool.config(chunk_samples=512, sample_rate=RATE, batch_size=4, seed=0)
    with nodes.data.opened_pool(midi_corpus, corpus, pool, config, split="train") as examples:
        trained = torch.cat([examples.batch(step) for step in range(8)])
    mixtures, others = drawn[0].sum(1).flatten(1), trained.sum(1).flatten(1)
    assert not any(torch.equal(mixture, other) for mixture in mixtures for other in others)


def test_test_songs_are_a_store_in_which_absent_instruments_are_silent(stem_store: Path) -> None:
    manifest = read_manifest(stem_store / "tracks.parquet")
    assert set(manifest["split"]) == {"test"}
    assert set(manifest["set"]) == {"made"}
    tracks = store_tracks(stem_store, "test")
    assert len(tracks) == 3
    for track in tracks:
        assert track.stems == STEMS
        assert (track.sample_rate, track.num_frames, track.num_channels) == (RATE, 2 * RATE, 1)
        mixture, stems = read_stems(track, STEMS, None)
        np.testing.assert_array_equal(mixture, sum(stems.values()))
        assert stems["drums"].any()
        assert stems["bass"].any() == (int(track.track_id) % 2 == 0)
    silent = manifest[(manifest["peak"] == 0) & (manifest["stem"] != MIXTURE)]
    assert set(silent["stem"]) <= {"bass"}


def _train(tmp_path, midi_corpus, corpus, pool, evaluation, checked, arm=ARM):
    held_out = nodes.draw_held_out_chunks(midi_corpus, corpus, pool, evaluation, 512, checked)
    tracker = SimpleNamespace(
        log_parameters=lambda values: None, within=lambda phase: _Quiet(), end=lambda status: None
    )
    return nodes.train_separation(
        midi_corpus=midi_corpus,
        corpus=corpus,
        pool=pool,
        held_out_chunks=held_out,
        arm=arm,
        cell=CELL,
        execution=EXECUTION,
        trackers=SimpleNamespace(of=lambda **cell: tracker),
        checkpoints=Workspace(tmp_path / "models", "identity"),
        inputs_checked=checked,
    )


class _Quiet:
    def __getattr__(self, name):
        return lambda *values: None


@pytest.fixture
def trained(tmp_path, midi_corpus, corpus, pool, evaluation, checked):
    return _train(tmp_path, midi_corpus, corpus, pool, evaluation, checked)


def test_a_training_leaves_weights_curves_and_what_its_pool_said(tmp_path: Path, trained: Any) -> None:
    weights, curves = trained
    assert (weights.metadata["steps"], weights.metadata["source"]) == ("4", "random")
    assert json.loads(weights.metadata["config"])["num_sources"] == 3
    evaluated = curves[curves["name"].str.startswith("evaluation/")]
    assert sorted(evaluated["name"].unique()) == [
        f"evaluation/{name}" for name in ("difference", "loss", "mae", "mse", "spectrogram")
    ]
    assert sorted(evaluated["step"].unique()) == [2, 4]
    ends = curves[curves["step"] == 4].set_index("name")["value"]
    assert ends["seconds"] > 0
    assert 0 <= ends["data_wait_share"] <= 1
    assert ends["render_speed"] > 0
    assert list(tmp_path.glob("models/**/pool_ledger*"))


def test_arms_of_one_seed_hear_the_same_chunks(
    tmp_path, midi_corpus, corpus, pool, evaluation, checked, trained
) -> None:
    # A rate of next to nothing leaves the weights alone, so that the losses tell what was heard.
    still = ARM.model_copy(update={"training": _with_rate(1e-12)})
    squared = still.model_copy(update={"loss": type(ARM.loss)(waveform="mse")})
    losses = []
    for name, arm in {"one": still, "two": squared}.items():
        _, curves = _train(tmp_path / name, midi_corpus, corpus, pool, evaluation, checked, arm)
        losses.append(curves[curves["name"] == "loss"]["value"].to_numpy())
    again = _train(tmp_path / "three", midi_corpus, corpus, pool, evaluation, checked, still)[1]
    np.testing.assert_array_equal(again[again["name"] == "loss"]["value"], losses[0])
    assert (losses[1] < losses[0]).all()


def _with_rate(rate):
    import dataclasses

    return dataclasses.replace(ARM.training, learning_rate=rate)


@pytest.fixture
def separator(tmp_path: Path, trained: Any, checked: Any) -> Path:
    arm_run = ArmRun(study="midi_waveform", arm="mae", seed=0, stems=STEMS)
    nodes.assemble_separator(trained[0], ARM, arm_run, checked)(tmp_path / "separator")
    return tmp_path / "separator"


def test_the_separator_holds_the_trained_network(separator: Path, trained: Any, checked: Any) -> None:
    card = json.loads((separator / "separator.json").read_text())
    assert (card["model"], card["stems"], card["sample_rate"]) == ("wavenet", list(STEMS), RATE)
    assert (card["steps"], card["seed"], card["data_hash"]) == (4, 0, checked["data_hash"])
    network = load_separator(separator)._network
    assert all(torch.equal(value, trained[0].state[name]) for name, value in network.state_dict().items())


def test_absent_instruments_are_scored_by_their_level_alone(separator: Path, stem_store: Path) -> None:
    arm_run = ArmRun(study="midi_waveform", arm="mae", seed=0, stems=STEMS)
    scores = nodes.score_tracks(separator, stem_store, arm_run, EXECUTION)
    has_bass = {
        track.track_id: read_stems(track, ("bass",), None)[1]["bass"].any()
        for track in store_tracks(stem_store, "test")
    }
    for track, own in scores.groupby("track"):
        metrics = own.groupby("stem")["metric"].agg(set)
        assert metrics["drums"] == {"SDR whole song", "SI-SDR", "SNR"}
        assert metrics["bass"] == (metrics["drums"] if has_bass[track] else {ABSENT_LEVEL})


def test_floors_are_scored_once_per_seed(stem_store: Path) -> None:
    floors = nodes.score_floors(stem_store, RunParameters(arms=("mae",), seeds=(0, 1)), list(STEMS))
    sdr = floors[(floors["metric"] == "SDR whole song") & (floors["arm"] == "zero")]
    assert sdr["value"].to_numpy() == pytest.approx(0, abs=1e-6)
    share = floors[(floors["arm"] == "equal_share") & (floors["metric"] == ABSENT_LEVEL)]
    assert share["value"].to_numpy() == pytest.approx(-20 * np.log10(3), abs=1e-4)
    silence = floors[(floors["arm"] == "zero") & (floors["metric"] == ABSENT_LEVEL)]
    assert (silence["value"] == -100).all()
    pivot = floors.pivot(index=["arm", "track", "stem", "metric"], columns="seed", values="value")
    np.testing.assert_array_equal(pivot[0], pivot[1])


def test_the_mean_over_stems_stands_beside_the_scores(stem_store: Path) -> None:
    floors = nodes.score_floors(stem_store, RunParameters(arms=("mae",), seeds=(0,)), list(STEMS))
    songs, scores = nodes.collect_songs(floors)
    assert len(songs) == len(floors)
    share = scores[(scores["arm"] == "equal_share") & (scores["metric"] == "SNR")]
    for _, own in share.groupby("track"):
        stems = own[own["stem"] != "all"]["value"]
        assert own[own["stem"] == "all"]["value"].item() == pytest.approx(stems.mean())


def test_floors_have_the_losses_of_their_estimates(midi_corpus, corpus, pool, evaluation, checked) -> None:
    held_out = nodes.draw_held_out_chunks(midi_corpus, corpus, pool, evaluation, 512, checked)
    chunks = held_out.state["chunks"]
    found = nodes.measure_floors(held_out, 4, checked)
    assert found["zero"]["mae"] == pytest.approx(chunks.abs().mean().item())
    share = chunks.sum(1, keepdim=True) / 3
    assert found["equal_share"]["mse"] == pytest.approx((share - chunks).square().mean().item())
    assert found["equal_share"]["difference"] < 0
