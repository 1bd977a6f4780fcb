"""The training of an Open-Unmix model: one stem's magnitudes out of the sum of all stems."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor
from torch.nn import functional

from sep_pipeline.data.examples import Examples
from sep_pipeline.errors import ConfigurationError, StemMismatchError
from sep_pipeline.models.open_unmix import OpenUnmix
from sep_pipeline.models.open_unmix.spectrogram import frame_blocks, magnitude

LoadPair = Callable[[], tuple[Tensor, Tensor]]
"""Reads one whole track: mixture and target, each float32 (channel, time), equally long."""


def steps_per_epoch(chunks_per_epoch: int, batch_size: int) -> int:
    """Updates of one pass over the chunks, the last batch being a partial one."""
    return -(-chunks_per_epoch // batch_size)


class OpenUnmixTask:
    """A model learns the magnitudes of one stem (Stöter et al. 2019).

    The mixture is the sum of all stems of the batch, whatever was done to them. The loss is the mean squared
    error of magnitudes over frames that lie wholly inside the chunk and all bins, those included that the
    model does not read. The `openunmix` package reports for an epoch the mean over its batches in which a
    short last batch counts fully: the mean of the logged losses of those updates.

    Args:
        model: What is trained.
        examples: Chunks of all stems.
        target_index: Place of the target on the stem axis.
        chunks_per_epoch: Chunks of an epoch, whose last batch has what is left of them; None never shortens a
            batch.
        batch_size: Chunks of a whole batch, as `examples` gives them; needed with `chunks_per_epoch`.
        validation: Whole tracks kept aside, for `evaluate`; each is read anew for every evaluation.

    Raises:
        ConfigurationError: A number is out of range.
    """

    def __init__(
        self,
        model: OpenUnmix,
        examples: Examples,
        target_index: int,
        *,
        chunks_per_epoch: int | None = None,
        batch_size: int | None = None,
        validation: Sequence[LoadPair] = (),
    ) -> None:
        for name, is_valid, expected, found in (
            ("target_index", target_index >= 0, ">= 0", target_index),
            ("chunks_per_epoch", chunks_per_epoch is None or chunks_per_epoch >= 1, ">= 1", chunks_per_epoch),
            (
                "batch_size",
                chunks_per_epoch is None or (batch_size or 0) >= 1,
                ">= 1 with chunks_per_epoch",
                batch_size,
            ),
        ):
            if not is_valid:
                raise ConfigurationError(
                    "an Open-Unmix training is impossible", parameter=name, expected=expected, found=found
                )
        self.module = model
        self._examples, self._target_index = examples, target_index
        self._chunks_per_epoch, self._batch_size = chunks_per_epoch, batch_size
        self._validation = tuple(validation)

    def batch(self, step: int) -> Tensor:
        """Chunks of an update, float32, (batch, stem, channel, time), fewer at the end of an epoch."""
        chunks = self._examples.batch(step)
        if self._chunks_per_epoch is None or self._batch_size is None:
            return chunks
        place = step % steps_per_epoch(self._chunks_per_epoch, self._batch_size)
        return chunks[: self._chunks_per_epoch - place * self._batch_size]

    def losses(self, batch: Tensor, generator: torch.Generator) -> Mapping[str, Tensor]:
        """Mean squared error of magnitudes.

        Raises:
            ConfigurationError: The batch has no such stem.
            StemMismatchError: Its channels are not those of the model.
        """
        del generator  # Dropout draws from torch's global one.
        if self._target_index >= batch.shape[1]:
            raise ConfigurationError(
                "there is no such stem",
                parameter="target_index",
                expected=f"0 to {batch.shape[1] - 1}",
                found=self._target_index,
            )
        with torch.no_grad():
            mixture = self._magnitude(batch.sum(1))
            target = self._magnitude(batch[:, self._target_index])
        estimate = self.module(mixture)
        # In the order in which they lie in memory; otherwise the gradient would be rearranged.
        return {"loss": functional.mse_loss(estimate.permute(2, 0, 1, 3), target.permute(2, 0, 1, 3))}

    def evaluate(self) -> Mapping[str, float]:
        """Mean over the validation tracks of each whole track's error.

        Raises:
            ConfigurationError: There are none.
            StemMismatchError: Mixture and target of a track differ in shape, or channels from the model's.
        """
        if not self._validation:
            raise ConfigurationError(
                "there are no validation tracks", parameter="training.evaluate_every_steps", expected="none"
            )
        errors = [self._track_error(*load()) for load in self._validation]
        return {"loss": sum(errors) / len(errors)}

    def _track_error(self, mixture: Tensor, target: Tensor) -> float:
        """Error of a track, whose magnitudes never stand in memory all at once."""
        if mixture.shape != target.shape:
            raise StemMismatchError(
                "mixture and target of a validation track differ",
                expected=tuple(mixture.shape),
                found=tuple(target.shape),
            )
        model, spectrogram = self.module, self.module.config.spectrogram
        device = model.input_mean.device
        mixture, target = mixture.to(device)[None], target.to(device)[None]
        mixture_blocks = list(frame_blocks(mixture, spectrogram))
        encoded = [model.encode(self._magnitude(block)) for block in mixture_blocks]
        recurrent = model.recur(torch.cat(encoded, dim=1), None)[0]
        total, count, first = torch.zeros((), dtype=torch.float64, device=device), 0, 0
        for mixture_block, target_block, heard in zip(
            mixture_blocks, frame_blocks(target, spectrogram), encoded, strict=True
        ):
            frames = slice(first, first + heard.shape[1])
            magnitudes = self._magnitude(mixture_block)
            estimate = model.mask(heard, recurrent[:, frames]) * magnitudes
            total += (estimate - self._magnitude(target_block)).square().sum(dtype=torch.float64)
            count, first = count + estimate.numel(), frames.stop
        return float(total) / count

    def _magnitude(self, audio: Tensor) -> Tensor:
        config = self.module.config
        return magnitude(audio, config.spectrogram, is_mono=config.num_channels == 1)
