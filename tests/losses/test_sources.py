"""The waveform study's losses: cases by hand, its transform, silence, gain, gradients."""

from __future__ import annotations

import pytest
import torch

from sep_pipeline.errors import ConfigurationError, StemMismatchError, TooShortError
from sep_pipeline.losses import Resolution, SourceLossConfig, source_losses, source_measures, study_resolution
from sep_pipeline.losses.sources import difference_term, levels_db, spectrogram_error

SMALL = Resolution(9, 4, 9)
TARGETS = torch.tensor([[[[1.0, 0.0]], [[0.0, 2.0]]]])
ESTIMATES = torch.tensor([[[[0.5, 0.0]], [[0.0, 4.0]]]])


def _noise(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def _by_framework(rows, sizes):
    window = torch.hann_window(sizes.window_length)
    return torch.stft(rows, sizes.n_fft, sizes.hop_length, window=window, return_complex=True)


def test_the_waveform_terms_are_means_over_everything():
    config = {name: SourceLossConfig(waveform=name) for name in ("mae", "mse")}
    found = {name: source_losses(ESTIMATES, TARGETS, config[name], SMALL) for name in config}
    assert {name: losses["loss"].item() for name, losses in found.items()} == {"mae": 0.625, "mse": 1.0625}
    assert set(found["mae"]) == {"loss", "mae"}


def test_the_difference_term_is_the_distance_from_the_other_targets():
    # First estimate from second target: (0.5 + 2) / 2; second from first: (1 + 4) / 2.
    assert difference_term(ESTIMATES, TARGETS).item() == pytest.approx(-1.875)


def test_the_difference_term_is_the_mean_off_the_diagonal():
    estimates, targets = _noise(3, 4, 1, 10), _noise(3, 4, 1, 10, seed=1)
    distances = (estimates.unsqueeze(2) - targets.unsqueeze(1)).abs().mean((0, 3, 4))
    expected = -(distances.sum() - distances.trace()) / 12
    torch.testing.assert_close(difference_term(estimates, targets), expected)


def test_silent_rows_are_not_different():
    assert difference_term(torch.zeros(2, 3, 1, 5), torch.zeros(2, 3, 1, 5)).item() == 0


def test_the_study_s_transform_has_1103_bins_and_9_frames_of_a_chunk():
    sizes = study_resolution(44_100)
    assert (sizes.n_fft, sizes.hop_length, sizes.window_length) == (2205, 551, 2205)
    assert _by_framework(torch.zeros(1, 4410), sizes).shape == (1, 1103, 9)
    estimates, targets = _noise(2, 2, 1, 4410), _noise(2, 2, 1, 4410, seed=1)
    magnitudes = [_by_framework(signal.flatten(0, 2), sizes).abs() for signal in (estimates, targets)]
    expected = (magnitudes[0] - magnitudes[1]).square().mean()
    torch.testing.assert_close(
        spectrogram_error(estimates, targets, sizes, "linear"), expected, rtol=1e-5, atol=0
    )
    levels = [levels_db(each.square()) for each in magnitudes]
    expected = (levels[0] - levels[1]).square().mean()
    torch.testing.assert_close(
        spectrogram_error(estimates, targets, sizes, "db"), expected, rtol=1e-4, atol=0
    )


def test_levels_are_relative_to_the_largest_and_end_80_db_under_it():
    power = torch.tensor([[4.0, 0.04], [4e-9, 0.0]])
    torch.testing.assert_close(levels_db(power), torch.tensor([[0.0, -20.0], [-80.0, -80.0]]))


def test_a_silent_batch_is_flat():
    assert levels_db(torch.zeros(2, 3)).tolist() == [[-100.0] * 3] * 2


def test_the_db_error_does_not_hear_a_gain():
    targets = _noise(2, 2, 1, 60)
    assert spectrogram_error(0.1 * targets, targets, SMALL, "db").item() == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("kind", ["db", "linear"])
@pytest.mark.parametrize("silent", ["estimates", "targets", "both"])
def test_gradients_are_finite_beside_silence(kind, silent):
    estimates = _noise(1, 2, 1, 60) * (silent == "targets")
    targets = _noise(1, 2, 1, 60, seed=1) * (silent == "estimates")
    estimates.requires_grad_()
    spectrogram_error(estimates, targets, SMALL, kind).backward()
    assert torch.isfinite(estimates.grad).all()


@pytest.mark.parametrize("kind", ["db", "linear"])
def test_gradients_are_those_of_the_value(kind):
    estimates = _noise(1, 2, 1, 30).double().requires_grad_()
    targets = _noise(1, 2, 1, 30, seed=1).double()
    assert torch.autograd.gradcheck(
        lambda found: spectrogram_error(found, targets, SMALL, kind), (estimates,)
    )


def test_the_loss_is_the_weighted_sum_and_its_terms_are_not_weighted():
    config = SourceLossConfig(spectrogram_weight=0.002, difference_weight=0.2)
    estimates, targets = _noise(2, 3, 1, 60).requires_grad_(), _noise(2, 3, 1, 60, seed=1)
    losses = source_losses(estimates, targets, config, SMALL)
    expected = losses["mae"] + 0.002 * losses["spectrogram"] + 0.2 * losses["difference"]
    torch.testing.assert_close(losses["loss"], expected)
    assert [name for name in losses if losses[name].requires_grad] == ["loss"]
    measures = source_measures(estimates, targets, SMALL)
    assert all(torch.equal(measures[name], losses[name]) for name in ("mae", "spectrogram", "difference"))
    assert list(measures) == ["mae", "mse", "spectrogram", "difference"]


@pytest.mark.parametrize(
    "values",
    [
        {"waveform": "l1"},
        {"spectrogram_weight": -1.0},
        {"spectrogram_kind": "mel"},
        {"difference_weight": -0.1},
    ],
)
def test_impossible_losses_are_refused_by_name(values):
    with pytest.raises(ConfigurationError) as refusal:
        SourceLossConfig(**values)
    assert refusal.value.parameter == f"loss.{next(iter(values))}"


def test_a_single_source_has_no_difference():
    with pytest.raises(ConfigurationError, match="single source"):
        difference_term(torch.zeros(1, 1, 1, 4), torch.zeros(1, 1, 1, 4))


def test_shapes_must_agree():
    with pytest.raises(StemMismatchError):
        source_losses(torch.zeros(1, 2, 1, 4), torch.zeros(1, 3, 1, 4), SourceLossConfig(), SMALL)


def test_chunks_without_enough_samples_to_reflect_are_refused():
    with pytest.raises(TooShortError):
        spectrogram_error(torch.zeros(1, 2, 1, 4), torch.zeros(1, 2, 1, 4), SMALL, "db")
