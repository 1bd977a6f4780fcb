"""A stream of samples to streams of stems, block by block, on the processor."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from sep_pipeline.errors import ConfigurationError, DataError, StemMismatchError, TooShortError
from sep_pipeline.models.open_unmix import OpenUnmix, OpenUnmixConfig, require_unidirectional
from sep_pipeline.models.open_unmix.spectrogram import window
from sep_pipeline.separation.streaming.network import StackedNetwork
from sep_pipeline.separation.streaming.reference import RATIO_FLOOR
from sep_pipeline.separation.streaming.state import StreamState, initial_state, require_fitting_state

Audio = npt.NDArray[np.float32]

SILENCE = 1e-25
"""Samples below count as zero: numbers near the smallest of float32 make products many times slower."""

_FRAMES_AT_ONCE = 64
_WARM_UP_FRAMES = 8


class StreamingSeparator:
    """Unidirectional Open-Unmix that gives every sample as soon as no further input can change it.

    The signal is preceded by half a frame of zeros and cut into frames of `n_fft` samples, a hop apart. A
    sample is final when the last frame that covers it has been transformed, which is the frame that starts at
    the sample's hop; no later frame reaches back. At 4096 and 1024 the first sample of a hop waits for 4096
    samples (92.88 ms at 44.1 kHz), the last one for 3073. Blocks of any sizes give the same stems, those of
    `reference_separate`, and as many samples in total as came in.

    The number of threads is torch's (`torch.set_num_threads`). A separator serves one stream at a time and is
    not shared between threads.

    Args:
        models: Target to unidirectional model, all with one configuration; their weights are copied.
        sample_rate: In Hz.
        precision: "fp32", or "fp16" or "int8" for weights of so many bits, which is faster and less exact.
        ratio_mask: Whether the targets' magnitudes only share out the mixture, bin by bin, so that the stems
            add up to it. Needs two targets.

    Raises:
        ConfigurationError: No model, a bidirectional one, different configurations, a rate that is not
            positive, an unknown precision or one that this torch lacks, or a ratio mask of one target.
    """

    def __init__(
        self,
        models: Mapping[str, OpenUnmix],
        sample_rate: int,
        *,
        precision: str = "fp32",
        ratio_mask: bool = False,
    ) -> None:
        self.config = _shared_config(models)
        if sample_rate < 1:
            raise ConfigurationError("must be positive", parameter="sample_rate", found=sample_rate)
        if ratio_mask and len(models) == 1:
            raise ConfigurationError(
                "a ratio mask shares the mixture among targets",
                parameter="ratio_mask",
                expected="2 targets",
                found=1,
            )
        self.stems = tuple(models)
        self.sample_rate = sample_rate
        self.num_channels = self.config.num_channels
        self.hop_samples = self.config.spectrogram.hop_length
        self._ratio_mask = ratio_mask
        self._network = StackedNetwork(list(models.values()), precision=precision)
        self._window = window(self.config.spectrogram, torch.empty(0))
        self._powers = _window_powers(self._window, self.hop_samples)
        self.reset()

    @property
    def latency_samples(self) -> int:
        """Samples from the arrival of the first sample of a hop, itself included, until it can be given."""
        return self.config.spectrogram.n_fft

    @property
    def num_frames(self) -> int:
        """Frames computed since the stream began."""
        return self._state.num_frames

    @property
    def state(self) -> StreamState:
        """A copy of all that the stream remembers, from which it can go on later or elsewhere."""
        return self._state.copy()

    def load_state(self, state: StreamState) -> None:
        """Go on where a stream was.

        Args:
            state: From `state` of a separator of the same targets and shapes; it is copied.

        Raises:
            ConfigurationError: The state is that of other targets or of another model.
        """
        require_fitting_state(state, self.stems, self.config)
        self._state = state.copy()

    def reset(self) -> None:
        """Forget the stream and be ready for another."""
        self._state = initial_state(self.stems, self.config)

    def warm_up(self) -> None:
        """Compute some frames of silence aside, because the first ones take longer than all others."""
        kept = self._state
        self.reset()
        block = np.zeros((self.num_channels, self.hop_samples), dtype=np.float32)
        for _ in range(_WARM_UP_FRAMES):
            self.process(block)
        self._state = kept

    def process(self, block: Audio) -> Audio:
        """Take the next samples and give those that have become final.

        Args:
            block: float32, (channel, time), of any length, none included.

        Returns:
            float32, (stem, channel, time), possibly without samples.

        Raises:
            StemMismatchError: The block is not of this shape or has another number of channels.
            DataError: A sample is NaN or infinite; the stream is left as it was.
        """
        if block.ndim != 2 or block.shape[0] != self.num_channels:
            raise StemMismatchError(
                "the block does not fit the model",
                expected=f"({self.num_channels} channels, time)",
                found=block.shape,
            )
        if not np.isfinite(block).all():
            raise DataError("the block has samples that are NaN or infinite", expected="finite samples")
        samples = torch.from_numpy(np.ascontiguousarray(block, dtype=np.float32))
        self._state = replace(self._state, num_received=self._state.num_received + block.shape[1])
        return self._advance(torch.where(samples.abs() < SILENCE, 0.0, samples))

    def finish(self) -> Audio:
        """End the stream, and be ready for another.

        Returns:
            float32, (stem, channel, time), what is missing of as many samples as came in.

        Raises:
            TooShortError: No sample came in.
        """
        received, given = self._state.num_received, self._state.num_given
        if received == 0:
            raise TooShortError("the stream is empty", expected="1 sample", found=0)
        silence = torch.zeros(self.num_channels, self.config.spectrogram.n_fft)
        rest = self._advance(silence)[..., : received - given]
        self.reset()
        return rest

    def stream(self, blocks: Iterable[Audio]) -> Iterator[Audio]:
        """Separate all blocks of one stream.

        Args:
            blocks: As for `process`.

        Yields:
            What `process` and at last `finish` give, where it has samples.

        Raises:
            TooShortError: There was no sample in any block.
        """
        for block in blocks:
            ready = self.process(block)
            if ready.shape[-1]:
                yield ready
        rest = self.finish()
        if rest.shape[-1]:
            yield rest

    def _advance(self, samples: Tensor) -> Audio:
        """Compute all frames that are complete with these samples."""
        with torch.inference_mode():
            waiting = torch.cat([self._state.samples, samples], dim=1)
            hop, length = self.hop_samples, self.config.spectrogram.n_fft
            num_frames = max(0, (waiting.shape[1] - length) // hop + 1)
            pieces = [
                self._hops(waiting, first, min(first + _FRAMES_AT_ONCE, num_frames))
                for first in range(0, num_frames, _FRAMES_AT_ONCE)
            ]
            ready = pieces[0] if len(pieces) == 1 else torch.cat([self._nothing(), *pieces], dim=-1)
        self._state = replace(
            self._state,
            samples=waiting[:, num_frames * hop :].clone(),
            num_given=self._state.num_given + ready.shape[-1],
        )
        return cast(Audio, ready.numpy())

    def _hops(self, waiting: Tensor, first: int, last: int) -> Tensor:
        """Frames `first` up to `last` of the waiting samples: (target, channel, time) that is now final."""
        sizes, state = self.config.spectrogram, self._state
        part = waiting[:, first * sizes.hop_length : (last - 1) * sizes.hop_length + sizes.n_fft]
        frames = part.unfold(1, sizes.n_fft, sizes.hop_length)
        spectra = torch.fft.rfft(frames * self._window)
        signals = torch.fft.irfft(self._masked(spectra), n=sizes.n_fft).mul_(self._window)
        sums = self._overlap_added(signals)
        index = torch.arange(state.num_frames, state.num_frames + last - first)
        powers = self._powers[index.clamp_(max=len(self._powers) - 1)]
        # The padding before the stream is computed like all else, but not given.
        padding = max(0, sizes.n_fft // 2 - state.num_frames * sizes.hop_length)
        self._state = replace(state, num_frames=state.num_frames + last - first)
        return sums.div_(powers.flatten())[..., padding:]

    def _masked(self, spectra: Tensor) -> Tensor:
        """The mixture's frames, (channel, frame, bin), to those of the targets: (target, channel, frame, bin)."""
        magnitude = spectra.abs()
        read = magnitude[..., : self.config.num_read_bins].transpose(0, 1).flatten(1)
        flat = self._network.masks(read, self._state.hidden, self._state.cell)
        masks = flat.view(*flat.shape[:2], self.num_channels, -1).transpose(1, 2)
        if self._ratio_mask:
            estimates = masks * magnitude
            masks = estimates / estimates.sum(dim=0).add_(RATIO_FLOOR)
        return spectra * masks

    def _overlap_added(self, signals: Tensor) -> Tensor:
        """Add frames, (target, channel, frame, time), to the tails and give the hops that are complete."""
        hop, tails = self.hop_samples, self._state.tails
        num_frames, length = signals.shape[-2:]
        sums = signals.new_zeros(*signals.shape[:2], (num_frames - 1) * hop + length)
        sums[..., : tails.shape[-1]] = tails
        for frame in range(num_frames):
            sums[..., frame * hop : frame * hop + length] += signals[..., frame, :]
        tails.copy_(sums[..., num_frames * hop :])
        return sums[..., : num_frames * hop]

    def _nothing(self) -> Tensor:
        return torch.zeros(len(self.stems), self.num_channels, 0)


def _shared_config(models: Mapping[str, OpenUnmix]) -> OpenUnmixConfig:
    """The configuration of all models."""
    if not models:
        raise ConfigurationError("a stream needs models", parameter="models", expected="1", found=0)
    configs = [model.config for model in models.values()]
    for target, config in zip(models, configs, strict=True):
        require_unidirectional(config)
        if config != configs[0]:
            raise ConfigurationError(
                "the models of a stream must have one configuration",
                parameter=f"models.{target}",
                expected=configs[0],
                found=config,
            )
    return configs[0]


def _window_powers(shape: Tensor, hop: int) -> Tensor:
    """What the windows over a hop sum to, squared: (frames before it, at most, hop).

    Row 0 is the first hop of the stream, which only one frame covers, and the last row is the steady state.
    """
    parts = shape.square().view(-1, hop)
    # Only the very first sample, which is padding, may be under no window at all.
    return parts.cumsum(dim=0).clamp_(min=torch.finfo(parts.dtype).tiny)
