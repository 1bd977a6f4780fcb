"""MLflow: runs addressed by explicit id, curves sent in batches, results of a whole study."""

from sep_pipeline.tracking.dataset import CellTrackers, TrackerDataset
from sep_pipeline.tracking.results import log_study_results
from sep_pipeline.tracking.session import TrackingSession, TrackingSettings
from sep_pipeline.tracking.tracker import NullTracker, RunTracker, Tracker

__all__ = [
    "CellTrackers",
    "NullTracker",
    "RunTracker",
    "Tracker",
    "TrackerDataset",
    "TrackingSession",
    "TrackingSettings",
    "log_study_results",
]
