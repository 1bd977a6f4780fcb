"""One finished run of study 3 in `conf/test`: what it leaves behind, and that it agrees with itself."""

from __future__ import annotations

import itertools
import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from sep_pipeline.models.weights import load_weights
from sep_pipeline.scoring.methods import separators_below
from sep_pipeline.separation import load_separator

PRETRAININGS = {
    "pretrained_autoencoder": "triplets",
    "published_triplets": "published_triplets",
    "supervised_contrastive": "supervised_contrastive",
    "pretrained_mask_network": "triplets",
}
MODELS = {
    "baseline": "deep_demix_baseline",
    "mask_network": "deep_demix_mask_network",
    "pretrained_mask_network": "deep_demix_mask_network",
}
ARMS = ["baseline", "autoencoder", "mask_network", *PRETRAININGS]
ENCODERS = list(dict.fromkeys(PRETRAININGS.values()))
FLOORS = ["zero", "scaled_mixture"]
STEMS = ["drums", "bass", "guitar", "other"]
SEEDS = [0, 1]
UPDATES = 4


def table(project: Any, number: int) -> pd.DataFrame:
    return pd.read_csv(project.reports / f"table_{number}.csv")


def state(project: Any, network: str, phase: str, seed: int = 0) -> dict[str, Any]:
    folder = project.data / "06_models/contrastive_demix" / network / f"seed_{seed}" / "all"
    return load_weights(folder / f"{phase}.safetensors")[0]


@pytest.fixture
def songs(contrastive_demix: Any) -> pd.DataFrame:
    return pd.read_parquet(contrastive_demix.reports / "song_scores.parquet")


@pytest.fixture
def curves(contrastive_demix: Any) -> pd.DataFrame:
    return pd.read_parquet(contrastive_demix.reports / "curves.parquet")


def test_every_output_is_there_and_fresh(contrastive_demix: Any) -> None:
    assert contrastive_demix.stale() == {}


