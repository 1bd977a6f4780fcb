"""The trainings of the contrastive study: pre-training of the encoder on triplets, and separation by masks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, Protocol, get_args

import torch
from torch import Tensor

from sep_pipeline.data.examples import Examples
from sep_pipeline.errors import ConfigurationError, StemMismatchError
from sep_pipeline.losses.mask_approximation import mask_approximation_loss
from sep_pipeline.losses.triplet import is_ordered, supervised_contrastive_loss, triplet_loss
from sep_pipeline.models.deep_demix import Encoder, MaskNetwork
from sep_pipeline.models.mask_spectrogram import magnitudes, stem_magnitudes
from sep_pipeline.training.validation import FixedExamples, mean_losses, required

ContrastiveObjective = Literal["triplet", "supervised_contrastive"]
LabelledBatch = tuple[Tensor, Tensor]


class LabelledTriplets(Protocol):
    """Triplets by number of the step, such as `data.triplets.TripletExamples`."""

    def batch(self, step: int) -> Tensor:
        """Audio of a step, a pure function of it: float32, (batch, role, 1, time)."""
        ...

    def labels(self, step: int) -> Tensor:
        """Numbers of the stems of the same batch: int64, (batch, role)."""
        ...


class FixedTriplets(LabelledTriplets, Protocol):
    """Triplets that come round again."""

    @property
    def batches_per_epoch(self) -> int:
        """Batches after which they do."""
        ...


class TripletTask:
    """Pre-training of an encoder.

    The loss terms:

    - `triplet_loss`: mean over the triplets; a collapsed encoder has the margin.
    - `accuracy`: share of triplets whose positive is nearer to the anchor than the negative.
    - `embedding_norm`: mean length of the embeddings.

    Args:
        network: What is trained.
        examples: Triplets at the network's sample rate, in the order anchor, positive, negative.
        objective: "triplet", or "supervised_contrastive", which takes every excerpt of the batch as an anchor and
            all others as positives and negatives by their labels.
        margin: Of the triplet loss.
        temperature: Of the supervised contrastive loss.
        validation: Triplets of songs kept aside, for `evaluate`, which looks at all of their batches.

    Raises:
        ConfigurationError: The objective is unknown.
    """

    def __init__(
        self,
        network: Encoder,
        examples: LabelledTriplets,
        *,
        objective: ContrastiveObjective = "triplet",
        margin: float = 1.0,
        temperature: float = 0.1,
        validation: FixedTriplets | None = None,
    ) -> None:
        if objective not in get_args(ContrastiveObjective):
            raise ConfigurationError(
                "unknown objective",
                parameter="objective",
                expected=", ".join(get_args(ContrastiveObjective)),
                found=objective,
            )
        self.module = network
        self._examples, self._validation = examples, validation
        self._objective, self._margin, self._temperature = objective, margin, temperature

    def batch(self, step: int) -> LabelledBatch:
        """Audio and labels of an update: float32, (batch, role, 1, time), and int64, (batch, role)."""
        return self._examples.batch(step), self._examples.labels(step)

    def losses(self, batch: LabelledBatch, generator: torch.Generator) -> Mapping[str, Tensor]:
        """Loss that is followed, and the terms.

        Raises:
            ConfigurationError: Margin or temperature is not positive.
            StemMismatchError: The audio is not mono or has not the encoder's number of frames.
        """
        del generator  # Dropout draws from torch's own.
        return self._losses(batch)

    def evaluate(self) -> Mapping[str, float]:
        """Loss and terms, each the mean over all validation batches.

        Raises:
            ConfigurationError: There are no validation triplets.
        """
        validation = required(self._validation, "triplets")
        device = next(self.module.parameters()).device

        def losses(step: int) -> Mapping[str, Tensor]:
            return self._losses((validation.batch(step).to(device), validation.labels(step).to(device)))

        return mean_losses(losses, validation.batches_per_epoch)

    def _losses(self, batch: LabelledBatch) -> dict[str, Tensor]:
        audio, labels = batch
        embeddings = self.module(stem_magnitudes(audio, self.module.config))
        anchor, positive, negative = embeddings.unbind(1)
        mean_loss = triplet_loss(anchor, positive, negative, margin=self._margin).mean()
        loss = mean_loss
        if self._objective == "supervised_contrastive":
            loss = supervised_contrastive_loss(
                embeddings.flatten(0, 1), labels.flatten(), temperature=self._temperature
            )
        with torch.no_grad():
            return {
                "loss": loss,
                "triplet_loss": mean_loss.detach(),
                "accuracy": is_ordered(anchor, positive, negative).float().mean(),
                "embedding_norm": torch.linalg.vector_norm(embeddings, dim=2).mean(),
            }


class MaskTask:
    """Training of a mask network: the mean absolute error of masked magnitudes.

    Args:
        network: What is trained, from scratch or from a pre-trained encoder; everything learns.
        examples: Sources at the network's sample rate, (batch, stem, 1, time), in the order of the masks; their
            sum is the mixture.
        only_stem: Position of the one source that every mask shall give, as the study's program had it with
            vocals; there may be any number of sources then. None gives every mask its own source.
        validation: Fixed mixtures for `evaluate`, which looks at all of their batches.
        follow: Further figures about the network for `evaluate`, such as a score whose curve is of interest.

    Raises:
        ConfigurationError: `only_stem` is no position.
    """

    def __init__(
        self,
        network: MaskNetwork,
        examples: Examples,
        *,
        only_stem: int | None = None,
        validation: FixedExamples | None = None,
        follow: Callable[[MaskNetwork], Mapping[str, float]] | None = None,
    ) -> None:
        if only_stem is not None and only_stem < 0:
            raise ConfigurationError(
                "not the position of a stem", parameter="only_stem", expected=">= 0", found=only_stem
            )
        self.module = network
        self._examples, self._validation, self._follow = examples, validation, follow
        self._only_stem = only_stem

    def batch(self, step: int) -> Tensor:
        """Sources of an update, float32, (batch, stem, 1, time)."""
        return self._examples.batch(step)

    def losses(self, batch: Tensor, generator: torch.Generator) -> Mapping[str, Tensor]:
        """The loss.

        Raises:
            StemMismatchError: The sources are not mono, are not those of the masks, or have not the network's
                number of frames.
        """
        del generator  # Dropout draws from torch's own.
        return self._losses(batch)

    def evaluate(self) -> Mapping[str, float]:
        """The loss, the mean over all validation batches, and what is followed.

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
        if self._only_stem is not None:
            sources = sources[:, self._only_stem, None]
        return {"loss": mask_approximation_loss(self.module(mixture), mixture, sources)}

    def _check_stems(self, batch: Tensor) -> None:
        num_stems, num_channels = batch.shape[1:3]
        if self._only_stem is None:
            num_sources = self.module.config.num_sources
            fits, expected = num_stems == num_sources, f"{num_sources}"
        else:
            fits, expected = self._only_stem < num_stems, f"more than {self._only_stem}"
        if not fits or num_channels != 1:
            raise StemMismatchError(
                "the sources do not fit the network",
                expected=f"(batch, {expected} stems, 1 channel, time)",
                found=tuple(batch.shape),
            )
