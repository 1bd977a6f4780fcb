"""Where the sound of an arm comes from: estimates that a study kept, or its separator."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sep_pipeline.audio.io import read_audio
from sep_pipeline.configuration.execution import ExecutionParameters
from sep_pipeline.data.manifest import Track
from sep_pipeline.pipelines.data.store import read_stems
from sep_pipeline.reporting.page import Recording
from sep_pipeline.scoring.folder import estimates_of, stems_of_estimates
from sep_pipeline.separation import Separator, load_separator, separate
from sep_pipeline.separation.card import CARD_NAME

Audio = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Voice:
    """One arm.

    Attributes:
        stems: Stems that it gives.
        estimates: Track and mixture, (channel, time), to stem to estimate of the same length.
    """

    stems: tuple[str, ...]
    estimates: Callable[[Track, Audio], Mapping[str, Audio]]


def load_voice(source: Path, track_id: str, execution: ExecutionParameters) -> Voice:
    """The voice in a folder.

    Args:
        source: A separator folder, or one of estimates.
        track_id: A track of which there are estimates.
        execution: Where a separator runs.

    Raises:
        NoInputError: There are neither.
        CheckpointError: The separator cannot be loaded.
    """
    if (source / CARD_NAME).is_file():
        return separator_voice(load(source, execution))
    stems = stems_of_estimates(source, track_id)
    return Voice(stems, partial(_kept, source, stems))


def load(folder: Path, execution: ExecutionParameters) -> Separator:
    """The separator in a folder."""
    return load_separator(
        folder, device=execution.resolved_device(), precision=execution.resolved_precision()
    )


def separator_voice(separator: Separator) -> Voice:
    """A voice that separates anew."""
    return Voice(tuple(separator.stems), partial(_separated, separator))


def record(track: Track, voices: Mapping[str, Voice]) -> Recording:
    """A test song with the references of all stems that any voice gives, and the estimates of each voice."""
    given = {stem for voice in voices.values() for stem in voice.stems}
    stems = [stem for stem in track.stems if stem in given]
    mixture, references = read_stems(track, stems, None)
    estimates = {arm: voice.estimates(track, mixture) for arm, voice in voices.items()}
    return Recording(
        mixture=mixture,
        references=references,
        estimates={
            arm: {stem: found[stem] for stem in stems if stem in found} for arm, found in estimates.items()
        },
        sample_rate=track.sample_rate,
    )


def _kept(source: Path, stems: tuple[str, ...], track: Track, _mixture: Audio) -> dict[str, Audio]:
    files = estimates_of(source, track.track_id, stems)
    return {stem: read_audio(file)[0] for stem, file in files.items()}


def _separated(separator: Separator, track: Track, mixture: Audio) -> dict[str, Audio]:
    return dict(zip(separator.stems, separate(separator, mixture, track.sample_rate), strict=True))
