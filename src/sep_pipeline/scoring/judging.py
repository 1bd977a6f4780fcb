"""Separators beside each other on whole test songs, by two figures a song and stem; no estimate is kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from sep_pipeline.audio.channels import to_channels
from sep_pipeline.audio.io import read_audio
from sep_pipeline.data.manifest import MIXTURE, Track
from sep_pipeline.errors import StemMismatchError
from sep_pipeline.metrics.whole_track import si_sdr, usdr
from sep_pipeline.scoring.methods import shared_stems
from sep_pipeline.separation import Separator, separate

if TYPE_CHECKING:
    import pandas

Audio = npt.NDArray[np.float32]

UNPROCESSED = "mixture"
"""Name of the row that takes the mixture itself for every stem."""

METRICS: dict[str, Callable[[Audio, Audio], float]] = {"uSDR": usdr, "SI-SDR": si_sdr}


def judge(
    separators: Mapping[str, Separator],
    tracks: Sequence[Track],
    *,
    progress: Callable[[int, int, str], None] = lambda done, total, track_id: None,  # noqa: ARG005
) -> pandas.DataFrame:
    """Score separators of the same stems, and the mixture itself, song by song.

    Args:
        separators: Name to separator.
        tracks: Test songs with at least one of the stems.
        progress: Called before every song with the number of finished and of all songs, and its name.

    Returns:
        Columns separator, track, stem, metric and value in dB; NaN where a metric is not defined, as in songs that
        do not have the stem.

    Raises:
        StemMismatchError: No stem of the songs is one of the separators'.
    """
    import pandas as pd

    given = next(iter(separators.values())).stems
    stems = shared_stems(given, tracks[0].stems)
    if not stems:
        raise StemMismatchError(
            "the separator gives none of the test songs' stems",
            file=tracks[0].paths[MIXTURE],
            expected=given,
            found=tracks[0].stems,
        )
    rows = []
    for index, track in enumerate(tracks):
        progress(index, len(tracks), track.track_id)
        mixture, rate = read_audio(track.paths[MIXTURE])
        references = {stem: read_audio(track.paths[stem])[0] for stem in stems}
        for name, estimates in _estimates(separators, stems, mixture, rate):
            rows += [
                (name, track.track_id, stem, metric, _score(score, references[stem], estimates[stem]))
                for stem in stems
                for metric, score in METRICS.items()
            ]
    return pd.DataFrame(rows, columns=["separator", "track", "stem", "metric", "value"])


def _score(score: Callable[[Audio, Audio], float], reference: Audio, estimate: Audio) -> float:
    return score(reference, estimate) if np.any(reference) else np.nan


def _estimates(
    separators: Mapping[str, Separator], stems: Sequence[str], mixture: Audio, sample_rate: int
) -> list[tuple[str, dict[str, Audio]]]:
    found = [(UNPROCESSED, dict.fromkeys(stems, mixture))]
    for name, separator in separators.items():
        estimates = separate(separator, mixture, sample_rate, channels="per_channel")
        chosen = {stem: estimates[separator.stems.index(stem)] for stem in stems}
        found.append((name, {stem: to_channels(signal, len(mixture)) for stem, signal in chosen.items()}))
    return found
