"""Spectra of parts of a song are those of the whole, padded as a separator pads."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from sep_pipeline.models.open_unmix import SpectrogramConfig, centred, spectrum
from sep_pipeline.separation.open_unmix.song import Song

SIZES = SpectrogramConfig(n_fft=128, hop_length=32)


def song_of(samples: np.ndarray, asked: list[tuple[int, int]] | None = None) -> Song:
    def read(first: int, last: int) -> np.ndarray:
        assert 0 <= first < last <= samples.shape[1]
        if asked is not None:
            asked.append((first, last))
        return samples[:, first:last]

    return Song(read, samples.shape[1], config=SIZES, device=torch.device("cpu"))


@pytest.mark.parametrize("num_samples", [1, 2, 32, 63, 64, 65, 100, 127, 128, 129, 600, 640])
@pytest.mark.parametrize("size", [1, 3, 100])
def test_parts_are_those_of_the_centred_whole(
    num_samples: int, size: int, make_song: Callable[..., np.ndarray]
) -> None:
    samples = make_song(num_samples)
    song = song_of(samples)
    expected = spectrum(centred(torch.from_numpy(samples), SIZES), SIZES)
    assert song.num_frames == expected.shape[1]
    starts = range(0, song.num_frames, size)
    parts = [song.spectra(start, min(start + size, song.num_frames)) for start in starts]
    torch.testing.assert_close(torch.cat(parts, dim=1), expected, rtol=0, atol=1e-6)


def test_no_more_is_read_than_the_frames_touch(make_song: Callable[..., np.ndarray]) -> None:
    asked: list[tuple[int, int]] = []
    song_of(make_song(10_000), asked).spectra(100, 103)
    assert asked == [(100 * 32 - 64, 102 * 32 + 64)]
