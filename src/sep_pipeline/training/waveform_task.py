"""The training of the waveform study: all sources at once out of their sum."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from sep_pipeline.data.examples import Examples
from sep_pipeline.errors import StemMismatchError
from sep_pipeline.losses import Resolution, SourceLossConfig, source_losses, source_measures
from sep_pipeline.models.waveform import WaveformNetwork, middle
from sep_pipeline.training.validation import FixedExamples, mean_losses, required


class WaveformTask:
    """A network learns the samples of all sources; a source that is absent is silent.

    Of networks whose input is longer than their output, the loss sees the middle of the sources.

    Args:
        network: What is trained.
        examples: Sources at the network's rate, (batch, stem, channel, time), in the order of its outputs; their
            sum is the mixture.
        loss: What is minimised.
        resolution: Transform of spectrograms.
        validation: Fixed chunks for `evaluate`, which looks at all of their batches.
        note: Gives what the progress line says about the examples.
    """

    def __init__(
        self,
        network: WaveformNetwork,
        examples: Examples,
        *,
        loss: SourceLossConfig,
        resolution: Resolution,
        validation: FixedExamples | None = None,
        note: Callable[[], str] = str,
    ) -> None:
        self.module = network
        self._examples, self._validation = examples, validation
        self._loss, self._resolution, self._note = loss, resolution, note

    def batch(self, step: int) -> Tensor:
        """Sources of an update, float32, (batch, stem, channel, time)."""
        return self._examples.batch(step)

    def losses(self, batch: Tensor, generator: torch.Generator) -> Mapping[str, Tensor]:
        """The loss, and its terms before their weights.

        Raises:
            StemMismatchError: The sources are not those of the network.
            TooShortError: The network takes no chunks of this length, or they are too short for a spectrogram.
        """
        del generator  # Nothing is random.
        estimates, targets = self._estimated(batch)
        return source_losses(estimates, targets, self._loss, self._resolution)

    def evaluate(self) -> Mapping[str, float]:
        """Every measure of `losses.sources.MEASURES`, and the loss, each the mean over the validation batches.

        Raises:
            ConfigurationError: There are no validation chunks.
        """
        validation = required(self._validation, "chunks")
        device = next(self.module.parameters()).device

        def measures(step: int) -> Mapping[str, Tensor]:
            estimates, targets = self._estimated(validation.batch(step).to(device))
            loss = source_losses(estimates, targets, self._loss, self._resolution)["loss"]
            return source_measures(estimates, targets, self._resolution) | {"loss": loss}

        return mean_losses(measures, validation.batches_per_epoch)

    def note(self) -> str:
        """What the progress line says about the examples."""
        return self._note()

    def _estimated(self, sources: Tensor) -> tuple[Tensor, Tensor]:
        config = self.module.config
        if sources.shape[1:3] != (config.num_sources, config.num_channels):
            raise StemMismatchError(
                "the sources do not fit the network",
                expected=f"(batch, {config.num_sources} stems, {config.num_channels} channels, time)",
                found=tuple(sources.shape),
            )
        estimates: Tensor = self.module(sources.sum(1))
        return estimates, middle(sources, estimates.shape[-1])
