"""Frame SDR against museval itself, and the frame rules one by one."""

import numpy as np
import pytest

from sep_pipeline.errors import ConfigurationError, StemMismatchError
from sep_pipeline.metrics._museval_import import import_museval
from sep_pipeline.metrics.frames import frame_sdr, is_silent, num_frames, silent_frames

WINDOW = 400


def _material(num_samples=1700, num_channels=2, seed=0):
    generator = np.random.default_rng(seed)
    references = generator.standard_normal((2, num_channels, num_samples))
    estimates = references + 0.3 * references[::-1] + 0.1 * generator.standard_normal(references.shape)
    return references, estimates


def _museval_sdr(references, estimates, window, hop):
    return import_museval().metrics.bss_eval(
        references.transpose(0, 2, 1), estimates.transpose(0, 2, 1), window=window, hop=hop
    )[0]


@pytest.mark.parametrize(("num_channels", "hop"), [(1, WINDOW), (2, WINDOW), (2, WINDOW // 2)])
def test_equals_museval(num_channels, hop):
    references, estimates = _material(num_channels=num_channels)
    references[0, :, 400:1100] = 0.0
    expected = _museval_sdr(references, estimates, WINDOW, hop)
    found = frame_sdr(references, estimates, window_samples=WINDOW, hop_samples=hop)
    assert np.isnan(expected).any()
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-9)


def test_equals_museval_on_float32_audio():
    references, estimates = (stems.astype(np.float32).astype(np.float64) for stems in _material(seed=1))
    expected = _museval_sdr(references, estimates, WINDOW, WINDOW)
    found = frame_sdr(
        references.astype(np.float32),
        estimates.astype(np.float32),
        window_samples=WINDOW,
        hop_samples=WINDOW,
    )
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize(
    ("num_samples", "expected"), [(1, 1), (399, 1), (400, 1), (401, 1), (799, 1), (800, 2), (1700, 4)]
)
def test_a_partial_last_frame_is_dropped(num_samples, expected):
    references, estimates = _material(num_samples)
    assert num_frames(num_samples, WINDOW, WINDOW) == expected
    scores = frame_sdr(references, estimates, window_samples=WINDOW, hop_samples=WINDOW)
    assert scores.shape == (2, expected)


def test_a_silent_estimate_blanks_the_frame_of_all_stems():
    references, estimates = _material()
    estimates[1, :, 400:800] = 0.0
    scores = frame_sdr(references, estimates, window_samples=WINDOW, hop_samples=WINDOW)
    np.testing.assert_array_equal(np.isnan(scores), np.array([[False, True, False, False]] * 2))


def test_antiphase_stereo_counts_as_silent():
    tone = np.sin(np.arange(100.0))
    assert is_silent(np.stack([tone, -tone]))
    assert not is_silent(np.stack([tone, tone]))


def test_silent_frames_are_told_per_stem():
    references, _ = _material()
    references[1, :, 0:400] = 0.0
    silent = silent_frames(references, window_samples=WINDOW, hop_samples=WINDOW)
    assert silent.tolist() == [[False] * 4, [True, False, False, False]]


def test_a_perfect_frame_is_infinite():
    references, _ = _material()
    assert np.all(frame_sdr(references, references, window_samples=WINDOW, hop_samples=WINDOW) == np.inf)


def test_bad_arguments_are_refused():
    references, estimates = _material()
    with pytest.raises(ConfigurationError, match="hop_samples"):
        frame_sdr(references, estimates, window_samples=WINDOW, hop_samples=0)
    with pytest.raises(StemMismatchError, match="differ in shape"):
        frame_sdr(references, estimates[..., 1:], window_samples=WINDOW, hop_samples=WINDOW)