def test_a_second_run_changes_no_file_and_prints_the_tables(
    contrastive_demix: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    before = contrastive_demix.times()
    contrastive_demix.run()
    assert contrastive_demix.times() == before
    printed = capsys.readouterr().out
    assert all(f"Study 3, table {number}" in printed for number in (1, 2, 3))
    assert "SDR: pretrained_autoencoder minus autoencoder" in printed


def test_every_pretraining_is_trained_once_per_seed(contrastive_demix: Any) -> None:
    folder = contrastive_demix.data / "06_models" / "contrastive_demix"
    found = sorted(path.name.removeprefix("pretraining_") for path in folder.glob("pretraining_*"))
    assert found == sorted(ENCODERS)
    assert len(list(folder.glob("*/seed_*/all/pretraining.safetensors"))) == len(found) * len(SEEDS)


def test_a_further_arm_of_a_known_pretraining_needs_its_own_training_alone(
    contrastive_demix: Any, with_data: Any
) -> None:
    project = with_data(contrastive_demix, *(path.name for path in contrastive_demix.data.iterdir()))
    project.configure("contrastive_demix.arms.drums_only", {"pretraining": "triplets", "only_stem": "drums"})
    project.configure("contrastive_demix.run.arms", [*ARMS, "drums_only"])
    new = {name for name in project.stale() if name.rpartition(".")[2].startswith("train_")}
    assert new == {f"drums_only.all.seed_{seed}.train_separation" for seed in SEEDS}


def test_all_arms_have_equal_updates_of_separation(curves: pd.DataFrame) -> None:
    separation = curves[(curves["phase"] == "separation") & (curves["name"] == "loss")]
    steps = separation.groupby(["arm", "seed"])["step"].agg(list)
    assert sorted(steps.index) == sorted(itertools.product(ARMS, SEEDS))
    assert all(found == list(range(1, UPDATES + 1)) for found in steps)


def test_held_out_loss_accuracy_and_norm_are_followed(curves: pd.DataFrame) -> None:
    own = curves[curves["arm"] == "pretraining_triplets"]
    for name in ("loss", "triplet_loss", "accuracy", "embedding_norm"):
        followed = own[own["name"] == f"evaluation/{name}"]
        assert sorted(followed["step"]) == [2, 2, 4, 4]
        assert np.isfinite(followed["value"]).all()


def test_seeds_begin_and_end_differently(contrastive_demix: Any) -> None:
    first, second = (state(contrastive_demix, "pretraining_triplets", "pretraining", seed) for seed in SEEDS)
    assert not torch.equal(first["final_linear.weight"], second["final_linear.weight"])


def test_objectives_and_rules_lead_to_other_encoders(contrastive_demix: Any) -> None:
    ends = [
        state(contrastive_demix, f"pretraining_{name}", "pretraining")["final_linear.weight"]
        for name in ENCODERS
    ]
    assert not any(torch.equal(one, other) for one, other in itertools.combinations(ends, 2))


@pytest.mark.parametrize("arm", ARMS)
def test_a_separator_says_what_it_is(contrastive_demix: Any, arm: str) -> None:
    folder = contrastive_demix.data / "06_models/contrastive_demix" / arm / "seed_1" / "separator"
    card = json.loads((folder / "separator.json").read_text())
    model = MODELS.get(arm, "deep_demix")
    assert (card["model"], card["stems"], card["sample_rate"]) == (model, STEMS, 16000)
    assert (card["seed"], card["steps"], card["channels"]) == (1, UPDATES, 1)
    assert card["metadata"]["weights"] == PRETRAININGS.get(arm, "random")
    assert [path.name for path in folder.glob("*.safetensors")] == ["weights.safetensors"]


@pytest.mark.parametrize("arm", ["baseline", "pretrained_autoencoder", "mask_network"])
def test_the_separator_gives_the_stored_scores_again(
    contrastive_demix: Any, songs: pd.DataFrame, arm: str
) -> None:
    from sep_pipeline.data.stem_store import store_tracks
    from sep_pipeline.metrics.whole_track import si_sdr
    from sep_pipeline.pipelines.data.store import read_stems

    store = contrastive_demix.data / "03_primary" / "demix_rendered"
    separator = load_separator(
        contrastive_demix.data / "06_models/contrastive_demix" / arm / "seed_0" / "separator"
    )
    for split in ("train", "test"):
        track = store_tracks(store, split)[0]
        mixture, references = read_stems(track, STEMS, 1)
        estimates = separator.separate(mixture)
        own = songs[
            (songs["arm"] == arm)
            & (songs["seed"] == 0)
            & (songs["split"] == split)
            & (songs["metric"] == "SI-SDR")
            & (songs["track"] == track.track_id)
        ].set_index("stem")["value"]
        for stem, estimate in zip(STEMS, estimates, strict=True):
            assert own[stem] == pytest.approx(si_sdr(references[stem], estimate), abs=1e-4, nan_ok=True)


def test_songs_of_both_splits_are_scored_by_every_definition(songs: pd.DataFrame) -> None:
    trained = songs[songs["arm"].isin(ARMS)]
    per_split = trained.groupby("split")["track"].nunique()
    assert per_split.to_dict() == {"test": 2, "train": 1}
    assert {"SDR", "SI-SDR", "SNR", "SD-SDR"} <= set(trained["metric"])
    assert set(songs[songs["arm"].isin(FLOORS)]["split"]) == {"test"}


def test_table_1_is_the_mean_over_songs_stems_and_seeds(contrastive_demix: Any, songs: pd.DataFrame) -> None:
    rows = table(contrastive_demix, 1)
    means = rows[rows["aggregation"] == "mean over songs"].set_index(["split", "arm", "metric", "stem"])
    for split, arm in itertools.product(("train", "test"), ARMS):
        own = songs[(songs["arm"] == arm) & (songs["split"] == split) & (songs["metric"] == "SNR")]
        expected = own.groupby(["stem", "seed"])["value"].mean().groupby("stem").mean().mean()
        assert means.loc[(split, arm, "SNR", "total"), "value"] == pytest.approx(expected, abs=1e-9)
    assert means.loc[("test", "autoencoder", "SDR", "total"), "published"] == 0.98
    assert means.loc[("train", "pretrained_autoencoder", "SI-SDR", "bass"), "published"] == 1.96


def test_table_2_has_every_pretraining_and_an_encoder_that_learnt_nothing(contrastive_demix: Any) -> None:
    rows = table(contrastive_demix, 2).set_index("pretraining")
    assert rows.index.tolist() == ["untrained", *ENCODERS]
    assert rows["updates"].tolist() == [0, UPDATES, UPDATES, UPDATES]
    assert rows["accuracy"].between(0, 1).all()
    assert (rows["collapse_loss"] == 1).all()
    assert rows["validation_triplet_loss"].isna().tolist() == [True, False, False, False]


def test_table_3_has_the_gain_of_pretraining_with_its_interval(contrastive_demix: Any) -> None:
    rows = table(contrastive_demix, 3).set_index(["metric", "arm", "baseline", "stem"])
    for metric, printed in (("SDR", 0.44), ("SI-SDR", 0.49)):
        row = rows.loc[(metric, "pretrained_autoencoder", "autoencoder", "total")]
        assert row["published"] == printed
        assert row["low"] <= row["difference"] <= row["high"]
        assert (row["num_tracks"], row["num_seeds"]) == (2, 2)
        assert ("pretrained_mask_network", "mask_network") in rows.loc[metric].index.droplevel("stem")


def test_embeddings_are_those_of_the_test_songs(contrastive_demix: Any) -> None:
    embeddings = pd.read_parquet(contrastive_demix.reports / "embeddings.parquet")
    manifest = pd.read_parquet(contrastive_demix.data / "03_primary/demix_rendered/tracks.parquet")
    assert set(embeddings["track"]) <= set(manifest[manifest["split"] == "test"]["track"])
    drawn = embeddings.groupby(["pretraining", "seed"])[["triplet", "role", "stem", "track"]]
    lists = {tuple(map(tuple, own.to_numpy())) for _, own in drawn}
    assert len(lists) == 1
    assert sum(str(name).startswith("dimension_") for name in embeddings.columns) == 32


@pytest.mark.parametrize("name", ["pretraining", "separation", "embeddings", "spectrograms"])
def test_figures_show_something(contrastive_demix: Any, name: str) -> None:
    from matplotlib.image import imread

    pixels = imread(contrastive_demix.reports / f"figure_{name}.png")
    assert min(pixels.shape[:2]) > 200
    assert pixels[..., :3].std() > 0.05


def test_mlflow_has_one_finished_run_per_network_and_one_for_the_study(
    contrastive_demix: Any, mlflow_runs: Any, songs: pd.DataFrame
) -> None:
    runs = mlflow_runs(contrastive_demix)
    cells = {
        (run.data.tags["arm"], int(run.data.tags["seed"])): run
        for run in runs
        if run.data.tags["kind"] == "cell"
    }
    networks = [*ARMS, *(f"pretraining_{name}" for name in ENCODERS)]
    assert sorted(cells) == sorted(itertools.product(networks, SEEDS))
    assert len(runs) == len(cells) + 1
    assert {run.info.status for run in runs} == {"FINISHED"}
    own = songs[(songs["arm"] == "autoencoder") & (songs["seed"] == 0) & (songs["split"] == "test")]
    expected = own[own["metric"] == "SNR"].groupby("track")["value"].mean().mean()
    assert cells["autoencoder", 0].data.metrics["final/SNR"] == pytest.approx(expected, abs=1e-9)


def test_the_leaderboard_of_study_1_finds_the_models(contrastive_demix: Any) -> None:
    found = separators_below(contrastive_demix.data / "06_models", tuple(STEMS))
    assert {method.name for method in found} == {f"contrastive_demix {arm}" for arm in ARMS}
