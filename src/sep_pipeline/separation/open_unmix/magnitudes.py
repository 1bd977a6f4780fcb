"""Magnitudes of all targets for any frames of a song, after the recurrent layers have gone through all of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import torch
from torch import Tensor

from sep_pipeline.separation.open_unmix.folded import FoldedModels
from sep_pipeline.separation.open_unmix.recurrence import joined, num_sweeps, run_layers
from sep_pipeline.separation.open_unmix.song import Song
from sep_pipeline.separation.spill import Spill

_FLOAT_BYTES = 4


class Steps:
    """Tells how much of the work is done.

    Args:
        progress: Called with the share, up to 1.
        num_passes: Passages through the song.
    """

    def __init__(self, progress: Callable[[float], None] | None, num_passes: int) -> None:
        self._progress = progress
        self._num_passes = num_passes
        self._done = 0.0

    def advance(self, share: float = 1.0) -> None:
        """A passage, or a share of one, is finished."""
        self._done += share
        if self._progress is not None:
            self._progress(min(1.0, self._done / self._num_passes))


class SongMagnitudes:
    """What the models make of a song.

    Args:
        models: The models.
        song: The song, which is gone through once here.
        block_frames: Frames whose spectra are in memory at once.
        segment_frames: Frames that the LSTM reads at once.
        spill_bytes: What may be kept aside in memory; more lies in temporary files.
        is_mixed: Whether the models compute in mixed precision.
        steps: Is told of the passages, as many as `num_passes` says.
    """

    def __init__(
        self,
        models: FoldedModels,
        song: Song,
        *,
        block_frames: int,
        segment_frames: int,
        spill_bytes: int,
        is_mixed: bool,
        steps: Steps,
    ) -> None:
        self._models = models
        self._song = song
        self._is_mixed = is_mixed
        self._is_on_disk = spilled_bytes(models, song.num_frames) > spill_bytes
        self.loudest = 0.0
        self._encoded = [self._spill(models.config.hidden_size) for _ in models.targets]
        self._recurrent: list[list[Spill]] = []
        with torch.inference_mode(), self._precision():
            for start, stop in bounds(song.num_frames, block_frames):
                self._encode(start, stop)
                steps.advance((stop - start) / song.num_frames)
            segments = list(bounds(song.num_frames, segment_frames))
            for target, encoded in zip(models.targets, self._encoded, strict=True):
                self._recurrent.append(
                    run_layers(target.layers, encoded, segments, self._spill, steps.advance)
                )

    def at(self, start: int, stop: int) -> tuple[Tensor, Tensor]:
        """Spectra of the mixture and magnitudes of the targets for some frames.

        Returns:
            complex64, (channel, frame, bin), and float32, (target, channel, frame, bin).
        """
        spectra = self._song.spectra(start, stop)
        modulus = _modulus(spectra)
        magnitudes = modulus.new_empty(len(self._encoded), *modulus.shape)
        with self._precision():
            for index, output in enumerate(magnitudes):
                self._estimate(index, start, stop, modulus, output)
        return spectra, magnitudes

    def close(self) -> None:
        """Give memory and temporary files back."""
        for spill in [*self._encoded, *(part for parts in self._recurrent for part in parts)]:
            spill.close()

    def _encode(self, start: int, stop: int) -> None:
        modulus = _modulus(self._song.spectra(start, stop))
        self.loudest = max(self.loudest, float(modulus.amax()))
        encoded = self._models.encode(modulus).chunk(len(self._encoded), dim=-1)
        for spill, rows in zip(self._encoded, encoded, strict=True):
            spill.put(start, rows)

    def _estimate(self, index: int, start: int, stop: int, modulus: Tensor, output: Tensor) -> None:
        encoded = self._encoded[index].get(start, stop).to(modulus.device)
        recurrent = joined(self._recurrent[index], start, stop).to(modulus.device)
        self._models.targets[index].estimate(encoded, recurrent, modulus, output)

    def _spill(self, width: int) -> Spill:
        return Spill(self._song.num_frames, width, on_disk=self._is_on_disk)

    def _precision(self) -> AbstractContextManager[object]:
        return torch.autocast("cuda", torch.bfloat16, enabled=self._is_mixed)


def num_passes(models: FoldedModels) -> int:
    """How often `SongMagnitudes` goes through a song."""
    return 1 + sum(num_sweeps(target.layers) for target in models.targets)


def spilled_bytes(models: FoldedModels, num_frames: int) -> int:
    """What is kept aside at most: input and output of every target's LSTM, and what is between its layers."""
    tables = 2 * len(models.targets) + 1
    return tables * num_frames * models.config.hidden_size * _FLOAT_BYTES


def bounds(num_frames: int, size: int) -> Iterator[tuple[int, int]]:
    """First and one past the last frame of successive pieces."""
    for start in range(0, num_frames, size):
        yield start, min(start + size, num_frames)


def _modulus(spectra: Tensor) -> Tensor:
    parts = torch.view_as_real(spectra)
    return parts[..., 0].square().addcmul_(parts[..., 1], parts[..., 1]).sqrt_()
