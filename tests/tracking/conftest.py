"""A migrated MLflow store, copied for every test, because making one takes longer than all tests."""

import shutil
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.entities import Run

from sep_pipeline.tracking import TrackingSession, TrackingSettings

STUDY = "toy_study"


@pytest.fixture(scope="session")
def migrated_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    store = tmp_path_factory.mktemp("mlflow") / "store.db"
    MlflowClient(tracking_uri=f"sqlite:///{store}").search_experiments()
    return store


@pytest.fixture
def settings(migrated_store: Path, tmp_path: Path) -> TrackingSettings:
    """An empty store with a folder for files."""
    shutil.copy(migrated_store, tmp_path / "mlflow.db")
    return TrackingSettings(f"sqlite:///{tmp_path / 'mlflow.db'}", (tmp_path / "artifacts").as_uri())


@pytest.fixture
def session(settings: TrackingSettings) -> TrackingSession:
    """A study just begun."""
    return TrackingSession.begin(settings, STUDY, "study-1", {"environment": "test"})


class Runs:
    """What stands in the store, as a reader of MLflow's page sees it."""

    def __init__(self, settings: TrackingSettings) -> None:
        self.client = MlflowClient(tracking_uri=settings.uri)

    def all(self) -> list[Run]:
        experiment = self.client.get_experiment_by_name(STUDY)
        assert experiment is not None
        return list(self.client.search_runs([experiment.experiment_id], order_by=["start_time ASC"]))

    def status(self, run_id: str) -> str:
        return str(self.client.get_run(run_id).info.status)

    def metrics(self, run_id: str) -> dict[str, float]:
        return dict(self.client.get_run(run_id).data.metrics)

    def curve(self, run_id: str, name: str) -> list[tuple[int, float]]:
        history = self.client.get_metric_history(run_id, name)
        return sorted((point.step, point.value) for point in history)


@pytest.fixture
def runs(settings: TrackingSettings) -> Runs:
    return Runs(settings)
