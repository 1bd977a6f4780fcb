"""Catalog datasets: artifacts that exist only when fresh, and resumable working folders."""

from sep_pipeline.datasets.artifact import ArtifactDataset
from sep_pipeline.datasets.artifacts import (
    FigureDataset,
    FileDataset,
    FolderDataset,
    FolderWriter,
    TextDataset,
    Weights,
    WeightsDataset,
)
from sep_pipeline.datasets.workspace import Workspace, WorkspaceDataset

__all__ = [
    "ArtifactDataset",
    "FigureDataset",
    "FileDataset",
    "FolderDataset",
    "FolderWriter",
    "TextDataset",
    "Weights",
    "WeightsDataset",
    "Workspace",
    "WorkspaceDataset",
]
