"""One finished run of study 5 in `conf/test`: what it leaves behind, and that it agrees with itself."""

from __future__ import annotations

import itertools
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pretty_midi
import pytest
import torch

from sep_pipeline.errors import NoInputError, SoundFontError, TooShortError
from sep_pipeline.models.weights import load_weights
from sep_pipeline.scoring.methods import separators_below
from sep_pipeline.separation import load_separator

LOSSES = ["mae", "mse", "mae_spectrogram", "mae_difference"]
NETWORKS = {"wave_unet": "wave_unet", "convolution": "convolution", **dict.fromkeys(LOSSES, "wavenet")}
ARMS = [*LOSSES, "wave_unet", "convolution"]
STEMS = ["drums", "piano", "strings", "bass"]
SEEDS = [0]
UPDATES = 4
DEFAULTS = "midi_waveform.defaults"
HALTING_RUN = Path(__file__).with_name("halting_run.py")


def table(project: Any, number: int) -> pd.DataFrame:
    return pd.read_csv(project.reports / f"table_{number}.csv")


def models(project: Any) -> Path:
    folder: Path = project.data / "06_models" / "midi_waveform"
    return folder


@pytest.fixture
def songs(midi_waveform: Any) -> pd.DataFrame:
    return pd.read_parquet(midi_waveform.reports / "song_scores.parquet")


@pytest.fixture
def curves(midi_waveform: Any) -> pd.DataFrame:
    return pd.read_parquet(midi_waveform.reports / "curves.parquet")


def test_every_output_is_there_and_fresh(midi_waveform: Any) -> None:
    assert midi_waveform.stale() == {}


