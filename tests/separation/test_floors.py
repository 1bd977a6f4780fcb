"""The floors by hand-computed numbers."""

import numpy as np
import pytest

from sep_pipeline.errors import NoInputError, StemMismatchError
from sep_pipeline.separation.floors import (
    FLOORS,
    fit_mixture_scales,
    mixture_as_estimate,
    scaled_mixture,
    scaled_mixture_floor,
    zero_estimates,
)


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


def test_the_mixture_stands_once_per_stem_in_memory_of_its_own():
    mixture = np.arange(6, dtype=np.float32).reshape(2, 3)
    estimates = mixture_as_estimate(mixture, 3)
    estimates[0] = 0.0
    np.testing.assert_array_equal(estimates[1:], np.stack([mixture, mixture]))


@pytest.mark.parametrize(("name", "level"), [("zero", 0.0), ("mixture", 2.0)])
def test_floors_take_the_number_of_stems_from_the_references(name, level):
    mixture = np.full((2, 3), 2.0, np.float32)
    estimates = FLOORS[name].estimate(mixture, np.ones((4, 2, 3), np.float32))
    np.testing.assert_array_equal(estimates, np.full((4, 2, 3), level, np.float32))


def test_the_scaled_mixture_is_called_like_the_other_floors():
    mixture, references = np.full((1, 3), 2.0, np.float32), np.ones((2, 1, 3), np.float32)
    floor = scaled_mixture_floor({"drums": 0.5, "bass": 0.25})
    assert floor.estimate(mixture, references)[:, 0, 0].tolist() == [1.0, 0.5]


def test_factors_for_other_stems_are_refused():
    with pytest.raises(StemMismatchError, match="factors"):
        scaled_mixture_floor({"drums": 0.5}).estimate(np.ones((1, 3), np.float32), np.ones((2, 1, 3)))
