"""Deep clustering: points of one source shall have one embedding, in memory linear in the number of points.

Hershey et al. 2016 (arXiv:1508.04306), weighted and divided by the squared sum of the weights. With embeddings V
and assignments Y as rows, |V Vᵀ − Y Yᵀ|² = |VᵀV|² − 2 |VᵀY|² + |YᵀY|²: the affinities of all pairs of points are
never formed. The gradient is worked out beside the value, so that of the steps between embedding and loss nothing
as large as the embedding is kept. Differentiating twice is not supported.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from sep_pipeline.errors import StemMismatchError

_SILENT_SUM = 1e-6
_SILENT_WEIGHT = 1e-8
_SMALLEST_NORM = 1e-12


def dominant_source(magnitudes: Tensor) -> Tensor:
    """Which source is loudest at every point.

    Args:
        magnitudes: float, not negative, (batch, stem, channel, frame, bin).

    Returns:
        The same shape and type: 1 for the one source that is louder than all others, else 0. Where the largest
        magnitude is shared, as in silence, no source has a 1.
    """
    is_loudest = magnitudes == magnitudes.amax(dim=1, keepdim=True)
    is_alone = is_loudest.sum(dim=1, keepdim=True) == 1
    return (is_loudest & is_alone).to(magnitudes.dtype)


def magnitude_weights(mixture: Tensor) -> Tensor:
    """Root of every point's share of the mixture's magnitude.

    Args:
        mixture: Magnitudes, float, not negative, (batch, channel, frame, bin).

    Returns:
        The same shape. Squares of an item sum to its number of frames and bins; those of a silent one are 0.
    """
    num_points = mixture.shape[-2] * mixture.shape[-1]
    total = mixture.sum(dim=(1, 2, 3), keepdim=True)
    return (mixture * (num_points / (total + _SILENT_SUM))).sqrt()


def deep_clustering_loss(embedding: Tensor, assignment: Tensor, weights: Tensor) -> Tensor:
    """Weighted distance between the affinities of embeddings and of assignments, per item.

    The sum over pairs of points i, j of w_i² w_j² (<v_i, v_j> − <y_i, y_j>)², over (Σ w²)² + 1e-8; v and y are
    scaled to unit norm first, zero rows stay. Equal embeddings everywhere give 1 minus the sum of the squared
    shares of the sources, a perfect clustering 0, a silent item 0. The order of the sources is without effect.

    Args:
        embedding: float32, (batch, frame, bin, dimension), of a mono mixture.
        assignment: float32, (batch, stem, 1, frame, bin), see `dominant_source`; a constant.
        weights: float32, not negative, (batch, 1, frame, bin), see `magnitude_weights`; a constant.

    Returns:
        float32, (batch,).

    Raises:
        StemMismatchError: The shapes do not belong together.
    """
    points = embedding.shape[:-1]
    if (
        assignment.shape[:1] + assignment.shape[3:] != points
        or weights.shape[:1] + weights.shape[2:] != points
    ):
        raise StemMismatchError(
            "embedding, assignment and weights are not of the same points",
            expected=tuple(points),
            found=(tuple(assignment.shape), tuple(weights.shape)),
        )
    loss: Tensor = _DeepClustering.apply(embedding, assignment, weights)  # type: ignore[no-untyped-call]
    return loss


class _DeepClustering(torch.autograd.Function):
    """Goes through the items one by one; between the passes the products of each item are kept."""

    @staticmethod
    def forward(ctx: Any, embedding: Tensor, assignment: Tensor, weights: Tensor) -> Tensor:
        losses, products = [], []
        for item in zip(embedding, assignment, weights, strict=True):
            points, clusters = _weighted(*item)
            within, across = points.T @ points, clusters @ points
            energies = [part.double().square().sum() for part in (within, across, clusters @ clusters.T)]
            losses.append((energies[0] - 2 * energies[1] + energies[2]) / _squared_total(item[2]))
            products += [within, across]
        ctx.save_for_backward(embedding, assignment, weights, *products)
        return torch.stack(losses).to(embedding.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_losses: Tensor) -> tuple[Tensor, None, None]:
        embedding, assignment, weights, *products = ctx.saved_tensors
        gradient = torch.empty_like(embedding)
        for index, item in enumerate(zip(embedding, assignment, weights, strict=True)):
            points, clusters = _weighted(*item)
            within, across = products[2 * index : 2 * index + 2]
            # d loss / d points = 4 (points within − clustersᵀ across) / (Σ w²)².
            outer = torch.addmm(points @ within, clusters.T, across, alpha=-1.0)
            outer *= 4.0 * grad_losses[index] / _squared_total(item[2]).to(outer)
            gradient[index] = _through_normalisation(outer, item[0], item[2])
        return gradient, None, None


def _weighted(embedding: Tensor, assignment: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Rows of one item scaled to unit norm and weighted: (point, dimension) and (stem, point)."""
    weight = weights.reshape(-1)
    points = embedding.reshape(-1, embedding.shape[-1])
    scale = weight / _row_norms(points).squeeze(1)
    clusters = assignment.reshape(len(assignment), -1)
    lengths = clusters.square().sum(dim=0).sqrt_().clamp_min_(_SMALLEST_NORM)
    return points * scale[:, None], clusters * (weight / lengths)


def _through_normalisation(gradient: Tensor, embedding: Tensor, weights: Tensor) -> Tensor:
    """Gradient towards the embedding of one item from that towards its weighted unit rows."""
    points = embedding.reshape(-1, embedding.shape[-1])
    norm = _row_norms(points)
    along = torch.linalg.vecdot(gradient, points).unsqueeze(1) / norm.square()
    return (
        torch.addcmul(gradient, along, points, value=-1.0)
        .mul_(weights.reshape(-1, 1) / norm)
        .view_as(embedding)
    )


def _row_norms(points: Tensor) -> Tensor:
    """Norms of short rows, (point, 1), none below `_SMALLEST_NORM`; several times as fast as `vector_norm`."""
    return (points.square() @ points.new_ones(points.shape[1], 1)).sqrt_().clamp_min_(_SMALLEST_NORM)


def _squared_total(weights: Tensor) -> Tensor:
    return weights.square().sum(dtype=torch.float64).square() + _SILENT_WEIGHT
