"""Embeddings of held-out triplets as a table: how well they are ordered, and their picture in two dimensions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from sep_pipeline.data.triplets import ROLES, TripletExamples
from sep_pipeline.losses.triplet import is_ordered, triplet_loss
from sep_pipeline.models.deep_demix import Encoder
from sep_pipeline.models.mask_spectrogram import stem_magnitudes
from sep_pipeline.reporting.figures import COLOURS, finished, panels

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Points = npt.NDArray[np.float64]

PLACE_COLUMNS = ("triplet", "role", "stem", "track")
"""Columns of an embeddings frame before its dimensions, which are `dimension_0` and so on."""

MEASURES = ("triplet_loss", "accuracy", "embedding_norm")
ENCODER = ["pretraining", "seed"]
_DIMENSION = "dimension_"


def embedding_rows(encoder: Encoder, triplets: TripletExamples, num_items: int) -> pd.DataFrame:
    """Embed a fixed list of triplets.

    Args:
        encoder: The encoder, which is put into evaluation mode.
        triplets: The list.
        num_items: How many of them, from the first.

    Returns:
        A row per excerpt with `PLACE_COLUMNS` and the dimensions.
    """
    device = next(encoder.parameters()).device
    encoder.eval()
    rows: list[dict[str, object]] = []
    for number in range(num_items):
        triplet = triplets.item(number)
        audio = torch.from_numpy(triplet.audio).to(device)[None]
        with torch.inference_mode():
            points = encoder(stem_magnitudes(audio, encoder.config))[0].cpu().numpy()
        for role, label, track, point in zip(ROLES, triplet.labels, triplet.track_ids, points, strict=True):
            place = (number, role, triplets.stems[label], track)
            rows.append(
                dict(zip(PLACE_COLUMNS, place, strict=True))
                | {f"{_DIMENSION}{index}": float(value) for index, value in enumerate(point)}
            )
    return pd.DataFrame(rows)


def measures(embeddings: pd.DataFrame, margin: float) -> pd.DataFrame:
    """Triplet loss, accuracy and norm of every encoder.

    Args:
        embeddings: Embeddings of several encoders.
        margin: Of the triplet loss.

    Returns:
        Columns pretraining, seed and `MEASURES`.
    """
    rows = []
    for (pretraining, seed), own in embeddings.groupby(ENCODER, sort=False):
        by_role = own.sort_values("triplet").groupby("role")
        roles = [torch.from_numpy(points_of(by_role.get_group(role))) for role in ROLES]
        figures = (
            triplet_loss(*roles, margin=margin).mean(),
            is_ordered(*roles).double().mean(),
            torch.linalg.vector_norm(torch.cat(roles), dim=1).mean(),
        )
        rows.append(
            {"pretraining": pretraining, "seed": seed}
            | {name: float(value) for name, value in zip(MEASURES, figures, strict=True)}
        )
    return pd.DataFrame(rows, columns=[*ENCODER, *MEASURES])


def points_of(embeddings: pd.DataFrame) -> Points:
    """The dimensions alone, float64, (row, dimension)."""
    names = [name for name in embeddings.columns if str(name).startswith(_DIMENSION)]
    return np.array(embeddings[names], np.float64)


def principal_components(points: Points) -> Points:
    """The two directions in which points spread most, of largest spread first.

    Args:
        points: (row, dimension), at least two dimensions.

    Returns:
        Coordinates, (row, 2), centred; the largest of every direction is positive.
    """
    centred = points - points.mean(axis=0)
    directions = np.linalg.svd(centred, full_matrices=False)[2][:2]
    coordinates: Points = centred @ directions.T
    largest = np.abs(coordinates).argmax(axis=0)
    return coordinates * np.where(coordinates[largest, [0, 1]] < 0, -1.0, 1.0)


def embedding_figure(embeddings: pd.DataFrame, stems: Sequence[str], *, title: str) -> Figure:
    """Embeddings in two dimensions, a panel per pre-training, a colour per stem; of the first seed alone."""
    names = list(embeddings["pretraining"].unique())
    figure, axes = panels(1, len(names), size=(3.0, 2.8))
    for panel, name in zip(axes[0], names, strict=True):
        own = embeddings[embeddings["pretraining"] == name]
        own = own[own["seed"] == own["seed"].iloc[0]]
        points = principal_components(points_of(own))
        for index, stem in enumerate(stems):
            chosen = points[(own["stem"] == stem).to_numpy()]
            panel.scatter(
                chosen[:, 0], chosen[:, 1], s=8, label=stem, color=COLOURS[index % len(COLOURS)], linewidths=0
            )
        panel.set_title(str(name).replace("_", " "))
        panel.set_xlabel("first component")
    axes[0][0].set_ylabel("second component")
    finished(figure, axes[0][0], title)
    return figure
