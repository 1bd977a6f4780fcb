"""What a second run does again: nothing, or exactly what a change reaches."""

from __future__ import annotations

import shutil
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sep_pipeline.audio.io import read_audio

ARM = "no_finetune"
STEMS = ["drums", "bass", "guitar", "other"]
LEARNING_RATE = f"jukebox_transfer.arms.{ARM}.phase_two.training.learning_rate"
# What depends on the scores of any arm; floors, bandwidths and the first arm's spectrograms do not.
SHARED_RESULTS = {
    "scores.collect_scores",
    "tables.compare_arms",
    "tables.collect_curves",
    "tables.make_tables",
    "tables.write_tables",
    "tables.draw_training_curves",
    "tables.draw_score_against_step",
}


def of_the_arm(names: set[str]) -> set[str]:
    return {name for name in names if name.startswith(f"{ARM}.") or f"_{ARM}_seed" in name}


def test_a_second_run_changes_no_file_and_prints_the_table(
    study: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    before = study.times()
    study.run()
    assert study.times() == before
    printed = capsys.readouterr().out
    assert "Study 1, table 1" in printed
    assert "floor: silence" in printed


def test_a_moved_project_is_still_finished(study_copy: Any) -> None:
    assert study_copy.stale() == {}


def test_process_count_and_what_does_not_reach_numbers_redo_nothing(study_copy: Any) -> None:
    study_copy.configure("num_processes", 1)
    assert study_copy.stale() == {}


def test_a_changed_parameter_of_one_arm_reaches_that_arm_and_the_tables_only(study_copy: Any) -> None:
    study_copy.configure(LEARNING_RATE, 1.0e-2)
    stale = set(study_copy.stale())
    other = stale - of_the_arm(stale)
    assert {f"{ARM}.{stem}.seed_0.train_phase_two" for stem in STEMS} <= stale
    assert {f"separate.separate_{ARM}_seed_0", f"scores.score_{ARM}_seed_0"} <= stale
    assert not any(name.endswith("train_phase_one") for name in stale)
    assert other == SHARED_RESULTS


def test_the_reason_names_the_changed_parameter(study_copy: Any) -> None:
    study_copy.configure(LEARNING_RATE, 1.0e-2)
    reason = study_copy.stale()[f"{ARM}.drums.seed_0.train_phase_two"]
    assert reason == f"changed: params:jukebox_transfer.arms.{ARM}.phase_two"


def test_rerunning_after_the_change_leaves_the_other_arms_as_they_were(
    study: Any, study_copy: Any, mlflow_runs: Any
) -> None:
    study_copy.configure(LEARNING_RATE, 1.0e-2)
    study_copy.run()
    assert study_copy.stale() == {}
    for old in (study.data / "06_models").rglob("phase_two.safetensors"):
        new = study_copy.data / "06_models" / old.relative_to(study.data / "06_models")
        assert new.samefile(old) == (ARM not in old.parts)
    before, after = (
        pd.read_parquet(project.reports / "scores.parquet").set_index(
            ["arm", "stem", "seed", "track", "metric"]
        )["value"]
        for project in (study, study_copy)
    )
    is_ours = before.index.get_level_values("arm").str.startswith(ARM)
    pd.testing.assert_series_equal(before[~is_ours], after[~is_ours], check_exact=True)
    assert (before[ARM] != after[ARM]).any()
    runs = mlflow_runs(study_copy)
    assert {run.data.tags.get("arm") for run in runs} == {None, ARM}


def test_deleted_estimates_are_made_again_and_nothing_else(study: Any, study_copy: Any) -> None:
    folder = study_copy.data / "07_model_output" / "jukebox_transfer" / "scratch" / "seed_0"
    shutil.rmtree(folder)
    assert set(study_copy.stale()) == {"separate.separate_scratch_seed_0"}
    study_copy.run()
    original = study.data / "07_model_output" / "jukebox_transfer" / "scratch" / "seed_0"
    files = sorted(original.rglob("*.wav"))
    assert files
    for file in files:
        # Not the bytes: float files carry the time of writing.
        np.testing.assert_array_equal(read_audio(folder / file.relative_to(original))[0], read_audio(file)[0])
    for weights in (study.data / "06_models").rglob("*.safetensors"):
        assert (study_copy.data / "06_models" / weights.relative_to(study.data / "06_models")).samefile(
            weights
        )


def test_force_makes_again_what_is_fresh(study_copy: Any) -> None:
    name = "05_model_input/jukebox_transfer/drums/bandwidths.json"
    before = (study_copy.data / name).stat()
    study_copy.run(node_names=["prepare.measure_bandwidths_drums"])
    assert (study_copy.data / name).stat().st_mtime_ns == before.st_mtime_ns
    study_copy.run(node_names=["prepare.measure_bandwidths_drums"], should_force=True)
    assert (study_copy.data / name).stat().st_mtime_ns > before.st_mtime_ns
