"""The trainings of the Chimera transfer study: pre-training by deep clustering, whole and mask fine-tuning."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, get_args

import torch
from torch import Tensor

from sep_pipeline.data.examples import Examples
from sep_pipeline.errors import ConfigurationError, StemMismatchError
from sep_pipeline.losses.deep_clustering import deep_clustering_loss, dominant_source, magnitude_weights
from sep_pipeline.losses.items import mean_over_items
from sep_pipeline.losses.mask_approximation import mask_approximation_loss
from sep_pipeline.models.chimera import ChimeraNet, Freeze
from sep_pipeline.models.mask_spectrogram import magnitudes
from sep_pipeline.training.validation import FixedExamples, mean_losses, required

Objective = Literal["deep_clustering", "whole", "mask"]


class ChimeraTask:
    """One training of a ChimeraNet on mono mixtures, which are the sums of their sources.

    The loss terms:

    - `deep_clustering`: see `mean_clustering_loss`; a silent item counts with 0.
    - `mask`: see `mask_approximation_loss`.
    - `silent_share`: share of items without any sound.

    Args:
        network: What is trained.
        examples: Mono sources at the network's sample rate, (batch, stem, 1, time). Deep clustering alone takes
            any number of stems, the others need the order and number of the network's masks.
        objective: "deep_clustering" (pre-training; the mask head has no gradient), "whole" (both losses) or
            "mask" (the mask loss alone).
        freeze: See `ChimeraNet.freeze`; other than "none" for the objective "mask" only.
        clustering_weight: Weight of deep clustering in "whole"; the mask loss has the rest.
        validation: Fixed mixtures for `evaluate`, which looks at all of their batches.
        follow: Further figures about the network for `evaluate`, such as a score whose curve is of interest.

    Raises:
        ConfigurationError: A word is unknown, the weight is out of range, or nothing would learn.
    """

    def __init__(
        self,
        network: ChimeraNet,
        examples: Examples,
        *,
        objective: Objective = "deep_clustering",
        freeze: Freeze = "none",
        clustering_weight: float = 0.01,
        validation: FixedExamples | None = None,
        follow: Callable[[ChimeraNet], Mapping[str, float]] | None = None,
    ) -> None:
        _check(objective, freeze, clustering_weight)
        network.freeze(freeze)
        self.module = network
        self._examples, self._validation, self._follow = examples, validation, follow
        self._objective, self._clustering_weight = objective, clustering_weight

    def batch(self, step: int) -> Tensor:
        """Sources of an update, float32, (batch, stem, 1, time)."""
        return self._examples.batch(step)

    def losses(self, batch: Tensor, generator: torch.Generator) -> Mapping[str, Tensor]:
        """Total loss, and its terms before their weights.

        Raises:
            StemMismatchError: The sources are not mono, or not those of the masks.
        """
        del generator  # Dropout draws from torch's own.
        return self._losses(batch)

    def evaluate(self) -> Mapping[str, float]:
        """Loss and terms, each the mean over all validation batches, and what is followed.

        Raises:
            ConfigurationError: There are no validation mixtures.
        """
        validation = required(self._validation, "mixtures")
        device = next(self.module.parameters()).device
        means = mean_losses(
            lambda step: self._losses(validation.batch(step).to(device)), validation.batches_per_epoch
        )
        return means if self._follow is None else {**means, **self._follow(self.module)}

    def _losses(self, batch: Tensor) -> dict[str, Tensor]:
        self._check_stems(batch)
        mixture, sources = magnitudes(batch, self.module.config)
        recurrent = self.module.recurrent(mixture)
        silent = {"silent_share": (mixture.amax(dim=(1, 2, 3)) == 0).float().mean()}
        if self._objective == "deep_clustering":
            return {"loss": self._clustering(recurrent, mixture, sources)} | silent
        mask = mask_approximation_loss(self.module.masks(recurrent), mixture, sources)
        if self._objective == "mask":
            return {"loss": mask} | silent
        clustering = self._clustering(recurrent, mixture, sources)
        weight = self._clustering_weight
        terms = {"deep_clustering": clustering.detach(), "mask": mask.detach()}
        return {"loss": weight * clustering + (1 - weight) * mask} | terms | silent

    def _clustering(self, recurrent: Tensor, mixture: Tensor, sources: Tensor) -> Tensor:
        return mean_clustering_loss(
            self.module, recurrent, dominant_source(sources), magnitude_weights(mixture)
        )

    def _check_stems(self, batch: Tensor) -> None:
        num_stems = batch.shape[1]
        expected = num_stems if self._objective == "deep_clustering" else self.module.config.num_sources
        if batch.shape[1:3] != (expected, 1):
            raise StemMismatchError(
                "the sources do not fit the ChimeraNet",
                expected=f"(batch, {expected} stems, 1 channel, time)",
                found=tuple(batch.shape),
            )


def mean_clustering_loss(
    network: ChimeraNet, recurrent: Tensor, assignment: Tensor, weights: Tensor
) -> Tensor:
    """Mean over items of the deep-clustering loss of a network's embeddings.

    The embeddings of a batch, which at paper size would take gigabytes with what leads to them, are never in
    memory together.

    Args:
        network: Whose embedding head is used.
        recurrent: Output of its recurrent layers, float32, (batch, frame, 2 · hidden).
        assignment: See `deep_clustering_loss`.
        weights: See `deep_clustering_loss`.

    Returns:
        A scalar.
    """

    def embedded_loss(index: int, item: Tensor) -> Tensor:
        place = slice(index, index + 1)
        return deep_clustering_loss(network.embed(item), assignment[place], weights[place])

    return mean_over_items(embedded_loss, recurrent, list(network.embedding.parameters()))


def _check(objective: str, freeze: str, clustering_weight: float) -> None:
    if objective not in get_args(Objective):
        raise ConfigurationError(
            "unknown objective",
            parameter="objective",
            expected=", ".join(get_args(Objective)),
            found=objective,
        )
    if freeze != "none" and objective != "mask":
        raise ConfigurationError(
            "with all but the mask head frozen only the mask loss can fall",
            parameter="objective",
            expected="mask",
            found=objective,
        )
    if not 0 <= clustering_weight <= 1:
        raise ConfigurationError(
            "not a weight", parameter="clustering_weight", expected="0 to 1", found=clustering_weight
        )
