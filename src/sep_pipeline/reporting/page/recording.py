"""A whole song with its estimates, and the excerpts of it that go into a page."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO

import numpy as np
import numpy.typing as npt

from sep_pipeline.audio.channels import to_channels
from sep_pipeline.audio.mp3 import KILOBITS_PER_SECOND, encode_mp3
from sep_pipeline.reporting.figures import DYNAMIC_RANGE_DB, level_db
from sep_pipeline.reporting.page.listening import MIXTURE, REFERENCE, Clip

Audio = npt.NDArray[np.float32]
ScoreOf = Callable[[str, str], float | None]
"""Arm and stem to the song's score in dB."""

BASE64_GROWTH = 4 / 3
SHARE_OF_SOUND = 0.65
"""Of a page's bytes; the rest is for pictures and tables."""

_PICTURE_ROWS, _PICTURE_COLUMNS = 72, 240
_LEAST_HEADROOM = 0.98


@dataclass(frozen=True, kw_only=True)
class Recording:
    """One song in full length.

    Attributes:
        mixture: float32, (channel, time).
        references: Stem to the true signal, (channel, time).
        estimates: Arm to stem to estimate, (channel, time).
        sample_rate: Hz.
    """

    mixture: Audio
    references: Mapping[str, Audio]
    estimates: Mapping[str, Mapping[str, Audio]]
    sample_rate: int

    def signals(self) -> Iterator[tuple[str, str, Audio]]:
        """Row, stem and signal of everything that can be heard; the mixture has no stem."""
        yield MIXTURE, "", self.mixture
        for row, stems in {REFERENCE: self.references, **self.estimates}.items():
            for stem, signal in stems.items():
                yield row, stem, signal


def excerpt_seconds(num_clips: int, *, longest_seconds: float, max_megabytes: float) -> float:
    """How long excerpts can be so that the sound of `num_clips` fits into its share of a page."""
    bytes_per_second = KILOBITS_PER_SECOND * 1000 / 8 * BASE64_GROWTH
    return min(longest_seconds, SHARE_OF_SOUND * max_megabytes * 1e6 / (num_clips * bytes_per_second))


def cut_clips(recording: Recording, seconds: float, score_of: ScoreOf) -> tuple[float, tuple[Clip, ...]]:
    """Cut the same excerpt from everything that can be heard.

    All are mono, of one length and at their own level; if one would clip, all are made quieter alike.

    Args:
        recording: The song.
        seconds: Length of the excerpt; a shorter song is taken whole.
        score_of: The song's scores.

    Returns:
        Where the excerpt begins in seconds, and its clips.
    """
    rate = recording.sample_rate
    num_samples = min(recording.mixture.shape[-1], max(1, round(seconds * rate)))
    start = loudest_start(recording.mixture, num_samples)
    cut = [
        (row, stem, to_channels(signal[:, start : start + num_samples], 1))
        for row, stem, signal in recording.signals()
    ]
    peak = max(float(np.abs(signal).max()) for _, _, signal in cut)
    gain = np.float32(min(1.0, _LEAST_HEADROOM / peak)) if peak > 0 else np.float32(1.0)
    levels = [
        level_db(signal, rate, num_rows=_PICTURE_ROWS, num_columns=_PICTURE_COLUMNS) for *_, signal in cut
    ]
    loudest = float(levels[0].max())
    clips = tuple(
        Clip(
            row=row,
            stem=stem,
            audio=encode_mp3(gain * signal, rate),
            picture=_spectrogram_png(level, loudest),
            score=None if row in (MIXTURE, REFERENCE) else score_of(row, stem),
        )
        for (row, stem, signal), level in zip(cut, levels, strict=True)
    )
    return start / rate, clips


def loudest_start(mixture: Audio, num_samples: int) -> int:
    """First frame of the excerpt with the most energy over all channels."""
    energy = np.concatenate(([0.0], np.cumsum(np.square(mixture, dtype=np.float64).sum(axis=0))))
    return int(np.argmax(energy[num_samples:] - energy[:-num_samples]))


def _spectrogram_png(level: npt.NDArray[np.float64], loudest: float) -> bytes:
    """A spectrogram without axes as PNG with a palette, low frequencies at the bottom."""
    import matplotlib
    from PIL import Image

    shade = np.clip((level - loudest + DYNAMIC_RANGE_DB) / DYNAMIC_RANGE_DB, 0.0, 1.0)
    # Sixteen shades compress to a third of the size and look the same at this height.
    image = Image.fromarray(np.ascontiguousarray(np.rint(shade[::-1] * 15).astype(np.uint8)), mode="P")
    colours = matplotlib.colormaps["magma"](np.linspace(0.0, 1.0, 16), bytes=True)
    image.putpalette(colours[:, :3].ravel().tolist())
    file = BytesIO()
    image.save(file, format="PNG", optimize=True, bits=4)
    return file.getvalue()
