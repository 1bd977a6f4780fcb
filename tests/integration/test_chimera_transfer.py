"""One finished run of study 2 in `conf/test`: what it leaves behind, and that it agrees with itself."""

from __future__ import annotations

import itertools
import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sep_pipeline.models.weights import load_weights
from sep_pipeline.scoring.methods import separators_below
from sep_pipeline.separation import load_separator

SCRATCH = [f"{name}_scratch" for name in ("bach10", "choirset", "remixpacks")]
TUNED = [
    f"tuned_{name}_slakh_none_{variant}"
    for name in ("bach10", "choirset", "remixpacks")
    for variant in ("whole", "mask")
]
UNION = ["tuned_bach10_both_none_whole", "tuned_bach10_both_incoherent_whole"]
ARMS = [*SCRATCH, *TUNED, *UNION]
PRETRAININGS = [
    "pretraining_slakh_none",
    "pretraining_musdb_slakh_none",
    "pretraining_musdb_slakh_incoherent",
]
SOURCES = {
    "bach10": ["bassoon", "clarinet", "saxophone", "violin"],
    "choirset": ["female", "male"],
    "remixpacks": ["cymbals", "kick", "snare"],
}
SEEDS = [0, 1]
NUM_EXCERPTS = 8


def table(project: Any, number: int) -> pd.DataFrame:
    return pd.read_csv(project.reports / f"table_{number}.csv", keep_default_na=number == 3)


def state(project: Any, arm: str, phase: str, seed: int = 0) -> dict[str, Any]:
    folder = project.data / "06_models/chimera_transfer" / arm / f"seed_{seed}" / "all"
    return load_weights(folder / f"{phase}.safetensors")[0]


@pytest.fixture
def excerpts(chimera_transfer: Any) -> pd.DataFrame:
    return pd.read_parquet(chimera_transfer.reports / "excerpts.parquet")


def test_every_output_is_there_and_fresh(chimera_transfer: Any) -> None:
    assert chimera_transfer.stale() == {}


