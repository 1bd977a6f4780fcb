"""The two trainings of the Jukebox transfer study: a VQ-VAE per stem, then a mixture encoder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, get_args

import torch
from torch import Tensor

from sep_pipeline.data.examples import Examples, StemExamples
from sep_pipeline.errors import ConfigurationError
from sep_pipeline.losses.bandwidths import Bandwidths
from sep_pipeline.losses.embedding import EmbeddingLossConfig, embedding_loss
from sep_pipeline.losses.vqvae import VQVAELossConfig, vqvae_loss
from sep_pipeline.models.vqvae import VQVAE, Encoder

EmbeddingLossName = Literal["embedding", "embedding_and_decoded"]

_DECODED_LOSS = VQVAELossConfig(commitment=0.0)
_EVALUATION_BATCHES = 4


class PhaseOneTask:
    """Phase 1: a VQ-VAE learns to reconstruct a stem heard alone (section 3.1 of the transfer paper).

    The loss is that of Jukebox (arXiv:2005.00341, section 3): normalised waveform errors, multi-resolution
    spectral distance and commitment. The codebook follows by its own rule unless the model's is frozen.

    Args:
        model: What is trained.
        examples: Mono chunks of the stem; several stems count as further examples of the batch.
        bandwidths: Divisors of the loss terms.
        validation: Chunks of songs kept aside, for `evaluate`.
        num_validation_batches: Batches of `validation` that one evaluation looks at, always the same.
    """

    def __init__(
        self,
        model: VQVAE,
        examples: Examples,
        bandwidths: Bandwidths,
        *,
        validation: StemExamples | None = None,
        num_validation_batches: int = _EVALUATION_BATCHES,
    ) -> None:
        self.module = model
        self._examples, self._bandwidths = examples, bandwidths
        self._validation, self._num_validation_batches = validation, num_validation_batches

    def batch(self, step: int) -> Tensor:
        """Chunks of an update, float32, (batch, stem, 1, time)."""
        return self._examples.batch(step)

    def losses(self, batch: Tensor, generator: torch.Generator) -> Mapping[str, Tensor]:
        """Total loss, its terms before their weights, and how the codebook is used."""
        return self._losses(batch, generator=generator, update=True)

    def evaluate(self) -> Mapping[str, float]:
        """Loss and terms on the chunks kept aside, without touching the codebook.

        Raises:
            ConfigurationError: There are none.
        """
        device = next(self.module.parameters()).device
        return _mean_losses(
            lambda batch: self._losses(batch.to(device), update=False),
            self._validation,
            self._num_validation_batches,
        )

    def _losses(
        self, batch: Tensor, *, update: bool, generator: torch.Generator | None = None
    ) -> dict[str, Tensor]:
        audio = batch.flatten(0, 1)
        output = self.module.reconstruct(audio, generator=generator, update=update)
        terms = vqvae_loss(
            output.audio,
            audio,
            output.quantised.commitment,
            bandwidths=self._bandwidths,
            has_diagnostics=not update,
        )
        return terms | output.quantised.metrics


class PhaseTwoTask:
    """Phase 2: a mixture encoder learns the latents that the frozen stem encoder gives for the isolated stem.

    "embedding" is the published loss: squared differences of the latents before quantisation plus a share of
    the largest ones. "embedding_and_decoded", an extension, adds the waveform and spectral terms of phase 1
    for the audio that the frozen codebook and decoder make of the mixture's latents.

    Args:
        encoder: The mixture encoder, which is trained.
        stem_model: The VQ-VAE of phase 1; it is frozen here and moved to the device of the batches.
        examples: Mono chunks with two entries on the stem axis: mixture, stem.
        me_loss: Which loss.
        bandwidths: Divisors of the added terms; needed by "embedding_and_decoded" only.
        validation: Like `examples`, of songs kept aside, for `evaluate`.
        num_validation_batches: Batches of `validation` that one evaluation looks at, always the same.

    Raises:
        ConfigurationError: The loss is unknown or lacks its bandwidths.
    """

    def __init__(
        self,
        encoder: Encoder,
        stem_model: VQVAE,
        examples: Examples,
        *,
        me_loss: EmbeddingLossName = "embedding",
        bandwidths: Bandwidths | None = None,
        validation: StemExamples | None = None,
        num_validation_batches: int = _EVALUATION_BATCHES,
    ) -> None:
        if me_loss not in get_args(EmbeddingLossName):
            raise ConfigurationError(
                "unknown loss of the mixture encoder",
                parameter="me_loss",
                expected=", ".join(get_args(EmbeddingLossName)),
                found=me_loss,
            )
        if me_loss == "embedding_and_decoded" and bandwidths is None:
            raise ConfigurationError("the decoded loss needs bandwidths", parameter="bandwidths")
        self.module = encoder
        self._stem_model = stem_model.requires_grad_(False).eval()
        # In training mode the codebook passes gradients straight through; it is never updated here.
        self._stem_model.codebook.train()
        self._examples = examples
        self._decoded_bandwidths = bandwidths if me_loss == "embedding_and_decoded" else None
        self._validation, self._num_validation_batches = validation, num_validation_batches

    def batch(self, step: int) -> Tensor:
        """Chunks of an update, float32, (batch, 2, 1, time): mixture, stem."""
        return self._examples.batch(step)

    def losses(self, batch: Tensor, generator: torch.Generator) -> Mapping[str, Tensor]:
        """Total loss and its terms before their weights; those of the decoded audio begin with "decoded_"."""
        del generator  # Nothing here is random.
        return self._losses(batch)

    def evaluate(self) -> Mapping[str, float]:
        """Loss and terms on the chunks kept aside.

        Raises:
            ConfigurationError: There are none.
        """
        device = next(self.module.parameters()).device
        return _mean_losses(
            lambda batch: self._losses(batch.to(device)), self._validation, self._num_validation_batches
        )

    def _losses(self, batch: Tensor) -> dict[str, Tensor]:
        if self._stem_model.codebook.codes.device != batch.device:
            self._stem_model.to(batch.device)
        mixture, stem = batch.unbind(1)
        with torch.no_grad():
            wanted = self._stem_model.encode(stem)
        latents = self.module(mixture)
        terms = embedding_loss(latents, wanted, config=EmbeddingLossConfig())
        if self._decoded_bandwidths is None:
            return terms
        decoded = self._decoded_terms(latents, stem, self._decoded_bandwidths)
        added = {f"decoded_{name}": decoded[name].detach() for name in ("loss", "recons", "multispectral")}
        return terms | added | {"embedding": terms["loss"].detach(), "loss": terms["loss"] + decoded["loss"]}

    def _decoded_terms(self, latents: Tensor, stem: Tensor, bandwidths: Bandwidths) -> dict[str, Tensor]:
        quantised = self._stem_model.quantise(latents)
        audio = self._stem_model.decode(quantised.latents)
        return vqvae_loss(
            audio,
            stem[..., : audio.shape[-1]],
            quantised.commitment,
            bandwidths=bandwidths,
            config=_DECODED_LOSS,
            has_diagnostics=False,
        )


def _mean_losses(
    losses: Callable[[Tensor], Mapping[str, Tensor]], examples: StemExamples | None, num_batches: int
) -> dict[str, float]:
    """Mean of each term over the first batches, each chunk of the material at most once."""
    if examples is None:
        raise ConfigurationError(
            "there are no validation tracks", parameter="training.evaluate_every_steps", expected="none"
        )
    steps = range(min(num_batches, examples.batches_per_epoch))
    found = [losses(examples.batch(step)) for step in steps]
    return {name: sum(float(terms[name]) for terms in found) / len(found) for name in found[0]}
