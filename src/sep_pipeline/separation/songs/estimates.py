"""Estimates of a staged song at its own rate and channels, refined with the song, piece by piece."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from sep_pipeline.audio.channels import to_channels
from sep_pipeline.audio.resampling import resample_blocks
from sep_pipeline.separation.blocks import Audio, ForwardReader, Progress, ReadSamples, fitted
from sep_pipeline.separation.interface import Separator
from sep_pipeline.separation.songs.staging import StagedSong
from sep_pipeline.separation.wiener import mixture_consistency, wiener_blocks


def song_estimates(
    separator: Separator, song: StagedSong, native: StagedSong, progress: Progress | None = None
) -> Iterator[Audio]:
    """What a separator makes of a song; a mono separator separates every channel by itself.

    Args:
        separator: A trained separator.
        song: The song.
        native: The same at the separator's sample rate.
        progress: Called with the share of the work that is done, up to 1.

    Yields:
        float32, (stem, channel, time): pieces with the channels of the song, as long as it in all.
    """
    blocks = _native_estimates(separator, native, progress)
    if native.sample_rate != song.sample_rate:
        shape = (len(separator.stems), song.num_channels)
        flat = (block.reshape(shape[0] * shape[1], block.shape[-1]) for block in blocks)
        restored = resample_blocks(flat, native.sample_rate, song.sample_rate)
        blocks = (block.reshape(*shape, block.shape[-1]) for block in restored)
    yield from fitted(blocks, song.num_samples)


def _native_estimates(separator: Separator, native: StagedSong, progress: Progress | None) -> Iterator[Audio]:
    if separator.num_channels == 1:
        channels = range(native.num_channels)
        runs = [
            # The channels are computed in turns, so that the last one tells how far all of them are.
            separator.separate_blocks(
                _channel_reader(native, channel),
                native.num_samples,
                progress=progress if channel == channels[-1] else None,
            )
            for channel in channels
        ]
        yield from (np.concatenate(parts, axis=1) for parts in zip(*runs, strict=True))
        return

    def read(start: int, stop: int) -> Audio:
        return to_channels(native.read(start, stop), separator.num_channels)

    for block in separator.separate_blocks(read, native.num_samples, progress=progress):
        yield np.stack([to_channels(stem, native.num_channels) for stem in block])


def _channel_reader(native: StagedSong, channel: int) -> ReadSamples:
    return lambda start, stop: native.read(start, stop)[channel : channel + 1]


def refined_estimates(song: StagedSong, estimates: Iterator[Audio], refine: str) -> Iterator[Audio]:
    """Refine the estimates of all stems with the song; see `SongOptions.refine`.

    Yields:
        float32, (stem, channel, time).
    """
    if refine == "wiener":
        known = ForwardReader(estimates)

        def read(start: int, stop: int) -> Tensor:
            signals = [song.read(start, stop)[None], known.read(start, stop)]
            return torch.from_numpy(np.concatenate(signals))

        yield from (block.numpy() for block in wiener_blocks(read, song.num_samples))
        return
    start = 0
    for block in estimates:
        stop = start + block.shape[-1]
        is_shared = refine == "consistency"
        yield mixture_consistency(song.read(start, stop), block) if is_shared else block
        start = stop
