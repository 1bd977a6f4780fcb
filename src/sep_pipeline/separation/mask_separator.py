"""What the separators of one network share whose masks give all stems of a mono mixture."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import nullcontext
from typing import Protocol

import torch
from torch import Tensor, nn

from sep_pipeline.errors import ConfigurationError, StemMismatchError
from sep_pipeline.models.mask_spectrogram import TransformSizes, spectrum, waveform
from sep_pipeline.separation.blocks import (
    Audio,
    Progress,
    ReadSamples,
    ReadSignal,
    array_reader,
    filled,
    tensor_reader,
    told,
)

MODES = ("context", "published")
PRECISIONS = ("fp32", "bf16")


class MaskSizes(TransformSizes, Protocol):
    """What a separator has to know of a network's configuration."""

    @property
    def num_sources(self) -> int:
        """Masks that the network gives."""
        ...


class MaskSeparator(ABC):
    """Masks on the mixture's magnitudes, its phase, and the inverse transform.

    Args:
        name: Name shown in tables.
        network: Maps float32 (batch, 1, frame, bin) to masks, (batch, stem, 1, frame, bin), in the order of `stems`.
        sizes: The network's configuration.
        stems: Names of the stems.
        sample_rate: In Hz.
        device: Where the network runs.
        precision: A name in `PRECISIONS`; parameters and transforms do not depend on it.

    Raises:
        ConfigurationError: The precision is unknown.
        StemMismatchError: There are not as many stems as masks.
    """

    num_channels = 1

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
        if precision not in PRECISIONS:
            raise ConfigurationError(
                "unknown compute precision", parameter="precision", expected=PRECISIONS, found=precision
            )
        if len(stems) != sizes.num_sources:
            raise StemMismatchError(
                "the network has another number of masks", expected=sizes.num_sources, found=stems
            )
        self.name = name
        self.stems = stems
        self.sample_rate = sample_rate
        self._device = torch.device(device)
        self._network = network.to(self._device).eval().requires_grad_(False)
        self._sizes = sizes
        self._is_bf16 = precision == "bf16"

    def separate(self, mixture: Audio, *, mode: str = "context") -> Audio:
        """Estimate every stem.

        Args:
            mixture: float32, (1, time), at least one sample, in [-1, 1], at the separator's sample rate.
            mode: "context" cross-fades segments where the mixture is longer than one, which bounds the memory;
                "published" computes the whole mixture in one pass where the network can.

        Returns:
            float32, (stem, 1, time), as long as the mixture. Estimates need not sum to the mixture.

        Raises:
            ConfigurationError: Unknown mode.
            StemMismatchError: The mixture is not mono.
        """
        if mixture.ndim != 2 or mixture.shape[0] != self.num_channels:
            raise StemMismatchError("the separator is mono", expected="(1, time)", found=mixture.shape)
        blocks = self.separate_blocks(array_reader(mixture), mixture.shape[1], mode=mode)
        return filled(blocks, len(self.stems), mixture)

    def separate_blocks(
        self,
        read: ReadSamples,
        num_samples: int,
        *,
        mode: str = "context",
        progress: Progress | None = None,
    ) -> Iterator[Audio]:
        """Estimate every stem of a song that is not in memory.

        Args:
            read: Gives the samples from the first to before the second number, float32, (1, time).
            num_samples: Length of the song, at least 1.
            mode: As for `separate`; one pass reads the whole song at once.
            progress: Called with the share of the work that is done, up to 1.

        Returns:
            float32, (stem, 1, time): successive pieces that add up to `num_samples` samples.

        Raises:
            ConfigurationError: Unknown mode.
        """
        if mode not in MODES:
            raise ConfigurationError("unknown mode", parameter="mode", expected=MODES, found=mode)
        blocks = self._blocks(tensor_reader(read), num_samples, is_whole=mode == "published")
        return told((block.numpy() for block in blocks), num_samples, progress)

    @abstractmethod
    def _blocks(self, read: ReadSignal, num_samples: int, *, is_whole: bool) -> Iterator[Tensor]:
        """Estimate the stems by `_pass`: parts of (1, time) to successive pieces of (stem, 1, time)."""

    def _one_pass(self, read: ReadSignal, num_samples: int) -> Iterator[Tensor]:
        yield self._pass(read(0, num_samples))

    @torch.inference_mode()
    def _pass(self, signal: Tensor) -> Tensor:
        """One pass: float32, (1, time), to (stem, 1, time), both on the CPU."""
        mixture = spectrum(signal.to(self._device), self._sizes)
        lowered = torch.autocast(self._device.type, torch.bfloat16) if self._is_bf16 else nullcontext()
        with lowered:
            masks = self._network(mixture.abs().float()[None])[0]
        stems = [waveform(mask * mixture, self._sizes, signal.shape[1]) for mask in masks.float()]
        return torch.stack([stem.float().cpu() for stem in stems])
