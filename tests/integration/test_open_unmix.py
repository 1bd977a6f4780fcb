"""One finished run of study 4 in `conf/test`: what it leaves behind, and that it agrees with itself."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import soundfile
import torch

from sep_pipeline.models.open_unmix import OpenUnmix, OpenUnmixConfig
from sep_pipeline.models.open_unmix.released import save_released
from sep_pipeline.models.weights import load_weights
from sep_pipeline.separation import load_separator, separate
from sep_pipeline.separation.streaming import load_streaming_separator

ARMS = ["open_unmix", "open_unmix4", "open_unmix5", "unidirectional"]
FLOORS = ["zero", "scaled_mixture"]
STEMS = ["drums", "bass", "guitar", "other"]
UPSTREAM = ("02_intermediate", "03_primary", "05_model_input")
FRAME_METRICS = ["SDR", "SIR", "ISR", "SAR"]
UPDATES = {"open_unmix": 6, "open_unmix4": 6, "open_unmix5": 2, "unidirectional": 6}
EPOCHS = {"open_unmix": [6], "open_unmix4": [3, 6], "open_unmix5": [2], "unidirectional": [3, 6]}


def table(project: Any, number: int) -> pd.DataFrame:
    return pd.read_csv(project.reports / f"table_{number}.csv")


@pytest.fixture
def curves(open_unmix: Any) -> pd.DataFrame:
    return pd.read_parquet(open_unmix.reports / "curves.parquet")


@pytest.fixture
def test_tracks(open_unmix: Any) -> list[str]:
    return sorted(path.name for path in (open_unmix.data / "03_primary" / "rendered" / "test").iterdir())


def models(project: Any, arm: str) -> Path:
    folder: Path = project.data / "06_models" / "open_unmix" / arm / "seed_0"
    return folder


def test_every_output_is_there_and_fresh(open_unmix: Any) -> None:
    assert open_unmix.stale() == {}


def test_a_second_run_changes_no_file_and_prints_the_tables(
    open_unmix: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    before = open_unmix.times()
    open_unmix.run()
    assert open_unmix.times() == before
    printed = capsys.readouterr().out
    assert all(f"Study 4, table {number}" in printed for number in (1, 2, 3, 4))


def test_songs_and_store_are_those_of_study_1(open_unmix: Any) -> None:
    shared = {"render.render_rendered", "ingest.ingest_rendered"}
    assert shared & set(open_unmix.stale("jukebox_transfer")) == set()


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_every_table_can_be_read_as_text(open_unmix: Any, number: int) -> None:
    text = (open_unmix.reports / f"table_{number}.md").read_text()
    assert text.startswith(f"### Study 4, table {number}")
    assert "|---" in text or "|:--" in text


def test_table_1_has_every_arm_and_floor_with_every_stem_and_the_total(open_unmix: Any) -> None:
    scores = table(open_unmix, 1)
    for metric in (*FRAME_METRICS, "SDR whole song"):
        own = scores[scores["metric"] == metric]
        wanted = itertools.product([*ARMS, *FLOORS], [*STEMS, "total"])
        assert sorted(zip(own["arm"], own["stem"], strict=True)) == sorted(wanted)


def test_printed_scores_stand_beside_the_total_of_their_arms(open_unmix: Any) -> None:
    printed = table(open_unmix, 1).dropna(subset=["published"])
    found = {(row.arm, row.metric): row.published for row in printed.itertuples()}
    assert set(printed["stem"]) == {"total"}
    assert len(found) == len(printed) == 3 * 4
    assert found["open_unmix4", "ISR"] == 9.831
    assert found["open_unmix5", "SAR"] == 6.63


def test_the_printed_model_of_the_package_has_a_row_without_ours(open_unmix: Any) -> None:
    (row,) = (
        line for line in (open_unmix.reports / "table_1.md").read_text().splitlines() if "| UMX" in line
    )
    cells = [cell.strip() for cell in row.split("|")[2:6]]
    assert cells == ["– / 7.537", "– / 12.091", "– / 14.586", "– / 8.679"]


def test_every_row_says_where_it_comes_from(open_unmix: Any) -> None:
    scores = table(open_unmix, 1)
    own = scores[scores["arm"].isin(ARMS)]
    assert own.groupby("arm")["steps"].first().to_dict() == UPDATES
    assert set(own["weights"]) == {"random"}
    assert set(own["num_tracks"]) == {2}
    assert own[["data_hash", "code_version"]].notna().all(axis=None)


def test_table_2_states_settings_and_the_losses_of_the_last_epoch(
    open_unmix: Any, curves: pd.DataFrame
) -> None:
    rows = table(open_unmix, 2).set_index("arm")
    assert rows.index.tolist() == ARMS
    settings = ["batch_size", "hidden_size", "samples_per_track", "epochs", "direction", "updates"]
    assert rows.loc["open_unmix4", settings].tolist() == [2, 16, 3, 2, "both", 6]
    assert rows.loc["unidirectional", "direction"] == "one"
    own = curves[curves["arm"] == "open_unmix4"]
    train = own[(own["name"] == "loss") & (own["step"] > 3)]["value"].mean()
    validation = own[(own["name"] == "evaluation/loss") & (own["step"] == 6)]["value"].mean()
    assert rows.loc["open_unmix4", "train_loss"] == pytest.approx(train, rel=1e-9)
    assert rows.loc["open_unmix4", "validation_loss"] == pytest.approx(validation, rel=1e-9)
    assert (rows["seconds_per_epoch"] > 0).all()


def test_table_2_has_the_printed_loss_and_time(open_unmix: Any) -> None:
    rows = table(open_unmix, 2).set_index("arm")
    assert rows.loc["open_unmix5", ["published_loss", "published_seconds_per_epoch"]].tolist() == [2.26, 936]
    assert rows.loc["unidirectional", ["published_loss", "published_seconds_per_epoch"]].isna().all()


def test_table_3_compares_at_equal_updates_and_at_equal_epochs(open_unmix: Any) -> None:
    points = table(open_unmix, 3)
    assert (points.groupby(["arm", "basis", "at"]).size() == len(STEMS)).all()
    found = {(row.arm, row.basis, row.at): row.updates for row in points.itertuples()}
    wanted = {(arm, "updates", 2): 2 for arm in ARMS}
    wanted |= {(arm, "epochs", epoch + 1): at for arm in ARMS for epoch, at in enumerate(EPOCHS[arm])}
    assert found == wanted
    assert points[["train_loss", "validation_loss"]].notna().all(axis=None)


def test_table_4_has_quality_of_both_and_streaming_of_the_unidirectional_alone(open_unmix: Any) -> None:
    rows = table(open_unmix, 4)
    quality = rows[rows["quantity"] == "SDR whole song (dB)"]
    assert quality["stem"].tolist() == ["total", *STEMS]
    np.testing.assert_allclose(
        quality["difference"], quality["unidirectional"] - quality["bidirectional"], atol=1e-9
    )
    speed = rows[~rows["quantity"].str.contains("dB")].set_index("quantity")
    streaming = ["latency_ms", "hop_ms", "mean_ms_per_hop", "p99_ms_per_hop", "worst_ms_per_hop"]
    assert speed.index.tolist() == ["num_parameters", "real_time_factor", *streaming]
    assert speed.loc[streaming, "bidirectional"].isna().all()
    assert speed.loc["latency_ms", "unidirectional"] == pytest.approx(1000 * 4096 / 44100)
    assert speed.loc["hop_ms", "unidirectional"] == pytest.approx(1000 * 1024 / 44100)
    assert (speed.loc[["real_time_factor", *streaming], "unidirectional"] > 0).all()
    mean, p99, worst = (
        speed.loc[f"{name}_ms_per_hop", "unidirectional"] for name in ("mean", "p99", "worst")
    )
    assert mean <= worst
    assert p99 <= worst


@pytest.mark.parametrize("name", ["loss_against_updates", "loss_against_epochs", "spectrograms"])
def test_figures_show_something(open_unmix: Any, name: str) -> None:
    from matplotlib.image import imread

    pixels = imread(open_unmix.reports / f"figure_{name}.png")
    assert min(pixels.shape[:2]) > 200
    assert pixels[..., :3].std() > 0.05


@pytest.mark.parametrize("arm", ARMS)
def test_every_training_was_evaluated_after_its_epochs_and_at_the_named_update(
    curves: pd.DataFrame, arm: str
) -> None:
    for stem in STEMS:
        own = curves[(curves["arm"] == arm) & (curves["stem"] == stem)]
        train, validation = (
            own[own["name"] == name]["step"].tolist() for name in ("loss", "evaluation/loss")
        )
        assert train == list(range(1, UPDATES[arm] + 1))
        assert validation == sorted({2, *EPOCHS[arm]})


def test_a_separator_says_what_it_is_and_how_its_estimates_are_filtered(open_unmix: Any) -> None:
    card = json.loads((models(open_unmix, "unidirectional") / "separator" / "separator.json").read_text())
    assert (card["model"], card["stems"], card["seed"], card["steps"]) == ("open_unmix", STEMS, 0, 6)
    assert (card["sample_rate"], card["channels"]) == (44100, 2)
    assert card["config"]["is_unidirectional"]
    assert card["config"]["num_input_bins"] == 1487
    assert card["metadata"]["wiener"]["num_iterations"] == 1
    assert card["metadata"]["wiener"]["block_frames"] == 300


@pytest.mark.parametrize("arm", ["open_unmix4", "unidirectional"])
def test_the_separator_folder_gives_the_stored_estimates_again(
    open_unmix: Any, test_tracks: list[str], arm: str
) -> None:
    separator = load_separator(models(open_unmix, arm) / "separator")
    folder = open_unmix.data / "03_primary/rendered/test" / test_tracks[0]
    mixture, rate = soundfile.read(folder / "mixture.wav", dtype="float32")
    estimates = separate(separator, np.ascontiguousarray(mixture.T), rate)
    stored = open_unmix.data / "07_model_output/open_unmix" / arm / "seed_0/test" / test_tracks[0]
    for stem, estimate in zip(separator.stems, estimates, strict=True):
        samples, _ = soundfile.read(stored / f"{stem}.wav", dtype="float32")
        np.testing.assert_allclose(estimate, samples.T, rtol=0, atol=1e-6)


def test_the_unidirectional_separator_streams(open_unmix: Any) -> None:
    stream = load_streaming_separator(models(open_unmix, "unidirectional") / "separator")
    assert stream.process(np.zeros((2, 8192), np.float32)).shape[:2] == (len(STEMS), 2)


def test_all_targets_of_a_seed_hear_the_same_chunks(open_unmix: Any) -> None:
    """The gradient of the first update differs, but the sum of all stems is one and the same."""
    from sep_pipeline.configuration.open_unmix import ExcerptParameters
    from sep_pipeline.configuration.study import Cell
    from sep_pipeline.data.stem_store import store_tracks
    from sep_pipeline.pipelines.open_unmix.nodes import training
    from sep_pipeline.training.config import TrainingConfig

    tracks = store_tracks(open_unmix.data / "03_primary" / "rendered", "train")
    drawn = []
    for stem, seed in (("drums", 0), ("bass", 0), ("drums", 1)):
        cell = Cell(study="open_unmix", arm="open_unmix4", stem=stem, seed=seed)
        config, excerpts = TrainingConfig(num_steps=1, batch_size=2), ExcerptParameters(chunk_seconds=0.25)
        with training._chunks(tracks, excerpts, cell, config, None, Path("unused")) as chunks:
            drawn.append(chunks.batch(0).numpy().copy())
    np.testing.assert_array_equal(drawn[0], drawn[1])
    assert not np.array_equal(drawn[0], drawn[2])


@pytest.fixture
def cells(open_unmix: Any, mlflow_runs: Any) -> dict[tuple[str, str], Any]:
    runs = [run for run in mlflow_runs(open_unmix) if run.data.tags["kind"] == "cell"]
    return {(run.data.tags["arm"], run.data.tags["stem"]): run for run in runs}


def test_mlflow_has_one_finished_run_per_cell_and_one_for_the_study(
    open_unmix: Any, mlflow_runs: Any, cells: Any
) -> None:
    runs = mlflow_runs(open_unmix)
    assert sorted(cells) == sorted(itertools.product(ARMS, STEMS))
    assert len(runs) == len(cells) + 1
    assert {run.info.status for run in runs} == {"FINISHED"}


@pytest.mark.parametrize("arm", ARMS)
def test_curves_of_train_and_validation_loss_are_in_mlflow(open_unmix: Any, cells: Any, arm: str) -> None:
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{open_unmix.path / 'mlflow.db'}")
    for name, wanted in (
        ("model/loss", list(range(1, UPDATES[arm] + 1))),
        ("model/validation/loss", sorted({2, *EPOCHS[arm]})),
    ):
        points = client.get_metric_history(cells[arm, "bass"].info.run_id, name)
        assert sorted(point.step for point in points) == wanted


def test_runs_carry_the_final_scores_and_parameters(open_unmix: Any, cells: Any) -> None:
    scores = table(open_unmix, 1)
    whole = scores[scores["metric"] == "SDR whole song"].set_index(["arm", "stem"])["value"]
    for (arm, stem), run in cells.items():
        assert run.data.metrics["final/SDR_whole_song"] == pytest.approx(whole[arm, stem], abs=1e-9)
    assert cells["unidirectional", "drums"].data.params["model.unidirectional"] == "True"
    assert cells["open_unmix5", "drums"].data.params["training.batch_size"] == "4"


@pytest.fixture(scope="module")
def again(open_unmix: Any, project_type: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A cell trained anew in this process, and one with another seed."""
    folder = tmp_path_factory.mktemp("again") / "project"
    project = project_type(folder, study="open_unmix").with_data_of(open_unmix, *UPSTREAM)
    project.configure("open_unmix.run", {"arms": ["open_unmix5", "unidirectional"], "seeds": [0, 1]})
    project.run(
        to_nodes=[f"{name}.train_model" for name in ("unidirectional.bass.seed_0", "open_unmix5.bass.seed_1")]
    )
    return project


