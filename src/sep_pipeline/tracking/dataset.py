"""The catalog entry through which training nodes get their trackers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kedro.io import AbstractDataset, DatasetError

from sep_pipeline.tracking.session import TrackingSession
from sep_pipeline.tracking.tracker import NullTracker, Tracker


@dataclass(frozen=True)
class CellTrackers:
    """The trackers of all cells of a study; without a session they report to nobody.

    Attributes:
        session: The tracking of this run of the study; None with tracking off or in a notebook.
        identities: Digest of what each cell makes, by `<arm>.<stem>.seed_<n>`.
    """

    session: TrackingSession | None = None
    identities: Mapping[str, str] = field(default_factory=dict)

    def of(self, *, arm: str, stem: str, seed: int) -> Tracker:
        """Open or continue the run of one cell."""
        if self.session is None:
            return NullTracker()
        identity = self.identities.get(f"{arm}.{stem}.seed_{seed}", "unnamed")
        return self.session.cell_tracker(arm=arm, stem=stem, seed=seed, identity=identity)


class TrackerDataset(AbstractDataset[None, CellTrackers]):
    """The trackers of a study's cells, completed by the hook that opens the study's run.

    Args:
        study: Study name.
        metadata: For viewers.
    """

    def __init__(self, *, study: str, metadata: dict[str, Any] | None = None) -> None:
        self.study = study
        self.metadata = metadata
        self.session: TrackingSession | None = None
        self.identities: dict[str, str] = {}

    def load(self) -> CellTrackers:
        """The trackers; no run is opened before one is asked for."""
        return CellTrackers(self.session, dict(self.identities))

    def save(self, data: None) -> None:  # noqa: ARG002
        """Refuse: a tracker is only read."""
        raise DatasetError("a tracker is not an output")

    def _exists(self) -> bool:
        return True

    def _describe(self) -> dict[str, Any]:
        return {"study": self.study}
