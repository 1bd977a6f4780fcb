"""The frame rules one by one; `tests/metrics/bsseval` compares whole scores with museval."""

import numpy as np
import pytest

from sep_pipeline.metrics.frames import is_silent, num_frames, silent_frames

WINDOW = 400


@pytest.mark.parametrize(
    ("num_samples", "expected"), [(1, 1), (399, 1), (400, 1), (401, 1), (799, 1), (800, 2), (1700, 4)]
)
def test_a_partial_last_frame_is_dropped(num_samples, expected):
    assert num_frames(num_samples, WINDOW, WINDOW) == expected


def test_antiphase_stereo_counts_as_silent():
    tone = np.sin(np.arange(100.0))
    assert is_silent(np.stack([tone, -tone]))
    assert not is_silent(np.stack([tone, tone]))


def test_silent_frames_are_told_per_stem():
    references = np.random.default_rng(0).standard_normal((2, 2, 1700))
    references[1, :, 0:400] = 0.0
    silent = silent_frames(references, window_samples=WINDOW, hop_samples=WINDOW)
    assert silent.tolist() == [[False] * 4, [True, False, False, False]]