def test_the_same_seed_gives_the_same_weights(open_unmix: Any, again: Any, content_of: Any) -> None:
    """The shared study was trained by worker processes, several at a time."""
    ours, theirs = (
        content_of(models(project, "unidirectional") / "bass" / "model.safetensors")
        for project in (again, open_unmix)
    )
    assert ours == theirs


def test_another_seed_gives_other_weights(open_unmix: Any, again: Any, content_of: Any) -> None:
    ours, theirs = (
        content_of(project.data / f"06_models/open_unmix/open_unmix5/seed_{seed}/bass/model.safetensors")
        for seed, project in ((1, again), (0, open_unmix))
    )
    assert ours != theirs


RELEASED = OpenUnmixConfig(hidden_size=8, num_layers=1)


@pytest.fixture(scope="module")
def released(open_unmix: Any, project_type: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A run of the arm `umx` alone, on models in the form of the `openunmix` package."""
    folder = tmp_path_factory.mktemp("released")
    networks = {stem: OpenUnmix(RELEASED, seed=seed) for seed, stem in enumerate(STEMS)}
    save_released(folder / "umx", networks, sample_rate=44100)
    project = project_type(folder / "project", study="open_unmix").with_data_of(open_unmix, *UPSTREAM)
    project.configure("open_unmix.run.arms", ["umx"])
    project.run(parameters={"weights": str(folder / "umx")})
    return project


def test_released_models_are_taken_as_they_are(released: Any) -> None:
    state, metadata = load_weights(models(released, "umx") / "bass" / "model.safetensors")
    expected = OpenUnmix(RELEASED, seed=1).state_dict()
    assert all(torch.equal(state[name], tensor) for name, tensor in expected.items())
    assert (metadata["source"], metadata["steps"]) == ("umx", "0")


def test_released_models_are_scored_beside_the_printed_row(released: Any) -> None:
    scores = table(released, 1)
    own = scores[scores["arm"] == "umx"]
    assert set(own["weights"]) == {"released"}
    assert set(own["steps"]) == {0}
    printed = own.dropna(subset=["published"]).set_index("metric")["published"].to_dict()
    assert printed == {"SDR": 7.537, "SIR": 12.091, "ISR": 14.586, "SAR": 8.679}
    assert own[own["metric"] == "SDR whole song"]["value"].notna().all()


@pytest.mark.parametrize("number", [2, 3, 4])
def test_without_trainings_and_a_pair_the_other_tables_are_empty(released: Any, number: int) -> None:
    assert table(released, number).empty
    assert (released.reports / f"table_{number}.md").read_text().startswith("### Study 4")


def test_a_training_starts_from_a_separator(open_unmix: Any, with_data: Any) -> None:
    start = models(open_unmix, "open_unmix4") / "separator"
    project = with_data(open_unmix, *UPSTREAM)
    project.configure("open_unmix.defaults.model.initial_weights", str(start))
    project.configure("open_unmix.defaults.training.learning_rate", 1e-12)
    project.configure("open_unmix.defaults.training.weight_decay", 0.0)
    project.run(to_outputs=["open_unmix.open_unmix4.bass.seed_0.model_weights"])
    theirs, _ = load_weights(start / "bass.safetensors")
    ours, metadata = load_weights(models(project, "open_unmix4") / "bass" / "model.safetensors")
    learnt = [name for name in theirs if "running" not in name and "num_batches" not in name]
    assert all(torch.allclose(ours[name], theirs[name], rtol=0, atol=1e-6) for name in learnt)
    assert metadata["source"] == "fine-tuned from open_unmix open_unmix4"


def test_the_leaderboard_lists_every_arm(open_unmix: Any, with_data: Any) -> None:
    project = with_data(open_unmix, "02_intermediate", "03_primary", "06_models")
    project.run("leaderboard")
    board = pd.read_csv(project.data / "08_reporting" / "leaderboard" / "table_1.csv")
    own = board[board["arm"].str.startswith("open_unmix ") & (board["stem"] == "total")]
    assert set(own["arm"]) == {f"open_unmix {arm}" for arm in ARMS}
    assert own[own["metric"] == "SDR"]["value"].notna().all()
