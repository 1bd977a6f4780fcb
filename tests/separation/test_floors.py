"""The floors by hand-computed numbers."""

import numpy as np
import pytest

from sep_pipeline.errors import NoInputError, StemMismatchError
from sep_pipeline.separation.floors import fit_mixture_scales, scaled_mixture, zero_estimates


def test_zero_estimates_have_the_shape_of_estimates():
    estimates = zero_estimates(np.ones((2, 5), np.float32), 4)
    assert estimates.shape == (4, 2, 5)
    assert not estimates.any()


def test_factors_are_the_least_squares_fit_over_all_tracks():
    generator = np.random.default_rng(0)
    tracks = []
    for _ in range(3):
        drums, bass = generator.standard_normal((2, 1, 50))
        tracks.append((drums + bass, {"drums": drums, "bass": bass}))
    scales = fit_mixture_scales(iter(tracks))
    mixture = np.concatenate([mix[0] for mix, _ in tracks])
    for stem in ("drums", "bass"):
        target = np.concatenate([stems[stem][0] for _, stems in tracks])
        assert scales[stem] == pytest.approx(np.linalg.lstsq(mixture[:, None], target, rcond=None)[0][0])
    assert sum(scales.values()) == pytest.approx(1.0)


def test_the_mixture_is_scaled_per_stem():
    estimates = scaled_mixture(np.full((1, 3), 2.0, np.float32), {"drums": 0.5, "bass": 0.25})
    assert estimates.dtype == np.float32
    assert estimates[:, 0, 0].tolist() == [1.0, 0.5]


def test_nothing_to_fit_on_is_an_error():
    with pytest.raises(NoInputError, match="scaled mixture"):
        fit_mixture_scales([])
    with pytest.raises(NoInputError, match="scaled mixture"):
        fit_mixture_scales([(np.zeros((1, 4)), {"drums": np.zeros((1, 4))})])


def test_tracks_that_do_not_agree_are_refused():
    signal = np.ones((1, 4))
    with pytest.raises(StemMismatchError, match="different stems"):
        fit_mixture_scales([(signal, {"drums": signal}), (signal, {"bass": signal})])
    with pytest.raises(StemMismatchError, match="drums"):
        fit_mixture_scales([(signal, {"drums": signal[:, 1:]})])
