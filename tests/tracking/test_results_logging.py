from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sep_pipeline.tracking import RunTracker, TrackingSession, log_study_results
from sep_pipeline.tracking.results import metric_key

SCORES = [
    ("scratch", "drums", 0, "one", "SDR", 1.0),
    ("scratch", "drums", 0, "two", "SDR", 3.0),
    ("scratch", "drums", 0, "one", "SI-SDR (mono)", -4.0),
    ("scratch", "bass", 0, "one", "SDR", 8.0),
    ("pretrained", "drums", 0, "one", "SDR", 6.0),
    ("pretrained", "drums", 0, "two", "SDR", np.nan),
    ("mixture, scaled", "drums", 0, "one", "SDR", 0.5),
    ("silence", "drums", 0, "one", "SDR", -np.inf),
]


@pytest.fixture
def scores() -> pd.DataFrame:
    return pd.DataFrame(SCORES, columns=["arm", "stem", "seed", "track", "metric", "value"])


@pytest.fixture
def cells(session: TrackingSession) -> dict[tuple[str, str], RunTracker]:
    """Runs of the trained cells; floors have none."""
    names = [("scratch", "drums"), ("scratch", "bass"), ("pretrained", "drums")]
    return {
        (arm, stem): session.cell_tracker(arm=arm, stem=stem, seed=0, identity="cell") for arm, stem in names
    }


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        (("scratch", "drums"), {"final/SDR": 2.0, "final/SI-SDR_mono": -4.0}),
        (("scratch", "bass"), {"final/SDR": 8.0}),
        (("pretrained", "drums"), {"final/SDR": 6.0}),
    ],
)
def test_every_cell_gets_its_means_over_tracks(
    session: TrackingSession, scores: pd.DataFrame, cells: Any, runs: Any, cell: Any, expected: Any
) -> None:
    log_study_results(session, scores, [])
    assert runs.metrics(cells[cell].run_id) == expected


def test_the_study_gets_the_means_over_stems(
    session: TrackingSession, scores: pd.DataFrame, cells: Any, runs: Any
) -> None:
    log_study_results(session, scores, [])
    assert runs.metrics(session.study_run_id) == {
        "total_SDR/scratch": 5.0,
        "total_SI-SDR_mono/scratch": -4.0,
        "total_SDR/pretrained": 6.0,
        "total_SDR/mixture_scaled": 0.5,
    }


def test_refined_estimates_stand_beside_the_plain_ones(
    session: TrackingSession, cells: Any, runs: Any
) -> None:
    rows = [("scratch", 1.0), ("scratch+wiener", 2.5)]
    frame = pd.DataFrame(
        [(arm, "drums", 0, "one", "SDR", value) for arm, value in rows],
        columns=["arm", "stem", "seed", "track", "metric", "value"],
    )
    log_study_results(session, frame, [])
    expected = {"final/SDR": 1.0, "final_wiener/SDR": 2.5}
    assert runs.metrics(cells["scratch", "drums"].run_id) == expected


def test_the_first_table_describes_the_study(
    session: TrackingSession, scores: pd.DataFrame, tmp_path: Path, runs: Any
) -> None:
    files = [tmp_path / name for name in ("scores.csv", "table_1.md", "table_2.md")]
    for file in files:
        file.write_text(file.name)
    log_study_results(session, scores, files)
    assert runs.client.get_run(session.study_run_id).data.tags["mlflow.note.content"] == "table_1.md"


def test_seeds_are_kept_apart(session: TrackingSession, runs: Any) -> None:
    rows = [("scratch", "drums", seed, "one", "SDR", float(seed)) for seed in (1, 2)]
    trackers = [
        session.cell_tracker(arm="scratch", stem="drums", seed=seed, identity="cell") for seed in (1, 2)
    ]
    frame = pd.DataFrame(rows, columns=["arm", "stem", "seed", "track", "metric", "value"])
    log_study_results(session, frame, [])
    assert [runs.metrics(cell.run_id)["final/SDR"] for cell in trackers] == [1.0, 2.0]


def test_files_are_kept_in_the_study_run(
    session: TrackingSession, scores: pd.DataFrame, cells: Any, runs: Any, tmp_path: Path
) -> None:
    files = [tmp_path / "table_1.csv", tmp_path / "figure_curves.png"]
    for file in files:
        file.write_text("content")
    log_study_results(session, scores, files)
    kept = {item.path for item in runs.client.list_artifacts(session.study_run_id)}
    assert kept == {"table_1.csv", "figure_curves.png"}


def test_logging_results_opens_no_run(
    session: TrackingSession, scores: pd.DataFrame, cells: Any, runs: Any
) -> None:
    before = len(runs.all())
    log_study_results(session, scores, [])
    assert len(runs.all()) == before


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("SI-SDR", "SI-SDR"),
        ("SDR, median of frames", "SDR_median_of_frames"),
        ("µSDR (dB)", "SDR_dB"),
        ("scratch + wiener", "scratch_wiener"),
        ("a.b_c", "a.b_c"),
    ],
)
def test_names_keep_only_what_mlflow_takes(name: str, key: str) -> None:
    assert metric_key(name) == key
