"""What nodes of every study ask of a stem store."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sep_pipeline.audio.channels import to_channels
from sep_pipeline.audio.io import read_audio
from sep_pipeline.data.manifest import MANIFEST_NAME, MIXTURE, Track, read_manifest

Audio = npt.NDArray[np.float32]


def store_hash(stem_store: Path) -> str:
    """Short digest of all audio of a store, by the content hashes of its manifest."""
    hashes = sorted(read_manifest(stem_store / MANIFEST_NAME)["content_hash"])
    return hashlib.sha256("".join(hashes).encode()).hexdigest()[:12]


def mono_mixture(track: Track) -> Audio:
    """The mean of the channels of a track's mixture, float32 (1, time)."""
    return _mono(track, MIXTURE)


def mono_stems(track: Track, stems: Sequence[str]) -> Audio:
    """The mean of the channels of a track's stems, float32 (stem, 1, time)."""
    return np.stack([_mono(track, stem) for stem in stems])


def _mono(track: Track, name: str) -> Audio:
    audio, _ = read_audio(track.paths[name])
    mono: Audio = audio.mean(axis=0, keepdims=True, dtype=np.float32)
    return mono


def read_stems(
    track: Track, stems: Sequence[str], num_channels: int | None
) -> tuple[Audio, dict[str, Audio]]:
    """The mixture and the stems of a track, each float32 (channel, time); None keeps the channels."""
    signals = {name: read_audio(track.paths[name])[0] for name in (MIXTURE, *stems)}
    if num_channels is not None:
        signals = {name: to_channels(signal, num_channels) for name, signal in signals.items()}
    return signals.pop(MIXTURE), signals


def read_estimates(folder: Path, stems: Sequence[str]) -> Audio:
    """Estimates of one track, float32 (stem, channel, time)."""
    return np.stack([read_audio(folder / f"{stem}.wav")[0] for stem in stems])
