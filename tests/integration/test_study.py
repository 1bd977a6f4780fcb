"""One finished run of study 1 in `conf/test`: what it leaves behind, and that it agrees with itself."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import soundfile

from sep_pipeline.configuration.execution import ExecutionParameters
from sep_pipeline.metrics._museval_import import import_museval
from sep_pipeline.separation import load_separator, separate

STUDY_SDR = "SDR whole song"
ARMS = ["pretrained", "scratch", "no_finetune", "scratch_as_published"]
FLOORS = ["zero", "scaled_mixture"]
STEMS = ["drums", "bass", "guitar", "other"]
COLUMNS = (
    *(
        "arm",
        "stem",
        "metric",
        "aggregation",
        "value",
        "low",
        "high",
        "published",
        "num_tracks",
        "num_seeds",
        "steps",
    ),
    *("weights", "data_hash", "code_version"),
)


@pytest.fixture
def table(study: Any) -> pd.DataFrame:
    return pd.read_csv(study.reports / "table_1.csv")


@pytest.fixture
def scores(study: Any) -> pd.DataFrame:
    return pd.read_parquet(study.reports / "scores.parquet")


@pytest.fixture
def test_tracks(study: Any) -> list[str]:
    return sorted(path.name for path in (study.data / "03_primary" / "rendered" / "test").iterdir())


def test_every_output_is_there_and_fresh(study: Any) -> None:
    assert study.stale() == {}


def test_nothing_half_written_is_left(study: Any) -> None:
    assert [path for path in study.path.rglob("*") if ".partial" in path.name] == []


def test_table_1_has_the_agreed_columns(study: Any) -> None:
    assert (study.reports / "table_1.csv").read_text().splitlines()[0] == ",".join(COLUMNS)


@pytest.mark.parametrize("number", [1, 2, 3])
def test_every_table_can_be_read_as_text(study: Any, number: int) -> None:
    text = (study.reports / f"table_{number}.md").read_text()
    assert text.startswith(f"# Study 1, table {number}") or f"table {number}" in text.splitlines()[0]


def test_table_1_has_every_arm_and_floor_with_every_stem_and_the_total(table: pd.DataFrame) -> None:
    ours = table[table["metric"] == STUDY_SDR]
    wanted = itertools.product([*ARMS, *(f"{arm}+wiener" for arm in ARMS), *FLOORS], [*STEMS, "total"])
    assert sorted(zip(ours["arm"], ours["stem"], strict=True)) == sorted(wanted)


def test_printed_figures_stand_only_beside_stems_that_mean_the_same(table: pd.DataFrame) -> None:
    printed = table.dropna(subset=["published"])
    assert set(printed["stem"]) == {"drums", "bass"}
    assert set(printed["metric"]) == {STUDY_SDR}


def test_silence_scores_exactly_zero(table: pd.DataFrame) -> None:
    zero = table[(table["arm"] == "zero") & (table["metric"] == STUDY_SDR)]
    assert zero["value"].tolist() == [0.0] * 5


def test_the_total_is_the_mean_over_stems(table: pd.DataFrame) -> None:
    ours = table[table["metric"] == STUDY_SDR].set_index(["arm", "stem"])["value"].unstack()
    np.testing.assert_allclose(ours["total"], ours[STEMS].mean(axis=1), atol=1e-9)


def test_every_row_says_where_it_comes_from(table: pd.DataFrame) -> None:
    trained = table[table["arm"].isin(ARMS) & (table["metric"] == STUDY_SDR)]
    assert set(trained["num_tracks"]) == {2}
    assert set(trained["num_seeds"]) == {1}
    steps = trained.groupby("arm")["steps"].first().to_dict()
    assert steps == {"pretrained": 6, "scratch": 6, "no_finetune": 3, "scratch_as_published": 2}
    assert trained[["weights", "data_hash", "code_version"]].notna().all(axis=None)


def test_scores_have_one_row_per_track_stem_arm_seed_and_metric(
    scores: pd.DataFrame, test_tracks: list[str]
) -> None:
    keys = ["arm", "stem", "seed", "track", "metric"]
    assert not scores.duplicated(keys).any()
    own = scores[scores["arm"].isin(ARMS)]
    metrics = [
        STUDY_SDR,
        "uSDR",
        "SI-SDR",
        "SD-SDR",
        "SNR",
        "uSDRi",
        "SI-SDRi",
        "SD-SDRi",
        "SNRi",
        "SDR",
        "ISR",
        "SIR",
        "SAR",
        "silent_reference_frames",
        "silent_estimate_frames",
    ]
    wanted = itertools.product(ARMS, STEMS, [0], test_tracks, metrics)
    assert sorted(own[keys].itertuples(index=False, name=None)) == sorted(wanted)


def test_the_table_is_the_mean_of_the_scores(table: pd.DataFrame, scores: pd.DataFrame) -> None:
    means = scores[scores["metric"] == STUDY_SDR].groupby(["arm", "stem"])["value"].mean()
    shown = table[(table["metric"] == STUDY_SDR) & (table["stem"] != "total")]
    for row in shown.itertuples():
        assert row.value == pytest.approx(means[row.arm, row.stem], abs=1e-9)
        assert row.low - 1e-9 <= row.value <= row.high + 1e-9


@pytest.mark.parametrize("name", ["training_curves", "spectrograms", "sdr_against_checkpoint"])
def test_figures_show_something(study: Any, name: str) -> None:
    from matplotlib.image import imread

    pixels = imread(study.reports / f"figure_{name}.png")
    assert min(pixels.shape[:2]) > 200
    assert pixels[..., :3].std() > 0.05


@pytest.mark.parametrize("arm", ARMS)
def test_estimates_are_float_files_as_long_as_their_mixture(
    study: Any, test_tracks: list[str], arm: str
) -> None:
    for track, stem in itertools.product(test_tracks, STEMS):
        folder = study.data / "07_model_output" / "jukebox_transfer" / arm / "seed_0" / "test" / track
        estimate = soundfile.info(folder / f"{stem}.wav")
        mixture = soundfile.info(study.data / "03_primary/rendered/test" / track / "mixture.wav")
        assert (estimate.format, estimate.subtype) == ("WAV", "FLOAT")
        assert (estimate.frames, estimate.samplerate) == (mixture.frames, mixture.samplerate)


@pytest.mark.parametrize("arm", ARMS)
def test_museval_loads_the_track_files(study: Any, test_tracks: list[str], arm: str) -> None:
    museval = import_museval()
    store = museval.EvalStore()
    folder = study.reports / "museval" / f"{arm}-seed_0"
    store.add_eval_dir(folder)
    assert set(store.df["track"]) == set(test_tracks)
    assert set(store.df["target"]) == set(STEMS)
    assert set(store.df["metric"]) == {"SDR", "ISR", "SIR", "SAR"}


def test_table_3_is_musevals_own_aggregate(study: Any) -> None:
    museval = import_museval()
    store = museval.EvalStore(frames_agg="median", tracks_agg="median")
    store.add_eval_dir(study.reports / "museval" / "pretrained-seed_0")
    theirs = store.agg_frames_tracks_scores()
    table = pd.read_csv(study.reports / "table_3.csv")
    ours = table[(table["arm"] == "pretrained") & (table["stem"] != "total")]
    assert len(ours) == 16
    for row in ours.itertuples():
        assert row.value == pytest.approx(theirs[row.stem, row.metric], abs=1e-4)


def test_the_separator_folder_gives_the_stored_estimates_again(study: Any, test_tracks: list[str]) -> None:
    execution = ExecutionParameters()
    folder = study.data / "06_models" / "jukebox_transfer" / "pretrained" / "seed_0" / "separator"
    separator = load_separator(folder, precision=execution.resolved_precision())
    mixture, rate = soundfile.read(
        study.data / "03_primary/rendered/test" / test_tracks[0] / "mixture.wav", dtype="float32"
    )
    estimates = separate(separator, mixture.T.mean(axis=0, keepdims=True), rate)
    for stem, estimate in zip(separator.stems, estimates, strict=True):
        stored, _ = soundfile.read(
            study.data
            / "07_model_output/jukebox_transfer/pretrained/seed_0/test"
            / test_tracks[0]
            / f"{stem}.wav",
            dtype="float32",
        )
        np.testing.assert_array_equal(estimate[0], stored)


def test_the_separator_folder_says_what_it_is(study: Any) -> None:
    folder = study.data / "06_models" / "jukebox_transfer" / "scratch" / "seed_0" / "separator"
    card = json.loads((folder / "separator.json").read_text())
    assert card["stems"] == STEMS
    assert (card["seed"], card["steps"], card["sample_rate"], card["channels"]) == (0, 6, 44100, 1)
    assert all((folder / name).is_file() for name in card["weights"].values())


@pytest.fixture
def runs(study: Any, mlflow_runs: Any) -> list[Any]:
    return mlflow_runs(study)


@pytest.fixture
def cells(runs: list[Any]) -> dict[tuple[str, str], Any]:
    return {
        (run.data.tags["arm"], run.data.tags["stem"]): run for run in runs if run.data.tags["kind"] == "cell"
    }


def test_mlflow_has_one_run_per_cell_and_one_for_the_study(runs: list[Any], cells: Any) -> None:
    assert sorted(cells) == sorted(itertools.product(ARMS, STEMS))
    assert len(runs) == len(cells) + 1
    assert {run.info.status for run in runs} == {"FINISHED"}
    assert not any("mlflow.parentRunId" in run.data.tags for run in runs)


def test_runs_of_cells_are_tagged(runs: list[Any], cells: Any) -> None:
    (whole,) = (run for run in runs if run.data.tags["kind"] == "study")
    assert {run.data.tags["study_run"] for run in cells.values()} == {whole.info.run_id}
    assert {run.data.tags["seed"] for run in cells.values()} == {"0"}


def steps_of(study: Any, run: Any, metric: str) -> list[int]:
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{study.path / 'mlflow.db'}")
    return sorted(point.step for point in client.get_metric_history(run.info.run_id, metric))


def test_curves_of_both_phases_are_complete(study: Any, cells: Any) -> None:
    curves = pd.read_parquet(study.reports / "curves.parquet")
    for arm, stem, phase in itertools.product(ARMS, STEMS, ["phase_one", "phase_two"]):
        own = curves[(curves["arm"] == arm) & (curves["stem"] == stem) & (curves["phase"] == phase)]
        wanted = own[own["name"] == "loss"]["step"].astype(int).tolist()
        assert steps_of(study, cells[arm, stem], f"{phase}/loss") == wanted
    assert steps_of(study, cells["scratch", "bass"], "phase_two/loss") == [1, 2, 3]


def test_runs_of_cells_carry_the_numbers_of_the_table(cells: Any, table: pd.DataFrame) -> None:
    shown = table[table["metric"] == STUDY_SDR].set_index(["arm", "stem"])["value"]
    for (arm, stem), run in cells.items():
        assert run.data.metrics["final/SDR_whole_song"] == pytest.approx(shown[arm, stem], abs=1e-9)


def test_runs_of_cells_carry_their_parameters(cells: Any) -> None:
    ours = {arm: cells[arm, "drums"].data.params for arm in ARMS}
    assert ours["scratch"]["phase_one.initial_weights"] == "random"
    assert ours["scratch_as_published"]["phase_one.codebook"] == "frozen"
    assert ours["no_finetune"]["phase_one.training.num_steps"] == "0"


def test_the_run_of_the_study_carries_tables_and_figures(study: Any, runs: list[Any]) -> None:
    (whole,) = (run for run in runs if run.data.tags["kind"] == "study")
    folder = Path(whole.info.artifact_uri.removeprefix("file://"))
    for name in ("table_1.csv", "table_1.md", "scores.parquet", "figure_spectrograms.png"):
        assert (folder / name).read_bytes() == (study.reports / name).read_bytes()
