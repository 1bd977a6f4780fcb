"""Frames as museval counts them, and which of them are silent by its rule."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Stems = npt.NDArray[np.floating[Any]]


def num_frames(num_samples: int, window_samples: int, hop_samples: int) -> int:
    """Number of frames of a signal: the last partial one is dropped, a short signal is one frame."""
    if window_samples >= num_samples:
        return 1
    return (num_samples - window_samples + hop_samples) // hop_samples


def is_silent(signal: Stems) -> bool:
    """Whether the sum over channels is exactly 0 at every sample, which is museval's rule.

    Args:
        signal: (channel, time). Exact antiphase stereo counts as silent.
    """
    return not np.any(np.sum(signal, axis=0))


def silent_frames(stems: Stems, *, window_samples: int, hop_samples: int) -> npt.NDArray[np.bool_]:
    """Tell for every stem and frame whether it is silent.

    Args:
        stems: (stem, channel, time).
        window_samples: Length of a frame.
        hop_samples: Distance between frame starts.

    Returns:
        Boolean, (stem, frame).
    """
    bounds = _frame_bounds(stems.shape[-1], window_samples, hop_samples)
    return np.array(
        [[is_silent(stem[:, start:stop]) for start, stop in bounds] for stem in stems], dtype=np.bool_
    ).reshape(len(stems), len(bounds))


def _frame_bounds(num_samples: int, window_samples: int, hop_samples: int) -> list[tuple[int, int]]:
    count = num_frames(num_samples, window_samples, hop_samples)
    return [(i * hop_samples, min(i * hop_samples + window_samples, num_samples)) for i in range(count)]
