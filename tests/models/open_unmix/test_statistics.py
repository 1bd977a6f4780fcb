"""Input statistics against the package's and against all frames at once."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from sep_pipeline.errors import NoInputError, TooShortError
from sep_pipeline.models.open_unmix import SpectrogramConfig, spectrum
from sep_pipeline.models.open_unmix.statistics import InputStatistics, input_statistics

SIZES = SpectrogramConfig(n_fft=128, hop_length=32)


def noise(seed: int, num_samples: int) -> Tensor:
    return torch.randn(2, num_samples, generator=torch.Generator().manual_seed(seed))


def test_statistics_are_those_of_the_package(golden: dict[str, Tensor]) -> None:
    mean, deviation = input_statistics([golden[f"stats.audio{index}"] for index in range(3)], SIZES)
    torch.testing.assert_close(mean, golden["stats.mean"], rtol=1e-12, atol=0)
    torch.testing.assert_close(deviation, golden["stats.std"], rtol=1e-12, atol=0)


def test_long_tracks_are_merged_from_blocks() -> None:
    tracks = [noise(0, 40_000), 5 * noise(1, 300), noise(2, 20_000)]
    frames = torch.cat([spectrum(track, SIZES).abs().mean(0).double() for track in tracks])
    mean, deviation = input_statistics(iter(tracks), SIZES)
    torch.testing.assert_close(mean, frames.mean(0), rtol=1e-12, atol=0)
    torch.testing.assert_close(deviation, frames.std(0, correction=0), rtol=1e-12, atol=0)


def test_nothing_varies_in_silence() -> None:
    mean, deviation = input_statistics([torch.zeros(2, 1000)], SIZES)
    assert mean.tolist() == [0.0] * 65
    assert deviation.tolist() == [1.0] * 65


def test_small_deviations_are_raised_to_a_share_of_the_largest() -> None:
    time = torch.arange(4096, dtype=torch.float64)
    swelling = (torch.cos(2 * torch.pi * 8 * time / 128) * time).expand(2, -1)
    _, deviation = input_statistics([swelling], SIZES)
    assert int(deviation.argmax()) == 8
    assert deviation[40:].tolist() == [1e-4 * float(deviation[8])] * 25


def test_the_result_can_be_asked_for_while_tracks_are_added() -> None:
    statistics = InputStatistics(SIZES)
    statistics.add(noise(0, 2000))
    before = statistics.result()
    statistics.add(noise(1, 2000))
    assert torch.equal(before[0], input_statistics([noise(0, 2000)], SIZES)[0])


def test_no_track_is_refused() -> None:
    with pytest.raises(NoInputError, match="no track"):
        input_statistics([], SIZES)


def test_a_track_shorter_than_a_frame_is_refused() -> None:
    with pytest.raises(TooShortError):
        input_statistics([torch.zeros(2, 100)], SIZES)
