import pickle
from typing import Any

import pytest
from kedro.io import DataCatalog, DatasetError

from sep_pipeline.tracking import NullTracker, RunTracker, TrackerDataset, TrackingSession

DRUMS: dict[str, Any] = {"arm": "scratch", "stem": "drums", "seed": 0}


@pytest.fixture
def dataset() -> TrackerDataset:
    return TrackerDataset(study="toy_study")


@pytest.fixture
def tracking_dataset(dataset: TrackerDataset, session: TrackingSession) -> TrackerDataset:
    dataset.session = session
    dataset.identities = {"scratch.drums.seed_0": "cell-1", "scratch.bass.seed_0": "cell-2"}
    return dataset


def test_without_a_session_it_reports_to_nobody(dataset: TrackerDataset) -> None:
    assert isinstance(dataset.load().of(**DRUMS), NullTracker)


def test_with_a_session_it_opens_the_run_of_the_cell(tracking_dataset: TrackerDataset, runs: Any) -> None:
    tracker = tracking_dataset.load().of(**DRUMS)
    assert isinstance(tracker, RunTracker)
    tags = runs.client.get_run(tracker.run_id).data.tags
    assert [tags[name] for name in ("arm", "stem", "seed", "identity")] == ["scratch", "drums", "0", "cell-1"]


def test_every_cell_has_its_own_identity(tracking_dataset: TrackerDataset, runs: Any) -> None:
    tracker = tracking_dataset.load().of(**{**DRUMS, "stem": "bass"})
    assert isinstance(tracker, RunTracker)
    assert runs.client.get_run(tracker.run_id).data.tags["identity"] == "cell-2"


def test_loading_opens_no_run(tracking_dataset: TrackerDataset, runs: Any) -> None:
    before = len(runs.all())
    tracking_dataset.load()
    assert len(runs.all()) == before


def test_it_reports_to_the_same_run_from_another_process(tracking_dataset: TrackerDataset) -> None:
    copy = pickle.loads(pickle.dumps(tracking_dataset))
    first, second = tracking_dataset.load().of(**DRUMS), copy.load().of(**DRUMS)
    assert isinstance(first, RunTracker)
    assert first.run_id == second.run_id


def test_it_is_no_output(dataset: TrackerDataset) -> None:
    with pytest.raises(DatasetError, match="not an output"):
        dataset.save(object())  # type: ignore[arg-type]


def test_the_catalog_fills_in_the_study_from_its_name() -> None:
    pattern = {"{study}.mlflow_runs": {"type": "sep_pipeline.tracking.TrackerDataset", "study": "{study}"}}
    dataset = DataCatalog.from_config(pattern).get("toy_study.mlflow_runs")
    assert isinstance(dataset, TrackerDataset)
    assert dataset.study == "toy_study"
