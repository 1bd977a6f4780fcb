"""The catalog entry through which a node gets its tracker."""

from __future__ import annotations

from typing import Any

from kedro.io import AbstractDataset, DatasetError

from sep_pipeline.tracking.session import TrackingSession
from sep_pipeline.tracking.tracker import NullTracker, Tracker


class TrackerDataset(AbstractDataset[None, Tracker]):
    """The tracker of one cell. Without a tracking session (tracking off, a notebook) it reports to nobody.

    Args:
        study: Study name.
        arm: Arm name.
        stem: Target stem.
        seed: Seed.
        metadata: For viewers.
    """

    def __init__(
        self, *, study: str, arm: str, stem: str, seed: int | str, metadata: dict[str, Any] | None = None
    ) -> None:
        self.study = study
        self.arm = arm
        self.stem = stem
        self.seed = int(seed)
        self.metadata = metadata
        self.session: TrackingSession | None = None
        self.identity = "unnamed"

    def load(self) -> Tracker:
        """Open or continue the cell's run."""
        if self.session is None:
            return NullTracker()
        return self.session.cell_tracker(arm=self.arm, stem=self.stem, seed=self.seed, identity=self.identity)

    def save(self, data: None) -> None:  # noqa: ARG002
        """Refuse: a tracker is only read."""
        raise DatasetError("a tracker is not an output")

    def _exists(self) -> bool:
        return True

    def _describe(self) -> dict[str, Any]:
        return {"study": self.study, "arm": self.arm, "stem": self.stem, "seed": self.seed}
