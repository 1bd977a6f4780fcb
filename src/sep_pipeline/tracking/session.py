"""Finding, continuing and opening runs: one per cell of a study's grid and one for the study."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from sep_pipeline.tracking.tracker import RunTracker, open_client
from sep_pipeline.tracking.views import experiment_tags

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("DO_NOT_TRACK", "1")


@dataclass(frozen=True)
class TrackingSettings:
    """Where runs are kept.

    Attributes:
        uri: MLflow tracking URI.
        artifact_folder: Where a new experiment keeps its files; None leaves it to the server.
    """

    uri: str
    artifact_folder: str | None = None


@dataclass(frozen=True)
class TrackingSession:
    """The tracking of one run of a study; small and picklable, so that it reaches worker processes.

    Attributes:
        settings: Where runs are kept.
        study: Study name; also the experiment.
        study_run_id: The run of the whole study.
        tags: Put on every run that is opened, and demanded of a cell's newest run; the environment, so that
            the scores of one do not go to the runs of another.
    """

    settings: TrackingSettings
    study: str
    study_run_id: str
    tags: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def begin(
        cls, settings: TrackingSettings, study: str, identity: str, tags: Mapping[str, str]
    ) -> TrackingSession:
        """Open the run of a study, or continue the unfinished one of the same identity.

        Args:
            settings: Where runs are kept; a new sqlite store is made here, before any worker asks for it.
            study: Study name.
            identity: Digest of all that the study's results depend on.
            tags: Further tags of every run that is opened.
        """
        client = open_client(settings.uri)
        experiment_id = _experiment(settings, study)
        found = client.search_runs(
            [experiment_id],
            f"tags.kind = 'study' and tags.identity = '{identity}' and attributes.status != 'FINISHED'",
            max_results=1,
        )
        if found:
            client.update_run(found[0].info.run_id, status="RUNNING")
            return cls(settings, study, found[0].info.run_id, dict(tags))
        run = client.create_run(
            experiment_id,
            tags={"kind": "study", "identity": identity, **tags},
            run_name=f"{study} (whole study)",
        )
        return cls(settings, study, run.info.run_id, dict(tags))

    @classmethod
    def latest(
        cls, settings: TrackingSettings, study: str, tags: Mapping[str, str]
    ) -> TrackingSession | None:
        """The newest run of a study with these tags, however it ended; None if the study was never tracked."""
        client = open_client(settings.uri)
        experiment = client.get_experiment_by_name(study)
        if experiment is None:
            return None
        found = client.search_runs(
            [experiment.experiment_id],
            _condition({"kind": "study", **tags}),
            max_results=1,
            order_by=["attributes.start_time DESC"],
        )
        return cls(settings, study, found[0].info.run_id, dict(tags)) if found else None

    def study_tracker(self) -> RunTracker:
        """The tracker of the study's own run."""
        return RunTracker(self.settings.uri, self.study_run_id)

    def cell_tracker(self, *, arm: str, stem: str, seed: int, identity: str) -> RunTracker:
        """The tracker of one cell; a run of the same identity is continued, else a new one is opened."""
        client = open_client(self.settings.uri)
        tags = {"kind": "cell", "arm": arm, "stem": stem, "seed": str(seed)}
        found = self._search({**tags, "identity": identity})
        if found is None:
            run = client.create_run(
                _experiment(self.settings, self.study),
                tags={**self.tags, **tags, "identity": identity, "study_run": self.study_run_id},
                # The stem first: the page cuts long names off, and then it is the arm that can still be told.
                run_name=f"{stem} {arm} seed {seed}",
            )
            found = run.info.run_id
        else:
            client.set_tag(found, "study_run", self.study_run_id)
            client.update_run(found, status="RUNNING")
        return RunTracker(self.settings.uri, found)

    def latest_cell(self, *, arm: str, stem: str, seed: int) -> RunTracker | None:
        """The tracker of the newest run of a cell, whether or not it was trained in this run of the study."""
        run_id = self._search({**self.tags, "kind": "cell", "arm": arm, "stem": stem, "seed": str(seed)})
        return None if run_id is None else RunTracker(self.settings.uri, run_id)

    def fail(self) -> None:
        """Mark the study and its cells that are still running as FAILED."""
        client = open_client(self.settings.uri)
        running = client.search_runs(
            [_experiment(self.settings, self.study)],
            f"tags.study_run = '{self.study_run_id}' and attributes.status = 'RUNNING'",
        )
        for run in running:
            client.set_terminated(run.info.run_id, "FAILED")
        client.set_terminated(self.study_run_id, "FAILED")

    def _search(self, tags: Mapping[str, str]) -> str | None:
        found = open_client(self.settings.uri).search_runs(
            [_experiment(self.settings, self.study)],
            _condition(tags),
            max_results=1,
            order_by=["attributes.start_time DESC"],
        )
        return str(found[0].info.run_id) if found else None


def _condition(tags: Mapping[str, str]) -> str:
    return " and ".join(f"tags.{name} = {_quoted(value)}" for name, value in tags.items())


def _quoted(value: str) -> str:
    return f'"{value}"' if "'" in value else f"'{value}'"


def _experiment(settings: TrackingSettings, study: str) -> str:
    client = open_client(settings.uri)
    known = client.get_experiment_by_name(study)
    if known is not None:
        for name, value in experiment_tags().items():
            if name not in known.tags:
                client.set_experiment_tag(known.experiment_id, name, value)
        return str(known.experiment_id)
    folder = settings.artifact_folder
    location = folder and f"{folder}/{study}"
    return str(client.create_experiment(study, artifact_location=location, tags=experiment_tags()))
