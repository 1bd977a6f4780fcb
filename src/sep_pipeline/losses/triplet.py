"""Contrastive losses: embeddings of one label shall be near each other and far from those of other labels."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from sep_pipeline.errors import ConfigurationError, StemMismatchError

# Added to every component of a difference, so that equal embeddings have a gradient; torch's own value.
_DISTANCE_OFFSET = 1e-6


def triplet_distances(anchor: Tensor, positive: Tensor, negative: Tensor) -> tuple[Tensor, Tensor]:
    """Euclidean distances of an anchor to its positive and to its negative, after adding 1e-6 to every difference.

    Args:
        anchor: float32, (batch, dimension).
        positive: Embeddings of the anchors' labels, of the same shape.
        negative: Embeddings of other labels, of the same shape.

    Returns:
        Two of float32, (batch,).

    Raises:
        StemMismatchError: The shapes differ.
    """
    if not anchor.shape == positive.shape == negative.shape or anchor.ndim != 2:
        raise StemMismatchError(
            "the embeddings of anchors, positives and negatives do not belong together",
            expected="three of (batch, dimension)",
            found=[tuple(role.shape) for role in (anchor, positive, negative)],
        )
    near, far = (
        torch.linalg.vector_norm(anchor - other + _DISTANCE_OFFSET, dim=1) for other in (positive, negative)
    )
    return near, far


def triplet_loss(anchor: Tensor, positive: Tensor, negative: Tensor, *, margin: float = 1.0) -> Tensor:
    """By how much the negative is not farther than the positive plus a margin (Schroff et al. 2015).

    Equal embeddings everywhere give the margin; only values clearly below it say that something was learnt.

    Args:
        anchor: See `triplet_distances`.
        positive: See `triplet_distances`.
        negative: See `triplet_distances`.
        margin: How much farther a negative shall be.

    Returns:
        float32, not negative, (batch,).

    Raises:
        ConfigurationError: The margin is not positive.
        StemMismatchError: The shapes differ.
    """
    _check_positive("margin", margin)
    near, far = triplet_distances(anchor, positive, negative)
    return torch.relu(near - far + margin)


def is_ordered(anchor: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
    """Whether the positive is nearer than the negative; the mean over triplets is the accuracy.

    Args:
        anchor: See `triplet_distances`.
        positive: See `triplet_distances`.
        negative: See `triplet_distances`.

    Returns:
        bool, (batch,); False where both are equally far, as all are after a collapse.

    Raises:
        StemMismatchError: The shapes differ.
    """
    near, far = triplet_distances(anchor, positive, negative)
    return near < far


def supervised_contrastive_loss(embeddings: Tensor, labels: Tensor, *, temperature: float = 0.1) -> Tensor:
    """Supervised contrastive loss with all positives and negatives of a batch (Khosla et al. 2020, equation 2).

    Every embedding is an anchor, scaled to unit norm first. The loss of an anchor is the mean over its positives,
    the others of its label, of minus the logarithm of their share in the exponentials of all others'
    similarities over the temperature. Anchors without a positive do not count.

    Args:
        embeddings: float32, (item, dimension).
        labels: Integers, (item,).
        temperature: Smaller ones weigh the nearest others more.

    Returns:
        A scalar, the mean over the anchors that count; 0 if none does. Equal embeddings of n items everywhere
        give log(n - 1).

    Raises:
        ConfigurationError: The temperature is not positive.
        StemMismatchError: There are not as many labels as embeddings.
    """
    _check_positive("temperature", temperature)
    if embeddings.ndim != 2 or labels.shape != embeddings.shape[:1]:
        raise StemMismatchError(
            "embeddings and labels do not belong together",
            expected="(item, dimension) and (item,)",
            found=(tuple(embeddings.shape), tuple(labels.shape)),
        )
    points = functional.normalize(embeddings, dim=1)
    is_self = torch.eye(len(points), dtype=torch.bool, device=points.device)
    similarities = (points @ points.T / temperature).masked_fill(is_self, -torch.inf)
    # The own entry is minus infinity, which times a weight of 0 would be no number.
    log_shares = functional.log_softmax(similarities, dim=1).masked_fill(is_self, 0.0)
    is_positive = (labels[:, None] == labels[None, :]) & ~is_self
    num_positives = is_positive.sum(dim=1)
    per_anchor = -(log_shares * is_positive).sum(dim=1) / num_positives.clamp_min(1)
    return per_anchor.sum() / (num_positives > 0).sum().clamp_min(1)


def _check_positive(parameter: str, value: float) -> None:
    if not value > 0:
        raise ConfigurationError("must be positive", parameter=parameter, expected="> 0", found=value)
