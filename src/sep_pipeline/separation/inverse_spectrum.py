"""Inverse of the centred short-time Fourier transform, block by block, so that a song is never held as frames."""

from __future__ import annotations

import torch
from torch import Tensor

from sep_pipeline.errors import StemMismatchError
from sep_pipeline.models.open_unmix.config import SpectrogramConfig


class InverseSpectrum:
    """Overlap-add of windowed frames, divided by the summed window power: the least-squares inverse.

    Frames come in order, in blocks of any size; each block gives the samples that no later frame touches. All
    blocks together give exactly `num_samples` samples.

    Args:
        config: Sizes of the transform; the window is Hann's.
        num_samples: Length of the signal, at least 1; it has `num_frames` frames.
    """

    def __init__(self, config: SpectrogramConfig, num_samples: int) -> None:
        self.num_frames = num_samples // config.hop_length + 1
        self._config = config
        self._num_samples = num_samples
        self._overlap = config.n_fft // config.hop_length - 1
        self._frames_done = 0
        self._tail: Tensor | None = None

    def push(self, spectra: Tensor) -> Tensor:
        """Take the next frames.

        Args:
            spectra: complex, (..., frame, bin).

        Returns:
            float, (..., time), the samples that are now final; fewer with the first and more with the last block.

        Raises:
            StemMismatchError: More frames than the signal has.
        """
        num_frames = spectra.shape[-2]
        if self._frames_done + num_frames > self.num_frames:
            raise StemMismatchError(
                "more frames than the signal has",
                expected=self.num_frames,
                found=self._frames_done + num_frames,
            )
        hops = self._overlap_added(spectra)
        self._tail = hops[..., num_frames:, :].clone()
        first = self._frames_done
        self._frames_done += num_frames
        if self._frames_done < self.num_frames:
            hops = hops[..., :num_frames, :]
        self._normalise(hops, first)
        return self._cut(hops.flatten(-2), first * self._config.hop_length)

    def _overlap_added(self, spectra: Tensor) -> Tensor:
        """(..., frame, bin) to (..., frame + overlap, hop), what the blocks before left over included."""
        config, num_frames = self._config, spectra.shape[-2]
        frames: Tensor = torch.fft.irfft(spectra, n=config.n_fft)
        window = self._window(frames)
        pieces = frames.view(*frames.shape[:-1], -1, config.hop_length)
        hops = frames.new_zeros(*frames.shape[:-2], num_frames + self._overlap, config.hop_length)
        if self._tail is not None:
            hops[..., : self._overlap, :] = self._tail
        for index in range(self._overlap + 1):
            hops[..., index : index + num_frames, :].addcmul_(pieces[..., index, :], window[index])
        return hops

    def _normalise(self, hops: Tensor, first: int) -> None:
        """Divide by the window power summed over the frames there are; `first` is the number of the first hop."""
        power = self._window(hops).square()
        full = power.sum(0)
        num_hops = hops.shape[-2]
        hops /= full
        for hop in range(num_hops):
            number = first + hop
            if self._overlap <= number < self.num_frames:
                continue
            covering = [i for i in range(self._overlap + 1) if 0 <= number - i < self.num_frames]
            hops[..., hop, :] *= full / power[covering].sum(0).clamp_(min=torch.finfo(hops.dtype).tiny)

    def _cut(self, samples: Tensor, start: int) -> Tensor:
        """Drop what lies outside the signal; `start` counts from the beginning of the padded one."""
        padding = self._config.n_fft // 2
        return samples[..., max(0, padding - start) : max(0, padding + self._num_samples - start)]

    def _window(self, like: Tensor) -> Tensor:
        """Hann's window cut into hops, (piece, hop)."""
        config = self._config
        window = torch.hann_window(config.n_fft, dtype=like.dtype, device=like.device)
        return window.view(-1, config.hop_length)
