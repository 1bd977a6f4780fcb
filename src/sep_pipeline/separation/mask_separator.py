"""What the separators of one network share whose masks give all stems of a mono mixture."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from typing import Protocol

import torch
from torch import Tensor, nn

from sep_pipeline.errors import StemMismatchError
from sep_pipeline.models.mask_spectrogram import TransformSizes, spectrum, waveform
from sep_pipeline.separation.blocks import Audio, Progress, ReadSamples, ReadSignal, tensor_reader, told
from sep_pipeline.separation.interface import Separator
from sep_pipeline.separation.precision import computing_in, require_precision


class MaskSizes(TransformSizes, Protocol):
    """What a separator has to know of a network's configuration."""

    @property
    def num_sources(self) -> int:
        """Masks that the network gives."""
        ...


class MaskSeparator(Separator):
    """Masks on the mixture's magnitudes, its phase, and the inverse transform.

    The mode "context" cross-fades segments where the mixture is longer than one, which bounds the memory; "published"
    computes the whole mixture in one pass where the network can.

    Args:
        name: Name shown in tables.
        network: Maps float32 (batch, 1, frame, bin) to masks, (batch, stem, 1, frame, bin), in the order of `stems`.
        sizes: The network's configuration.
        stems: Names of the stems.
        sample_rate: In Hz.
        device: Where the network runs.
        precision: A name in `separation.precision.PRECISIONS`.

    Raises:
        ConfigurationError: The precision is unknown.
        StemMismatchError: There are not as many stems as masks.
    """

    def __init__(
        self,
        *,
        name: str,
        network: nn.Module,
        sizes: MaskSizes,
        stems: tuple[str, ...],
        sample_rate: int,
        device: torch.device | str = "cpu",
        precision: str = "fp32",
    ) -> None:
        if len(stems) != sizes.num_sources:
            raise StemMismatchError(
                "the network has another number of masks", expected=sizes.num_sources, found=stems
            )
        super().__init__(name=name, stems=stems, sample_rate=sample_rate, num_channels=1)
        self._device = torch.device(device)
        self._network = network.to(self._device).eval().requires_grad_(False)
        self._sizes = sizes
        self._precision = require_precision(precision)

    def _blocks(
        self, read: ReadSamples, num_samples: int, *, is_published: bool, progress: Progress | None
    ) -> Iterator[Audio]:
        blocks = self._estimates(tensor_reader(read), num_samples, is_published=is_published)
        return told((block.numpy() for block in blocks), num_samples, progress)

    @abstractmethod
    def _estimates(self, read: ReadSignal, num_samples: int, *, is_published: bool) -> Iterator[Tensor]:
        """Estimate the stems by `_pass`: parts of (1, time) to successive pieces of (stem, 1, time)."""

    def _one_pass(self, read: ReadSignal, num_samples: int) -> Iterator[Tensor]:
        yield self._pass(read(0, num_samples))

    @torch.inference_mode()
    def _pass(self, signal: Tensor) -> Tensor:
        """One pass: float32, (1, time), to (stem, 1, time), both on the CPU."""
        mixture = spectrum(signal.to(self._device), self._sizes)
        with computing_in(self._precision, self._device):
            masks = self._network(mixture.abs().float()[None])[0]
        stems = [waveform(mask * mixture, self._sizes, signal.shape[1]) for mask in masks.float()]
        return torch.stack([stem.float().cpu() for stem in stems])
