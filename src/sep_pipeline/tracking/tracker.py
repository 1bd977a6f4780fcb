"""What a node holds to report on its work: a training callback that ends in MLflow, or nowhere.

Nothing here uses MLflow's active run, which is bound to a thread: every call names its run.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Metric

SECONDS_BETWEEN_BATCHES = 5.0
METRICS_PER_BATCH = 1000
PARAMETERS_PER_BATCH = 100
PARAMETER_LENGTH = 6000
DESCRIPTION_LENGTH = 8000


class Tracker(Protocol):
    """A training callback that also takes parameters, final metrics and files."""

    def on_scalars(self, step: int, scalars: Mapping[str, float]) -> None:
        """Values of one training step."""

    def on_evaluation(self, step: int, scalars: Mapping[str, float]) -> None:
        """Values of one evaluation."""

    def on_checkpoint(self, step: int) -> None:
        """A checkpoint is about to be written."""

    def on_end(self, status: str) -> None:
        """One training ended: `finished`, `failed` or `interrupted`."""

    def log_parameters(self, parameters: Mapping[str, Any]) -> None:
        """Nested parameters, flattened to dotted names."""

    def within(self, phase: str) -> Tracker:
        """A tracker of the same run whose metric names begin with `<phase>/`."""

    def end(self, status: str) -> None:
        """The last report of the run was made: `FINISHED` or `FAILED`."""


class NullTracker:
    """Reports to nobody."""

    def on_scalars(self, step: int, scalars: Mapping[str, float]) -> None:
        """Drop the values."""

    def on_evaluation(self, step: int, scalars: Mapping[str, float]) -> None:
        """Drop the values."""

    def on_checkpoint(self, step: int) -> None:
        """Nothing to send."""

    def on_end(self, status: str) -> None:
        """Nothing to end."""

    def log_parameters(self, parameters: Mapping[str, Any]) -> None:
        """Drop the parameters."""

    def within(self, phase: str) -> NullTracker:  # noqa: ARG002
        """This tracker."""
        return self

    def end(self, status: str) -> None:
        """Nothing to end."""


class RunTracker:
    """Reports to one MLflow run.

    Args:
        uri: Tracking URI.
        run_id: The run.
        prefix: Put before every metric name.
    """

    def __init__(self, uri: str, run_id: str, *, prefix: str = "") -> None:
        self.uri = uri
        self.run_id = run_id
        self._prefix = prefix
        self._waiting: list[Metric] = []
        self._last_sent = time.monotonic()

    def on_scalars(self, step: int, scalars: Mapping[str, float]) -> None:
        """Keep the values and send them with others every few seconds."""
        self._keep(step, scalars)
        if time.monotonic() - self._last_sent > SECONDS_BETWEEN_BATCHES:
            self.flush()

    def on_evaluation(self, step: int, scalars: Mapping[str, float]) -> None:
        """Send the values, named `validation/…`, at once."""
        self._keep(step, {f"validation/{name}": value for name, value in scalars.items()})
        self.flush()

    def on_checkpoint(self, step: int) -> None:  # noqa: ARG002
        """Send what waits, since a resumed training does not report it again."""
        self.flush()

    def on_end(self, status: str) -> None:
        """Send what waits and, after a failure, mark the run FAILED."""
        self.flush()
        if status == "failed":
            self.end("FAILED")

    def within(self, phase: str) -> RunTracker:
        """A tracker of the same run whose metric names begin with `<phase>/`."""
        return RunTracker(self.uri, self.run_id, prefix=f"{self._prefix}{phase}/")

    def log_parameters(self, parameters: Mapping[str, Any]) -> None:
        """Log nested parameters under dotted names; a name that the run already has keeps its value."""
        from mlflow.entities import Param

        client = self._client()
        known = client.get_run(self.run_id).data.params
        named = ((_accepted(name), value) for name, value in flattened(parameters))
        new = [Param(name, value[:PARAMETER_LENGTH]) for name, value in named if name not in known]
        for start in range(0, len(new), PARAMETERS_PER_BATCH):
            client.log_batch(self.run_id, params=new[start : start + PARAMETERS_PER_BATCH])

    def log_metrics(self, metrics: Mapping[str, float], step: int = 0) -> None:
        """Log final values; those that are not finite are left out."""
        self._keep(step, metrics)
        self.flush()

    def log_file(self, path: Path, folder: str | None = None) -> None:
        """Copy a file into the run's artifacts."""
        self._client().log_artifact(self.run_id, str(path), folder)

    def describe(self, text: str) -> None:
        """Show Markdown at the top of the run's page."""
        self._client().set_tag(self.run_id, "mlflow.note.content", text[:DESCRIPTION_LENGTH])

    def end(self, status: str) -> None:
        """Set the run's final status."""
        self._client().set_terminated(self.run_id, status)

    def flush(self) -> None:
        """Send all values that wait."""
        waiting, self._waiting = self._waiting, []
        client = self._client() if waiting else None
        for start in range(0, len(waiting), METRICS_PER_BATCH):
            assert client is not None
            client.log_batch(self.run_id, metrics=waiting[start : start + METRICS_PER_BATCH])
        self._last_sent = time.monotonic()

    def _keep(self, step: int, scalars: Mapping[str, float]) -> None:
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        self._waiting += [
            Metric(_accepted(f"{self._prefix}{name}"), float(value), now, step)
            for name, value in scalars.items()
            if math.isfinite(value)
        ]

    def _client(self) -> MlflowClient:
        return open_client(self.uri)


def open_client(uri: str) -> MlflowClient:
    """An MLflow client of the store at `uri`."""
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=uri)


def _accepted(name: str) -> str:
    """The name with an underscore for every run of characters that MLflow refuses in names."""
    return re.sub(r"[^\w./: -]+", "_", name)


def flattened(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Nested values as (dotted name, text) pairs."""
    pairs: list[tuple[str, str]] = []
    for name, value in values.items():
        if isinstance(value, Mapping):
            pairs += flattened(value, f"{prefix}{name}.")
        else:
            pairs.append((f"{prefix}{name}", str(value)))
    return pairs