def test_a_second_run_changes_no_file_and_prints_the_tables(
    midi_waveform: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    before = midi_waveform.times()
    midi_waveform.run()
    assert midi_waveform.times() == before
    printed = capsys.readouterr().out
    assert all(f"Study 5, table {number}" in printed for number in (1, 2, 3))
    assert "mae minus equal_share" in printed


def test_nothing_that_was_rendered_while_training_is_stored(midi_waveform: Any) -> None:
    stores = {path.parent for path in midi_waveform.data.rglob("*.wav")}
    assert {path.relative_to(midi_waveform.data).parts[:3] for path in stores} == {
        ("03_primary", "midi_songs", "test")
    }


def test_another_gain_redoes_everything_but_the_index(midi_waveform: Any, with_data: Any) -> None:
    project = with_data(midi_waveform, *(path.name for path in midi_waveform.data.iterdir()))
    project.configure(f"{DEFAULTS}.pool.gain", 3)
    stale = {name.rpartition(".")[2] for name in project.stale()}
    assert "index_midi_songs" not in stale
    assert {"draw_held_out_chunks_1024", "render_midi_songs", "train_separation"} <= stale


def test_arms_of_one_seed_start_alike_and_hear_the_same_chunks(curves: pd.DataFrame) -> None:
    first = curves[(curves["step"] == 1) & (curves["name"].isin(["mae", "mse"]))]
    values = first.set_index(["arm", "seed"])["value"]
    assert values["mae", 0] == values["mae_difference", 0] == values["mae_spectrogram", 0]


def test_every_measure_of_every_arm_is_followed(curves: pd.DataFrame) -> None:
    for name in ("mae", "mse", "spectrogram", "difference"):
        followed = curves[curves["name"] == f"evaluation/{name}"]
        assert sorted(followed.groupby(["arm", "seed"]).groups) == sorted(itertools.product(ARMS, SEEDS))
        assert followed.groupby(["arm", "seed"])["step"].agg(list).map(tuple).unique().tolist() == [(2, 4)]
        assert np.isfinite(followed["value"]).all()


@pytest.mark.parametrize("arm", ARMS)
def test_a_separator_says_what_it_is(midi_waveform: Any, arm: str) -> None:
    folder = models(midi_waveform) / arm / "seed_0" / "separator"
    card = json.loads((folder / "separator.json").read_text())
    assert (card["model"], card["stems"], card["sample_rate"]) == (NETWORKS[arm], STEMS, 16000)
    assert (card["seed"], card["steps"], card["channels"]) == (0, UPDATES, 1)
    assert [path.name for path in folder.glob("*.safetensors")] == ["weights.safetensors"]


@pytest.mark.parametrize("arm", ["mae", "wave_unet"])
def test_the_separator_gives_the_stored_scores_again(
    midi_waveform: Any, songs: pd.DataFrame, arm: str
) -> None:
    from sep_pipeline.data.stem_store import store_tracks
    from sep_pipeline.metrics.whole_track import si_sdr
    from sep_pipeline.pipelines.data.store import read_stems

    separator = load_separator(models(midi_waveform) / arm / "seed_0" / "separator")
    track = store_tracks(midi_waveform.data / "03_primary" / "midi_songs", "test")[0]
    mixture, references = read_stems(track, STEMS, 1)
    estimates = dict(zip(STEMS, separator.separate(mixture), strict=True))
    own = songs[(songs["arm"] == arm) & (songs["seed"] == 0) & (songs["track"] == track.track_id)]
    own = own[own["metric"] == "SI-SDR"].set_index("stem")["value"]
    assert set(own.index) == {stem for stem in STEMS if references[stem].any()}
    for stem, value in own.items():
        assert value == pytest.approx(si_sdr(references[stem], estimates[stem]), abs=1e-4)


def test_table_1_has_the_losses_beside_the_printed_ones(midi_waveform: Any, curves: pd.DataFrame) -> None:
    rows = table(midi_waveform, 1).set_index("arm")
    assert rows.index.tolist() == [*ARMS, "zero", "equal_share"]
    last = curves[(curves["name"] == "evaluation/mae") & (curves["step"] == UPDATES)]
    for arm in ARMS:
        expected = last[last["arm"] == arm]["value"].mean()
        assert rows.loc[arm, "mae"] == pytest.approx(expected, abs=1e-12)
    assert rows.loc["mae", "published_mae"] == 0.0288
    assert rows.loc["mse", "published_mse"] == 0.0035
    assert (rows["mse"] < rows["mae"]).all()


def test_table_2_is_the_mean_over_the_songs_that_have_the_instrument(
    midi_waveform: Any, songs: pd.DataFrame
) -> None:
    rows = table(midi_waveform, 2).set_index(["arm", "metric", "stem"])
    for arm, stem in itertools.product([*ARMS, "equal_share"], STEMS):
        own = songs[(songs["arm"] == arm) & (songs["stem"] == stem) & (songs["metric"] == "SDR whole song")]
        row = rows.loc[(arm, "SDR whole song", stem)]
        assert row["value"] == pytest.approx(own["value"].mean(), abs=1e-9)
        assert (row["num_tracks"], row["num_seeds"]) == (own["track"].nunique(), 1)
    assert rows.loc[("mae", "SDR whole song", "piano"), "num_tracks"] == 1
    assert rows.loc[("zero", "SDR whole song", "total"), "value"] == pytest.approx(0, abs=1e-6)


def test_table_3_compares_the_networks(midi_waveform: Any) -> None:
    rows = table(midi_waveform, 3).set_index("arm")
    assert rows.index.tolist() == ["mae", "wave_unet", "convolution"]
    assert (rows["seconds_per_update"] > 0).all()
    assert (rows["low"] <= rows["SDR whole song"]).all()


@pytest.mark.parametrize("name", ["losses", "spectrograms"])
def test_figures_show_something(midi_waveform: Any, name: str) -> None:
    from matplotlib.image import imread

    pixels = imread(midi_waveform.reports / f"figure_{name}.png")
    assert min(pixels.shape[:2]) > 200
    assert pixels[..., :3].std() > 0.05


def test_mlflow_has_one_finished_run_per_network_and_one_for_the_study(
    midi_waveform: Any, mlflow_runs: Any, songs: pd.DataFrame
) -> None:
    runs = mlflow_runs(midi_waveform)
    cells = {
        (run.data.tags["arm"], int(run.data.tags["seed"])): run
        for run in runs
        if run.data.tags["kind"] == "cell"
    }
    assert sorted(cells) == sorted(itertools.product(ARMS, SEEDS))
    assert len(runs) == len(cells) + 1
    assert {run.info.status for run in runs} == {"FINISHED"}
    own = songs[(songs["arm"] == "mse") & (songs["seed"] == 0) & (songs["metric"] == "SNR")]
    expected = own.groupby("track")["value"].mean().mean()
    assert cells["mse", 0].data.metrics["final/SNR"] == pytest.approx(expected, abs=1e-9)


def test_the_leaderboard_of_study_1_ranks_drums_and_bass(midi_waveform: Any) -> None:
    found = separators_below(midi_waveform.data / "06_models", ("drums", "bass", "guitar", "other"))
    assert {method.name for method in found} == {f"midi_waveform {arm}" for arm in ARMS}
    assert {method.stems for method in found} == {("drums", "bass")}


@pytest.fixture(scope="module")
def killed(
    tmp_path_factory: pytest.TempPathFactory, midi_waveform: Any, project_type: Any, killed_when: Any
) -> tuple[Any, dict[str, Any]]:
    """A project killed in an update and in the writing of a checkpoint, and then finished."""
    folder = tmp_path_factory.mktemp("killed") / "project"
    project = project_type(folder, study="midi_waveform")
    project.with_data_of(midi_waveform, "02_intermediate", "03_primary", "05_model_input")
    project.configure(f"{DEFAULTS}.training.checkpoint_every_steps", 1)
    project.configure(f"{DEFAULTS}.pool.workers", 1)
    node = "mae.all.seed_0.train_separation"
    kills = {}
    for moment in ("step", "checkpoint"):
        marker = folder / f"{moment}.marker"
        arguments = ["run", "--pipeline=midi_waveform", "--env=test", f"--to-nodes={node}"]
        halting = [sys.executable, str(HALTING_RUN), moment, str(marker), "all/separation_work", *arguments]
        kills[moment] = killed_when(project, halting, marker.exists)
    project.run(to_nodes=[node])
    return project, kills


@pytest.mark.parametrize("moment", ["step", "checkpoint"])
def test_it_was_killed_at_the_moment_and_left_nothing_half_made(killed: Any, moment: str) -> None:
    seen = killed[1][moment]
    assert seen.had_come
    assert seen.orphans == []
    assert seen.partial == []


def test_a_resumed_training_equals_an_unbroken_one_to_the_bit(
    killed: Any, midi_waveform: Any, content_of: Any
) -> None:
    file = "06_models/midi_waveform/mae/seed_0/all/separation.safetensors"
    assert content_of(killed[0].data / file) == content_of(midi_waveform.data / file)


def test_losses_lead_to_other_weights(midi_waveform: Any) -> None:
    ends = [
        load_weights(models(midi_waveform) / arm / "seed_0" / "all" / "separation.safetensors")[0]
        for arm in LOSSES
    ]
    for one, other in itertools.combinations(ends, 2):
        assert any(not torch.equal(one[name], other[name]) for name in one)


def refused(project: Any, kind: type[Exception], **parameters: Any) -> Any:
    project.configure("enabled", False, file="mlflow.yml")
    with pytest.raises(kind) as caught:
        project.run(parameters=parameters)
    assert list(project.data.rglob("separation*")) == []
    return caught.value


def with_own_midi(project: Any) -> Path:
    folder: Path = project.path / "songs"
    folder.mkdir()
    project.configure(f"{DEFAULTS}.corpus.midi_folder", str(folder))
    return folder


def test_a_folder_without_usable_files_names_them_with_the_reason(make_project: Any) -> None:
    project = make_project(study="midi_waveform")
    folder = with_own_midi(project)
    (folder / "broken.mid").write_bytes(b"no MIDI")
    pretty_midi.PrettyMIDI().write(str(folder / "empty.mid"))
    message = str(refused(project, NoInputError))
    assert "broken.mid: not readable MIDI" in message
    assert "empty.mid: no notes" in message


def test_songs_with_other_instruments_are_counted(make_project: Any) -> None:
    project = make_project(study="midi_waveform")
    folder = with_own_midi(project)
    for number in range(2):
        song = pretty_midi.PrettyMIDI()
        flute = pretty_midi.Instrument(73)
        flute.notes = [pretty_midi.Note(90, 60 + at * number, at, at + 0.5) for at in range(3)]
        song.instruments.append(flute)
        song.write(str(folder / f"{number}.mid"))
    error = refused(project, NoInputError)
    assert error.parameter == "min_present"
    assert "drums, piano, strings, bass" in str(error)


def test_a_missing_sound_font_is_named_before_any_training(make_project: Any, midi_waveform: Any) -> None:
    project = make_project(study="midi_waveform").with_data_of(midi_waveform, "02_intermediate")
    project.configure(f"{DEFAULTS}.pool.sound_font", "none.sf2")
    assert refused(project, SoundFontError).file.name == "none.sf2"


def test_chunks_too_short_for_the_losses_are_refused(make_project: Any, midi_waveform: Any) -> None:
    project = make_project(study="midi_waveform").with_data_of(midi_waveform, "02_intermediate")
    project.configure(f"{DEFAULTS}.chunk_samples", 256)
    assert refused(project, TooShortError).found == 256


def test_a_song_that_went_away_after_the_index_is_named(make_project: Any, tmp_path: Path) -> None:
    project = make_project(study="midi_waveform")
    folder = with_own_midi(project)
    shipped = project.path / "data" / "01_raw" / "midi" / "easyrpg"
    for name in ("Field_1.mid", "Boss_3.mid"):
        shutil.copy2(shipped / name, folder)
    project.run(to_nodes=["prepare.check_inputs"])
    assert (project.data / "02_intermediate" / "midi_songs_corpus" / "corpus.json").exists()
    (folder / "Boss_3.mid").unlink()
    assert "prepare.index_midi_songs" in project.stale()