def test_a_second_run_changes_no_file_and_prints_the_tables(
    chimera_transfer: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    before = chimera_transfer.times()
    chimera_transfer.run()
    assert chimera_transfer.times() == before
    printed = capsys.readouterr().out
    assert all(f"Study 2, table {number}" in printed for number in (1, 2, 3, 4))


def test_pretrainings_are_shared_by_the_arms_that_start_from_them(chimera_transfer: Any) -> None:
    folder = chimera_transfer.data / "06_models" / "chimera_transfer"
    assert sorted(path.name for path in folder.glob("pretraining_*")) == sorted(PRETRAININGS)
    assert len(list(folder.glob("*/seed_*/all/pretraining.safetensors"))) == len(PRETRAININGS) * len(SEEDS)


def test_a_further_arm_needs_nothing_but_its_own_training(chimera_transfer: Any, with_data: Any) -> None:
    project = with_data(chimera_transfer, *(path.name for path in chimera_transfer.data.iterdir()))
    project.configure("chimera_transfer.run.arms", [*ARMS, "tuned_choirset_both_none_whole"])
    new = {name for name in project.stale() if name.rpartition(".")[2].startswith("train_")}
    assert new == {f"tuned_choirset_both_none_whole.all.seed_{seed}.train_downstream" for seed in SEEDS}


def test_every_model_has_the_same_excerpts_of_its_set(excerpts: pd.DataFrame) -> None:
    keys = ["downstream", "excerpt", "stem"]
    for column in ("song", "si_sdr_mixture"):
        assert (excerpts.groupby(keys)[column].nunique(dropna=False) == 1).all()
    assert (excerpts.groupby(["arm", "seed", "stem"]).size() == NUM_EXCERPTS).all()


def test_excerpts_come_from_songs_that_nothing_is_trained_on(
    chimera_transfer: Any, excerpts: pd.DataFrame
) -> None:
    for downstream, stems in SOURCES.items():
        manifest = pd.read_parquet(
            chimera_transfer.data / "03_primary" / f"chimera_{downstream}" / "tracks.parquet"
        )
        tests = set(manifest[manifest["split"] == "test"]["track"])
        own = excerpts[excerpts["downstream"] == downstream]
        assert {track for song in own["song"] for track in song.split("+")} <= tests
        assert sorted(own["stem"].unique()) == stems


def test_incoherent_excerpts_name_a_track_per_source(excerpts: pd.DataFrame) -> None:
    parts = excerpts.groupby("downstream")["song"].agg(lambda songs: {len(song.split("+")) for song in songs})
    assert parts.to_dict() == {"bach10": {1}, "choirset": {1}, "remixpacks": {3}}


@pytest.mark.parametrize("arm", ["bach10_scratch", "tuned_remixpacks_slakh_none_mask"])
def test_the_separator_gives_the_stored_scores_again(
    chimera_transfer: Any, excerpts: pd.DataFrame, arm: str
) -> None:
    from sep_pipeline.pipelines.chimera_transfer.mixtures import excerpt_examples, scored_excerpt
    from sep_pipeline.pipelines.chimera_transfer.scoring import score_excerpt

    with chimera_transfer.context() as context:
        study = context.params["chimera_transfer"]
    own = excerpts[(excerpts["arm"] == arm) & (excerpts["seed"] == 1)]
    name = own["downstream"].iloc[0]
    mixture = study["mixtures"][name]
    stores = {name: chimera_transfer.data / "03_primary" / f"chimera_{name}"}
    drawn = excerpt_examples(mixture, study["evaluation"], stores)
    separator = load_separator(
        chimera_transfer.data / "06_models/chimera_transfer" / arm / "seed_1" / "separator"
    )
    for row in score_excerpt(separator, scored_excerpt(mixture, drawn, 3)):
        stored = own[(own["excerpt"] == 3) & (own["stem"] == row["stem"])].iloc[0]
        assert stored["song"] == row["song"]
        np.testing.assert_allclose(stored["si_sdr"], row["si_sdr"], atol=1e-4)


def test_a_mask_model_changes_the_mask_head_alone(chimera_transfer: Any) -> None:
    before = state(chimera_transfer, "pretraining_slakh_none", "pretraining")
    tuned = state(chimera_transfer, "tuned_bach10_slakh_none_mask", "downstream")
    changed = {name for name in tuned if not np.array_equal(before[name], tuned[name])}
    assert changed == {"mask.linear.weight", "mask.linear.bias"}


def test_a_whole_model_changes_everything_that_learns(chimera_transfer: Any) -> None:
    before = state(chimera_transfer, "pretraining_slakh_none", "pretraining")
    tuned = state(chimera_transfer, "tuned_bach10_slakh_none_whole", "downstream")
    assert not [name for name in tuned if "weight" in name and np.array_equal(before[name], tuned[name])]


def test_seeds_start_from_their_own_pretraining(chimera_transfer: Any) -> None:
    first, second = (
        state(chimera_transfer, "tuned_bach10_slakh_none_mask", "downstream", seed) for seed in SEEDS
    )
    assert not np.array_equal(first["embedding.linear.weight"], second["embedding.linear.weight"])


@pytest.mark.parametrize("arm", ARMS)
def test_a_separator_says_what_it_is(chimera_transfer: Any, arm: str) -> None:
    folder = chimera_transfer.data / "06_models/chimera_transfer" / arm / "seed_0" / "separator"
    card = json.loads((folder / "separator.json").read_text())
    (name,) = (name for name in SOURCES if name in arm)
    assert (card["model"], card["stems"], card["sample_rate"]) == ("chimera", SOURCES[name], 16000)
    assert (
        card["metadata"]["weights"] in {"random": "random", "slakh": "slakh", "both": "musdb_slakh"}.values()
    )
    assert [path.name for path in folder.glob("*.safetensors")] == ["weights.safetensors"]


def test_a_baseline_may_take_as_many_updates_as_both_stages(chimera_transfer: Any) -> None:
    curves = pd.read_parquet(chimera_transfer.reports / "curves.parquet")
    last = curves.groupby("arm")["step"].max()
    assert last["bach10_scratch"] == 6
    assert last["tuned_bach10_slakh_none_whole"] + last["pretraining_slakh_none"] == 6


def test_table_1_is_the_mean_over_sources_excerpts_and_seeds(
    chimera_transfer: Any, excerpts: pd.DataFrame
) -> None:
    rows = table(chimera_transfer, 1).set_index("arm")
    assert rows.index.tolist() == ARMS
    for arm in ARMS:
        own = excerpts[excerpts["arm"] == arm]
        per_excerpt = own.groupby(["seed", "excerpt"])["si_sdr"].mean()
        assert rows.loc[arm, "si_sdr"] == pytest.approx(per_excerpt.groupby("seed").mean().mean(), abs=1e-9)
        assert rows.loc[arm, "num_used"] + rows.loc[arm, "num_dropped"] == len(own)


def test_table_2_has_every_printed_cell_and_ours_beside(chimera_transfer: Any) -> None:
    rows = table(chimera_transfer, 2).set_index(["pretraining", "condition", "downstream"])
    assert len(rows) == 36
    assert float(rows.loc[("slakh", "none", "bach10"), "published"]) == -3.43
    ours = rows[rows["num_songs"] > 0]
    assert sorted(ours.index) == [("slakh", "none", name) for name in sorted(SOURCES)]
    models = table(chimera_transfer, 1).set_index("arm")["si_sdr"]
    for _, _, name in ours.index:
        expected = models[f"tuned_{name}_slakh_none_mask"] - models[f"tuned_{name}_slakh_none_whole"]
        assert float(ours.loc[("slakh", "none", name), "difference"]) == pytest.approx(expected, abs=1e-6)


def test_table_3_compares_what_belongs_together(chimera_transfer: Any) -> None:
    found = {(row.arm, row.baseline) for row in table(chimera_transfer, 3).itertuples()}
    scratch = {(arm, f"{arm.split('_')[1]}_scratch") for arm in (*TUNED, *UNION) if arm.endswith("whole")}
    masks = {(arm, arm.replace("mask", "whole")) for arm in TUNED if arm.endswith("mask")}
    assert found == scratch | masks | {(UNION[1], UNION[0])}


def test_table_4_answers_every_claim(chimera_transfer: Any) -> None:
    claims = table(chimera_transfer, 4)
    assert set(claims["claim"]) == {"H1", "H1, speed", "H2", "R1", "R2"}
    assert set(claims[claims["claim"] == "H2"]["where"]) == {"pitch_shift", "time_stretch", "incoherent"}
    # With two songs of each set nothing is decided by songs, but for the iterations to a level.
    assert set(claims[claims["claim"] != "H1, speed"]["by_songs"]) <= {"not decided", "not run"}


@pytest.mark.parametrize("number", [1, 2, 3, 4, 5])
def test_every_table_can_be_read_as_text(chimera_transfer: Any, number: int) -> None:
    text = (chimera_transfer.reports / f"table_{number}.md").read_text()
    assert text.startswith("### Study 2")
    assert "nan" not in text


def test_scores_are_followed_on_the_set_of_figure_3_alone(chimera_transfer: Any) -> None:
    curves = pd.read_parquet(chimera_transfer.reports / "curves.parquet")
    followed = curves[curves["name"] == "evaluation/si_sdr"]
    assert set(followed["arm"]) == {arm for arm in ARMS if "choirset" in arm}
    assert sorted(followed[followed["arm"] == "choirset_scratch"]["step"].unique()) == [2, 4, 6]
    assert followed["value"].notna().all()


@pytest.mark.parametrize("number", [1, 2, 3])
def test_figures_show_something(chimera_transfer: Any, number: int) -> None:
    from matplotlib.image import imread

    pixels = imread(chimera_transfer.reports / f"figure_{number}.png")
    assert min(pixels.shape[:2]) > 200
    assert pixels[..., :3].std() > 0.05


def test_mlflow_has_one_finished_run_per_network_and_one_for_the_study(
    chimera_transfer: Any, mlflow_runs: Any
) -> None:
    runs = mlflow_runs(chimera_transfer)
    cells = {
        (run.data.tags["arm"], int(run.data.tags["seed"])): run
        for run in runs
        if run.data.tags["kind"] == "cell"
    }
    assert sorted(cells) == sorted(itertools.product([*ARMS, *PRETRAININGS], SEEDS))
    assert len(runs) == len(cells) + 1
    assert {run.info.status for run in runs} == {"FINISHED"}
    excerpts = pd.read_parquet(chimera_transfer.reports / "excerpts.parquet")
    own = excerpts[(excerpts["arm"] == "bach10_scratch") & (excerpts["seed"] == 0)]
    logged = cells["bach10_scratch", 0].data.metrics["final/SI-SDR"]
    assert logged == pytest.approx(own.groupby("excerpt")["si_sdr"].mean().mean(), abs=1e-9)


def test_a_leaderboard_of_the_same_stems_finds_the_models(chimera_transfer: Any) -> None:
    found = separators_below(chimera_transfer.data / "06_models", ("female", "male"))
    assert {method.name for method in found} == {f"chimera_transfer {arm}" for arm in ARMS if "choir" in arm}
