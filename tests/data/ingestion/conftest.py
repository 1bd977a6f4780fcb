"""A folder of piano and rest with one track for every kind of fault."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from sep_pipeline.audio.io import write_audio

RATE = 8000


def noise(seed: int, seconds: float = 2.0, *, channels: int = 2, rate: int = RATE) -> np.ndarray:
    samples = np.random.default_rng(seed).integers(-3000, 3000, (channels, int(seconds * rate)))
    return samples.astype(np.int16)


@pytest.fixture
def make_duo() -> Callable[..., Path]:
    """Write a track of piano, rest and their sum."""

    def make(
        folder: Path, *, seed: int = 0, seconds: float = 2.0, channels: int = 2, rate: int = RATE
    ) -> Path:
        piano, rest = (noise(2 * seed + part, seconds, channels=channels, rate=rate) for part in (0, 1))
        for name, samples in {"piano": piano, "rest": rest, "mixture": piano + rest}.items():
            write_audio(folder / f"{name}.wav", samples, rate)
        return folder

    return make


def _short(track: Path) -> None:
    write_audio(track / "rest.wav", noise(77, 1.5), RATE)


def _mixed_rates(track: Path) -> None:
    write_audio(track / "rest.wav", noise(78, rate=2 * RATE), 2 * RATE)


def _mixed_channels(track: Path) -> None:
    write_audio(track / "rest.wav", noise(79, channels=1), RATE)


def _not_finite(track: Path) -> None:
    audio = noise(80).astype(np.float32) / 32768
    audio[0, 100:110] = np.nan
    write_audio(track / "rest.wav", audio, RATE, subtype="FLOAT")


def _clipped(track: Path) -> None:
    silent_start, loud_start = noise(81), noise(83)
    silent_start[:, :200], loud_start[:, :200] = 0, 32767
    write_audio(track / "piano.wav", silent_start, RATE)
    write_audio(track / "rest.wav", loud_start, RATE)
    (track / "mixture.wav").unlink()


def _silent(track: Path) -> None:
    write_audio(track / "rest.wav", np.zeros((2, 2 * RATE), dtype=np.int16), RATE)
    (track / "mixture.wav").unlink()


def _missing(track: Path) -> None:
    (track / "rest.wav").unlink()


def _foreign_mixture(track: Path) -> None:
    write_audio(track / "mixture.wav", noise(82), RATE)


def _unreadable(track: Path) -> None:
    (track / "rest.wav").write_text("no sound")


def _truncated(track: Path) -> None:
    content = (track / "rest.wav").read_bytes()
    (track / "rest.wav").write_bytes(content[: len(content) // 2])


def _same_file_name(track: Path) -> None:
    (track / "Piano.wav").write_bytes((track / "piano.wav").read_bytes())


DAMAGES: dict[str, Callable[[Path], None]] = {
    "length_mismatch": _short,
    "rate_mismatch": _mixed_rates,
    "channel_mismatch": _mixed_channels,
    "not_finite": _not_finite,
    "clipped": _clipped,
    "silent_stem": _silent,
    "missing_stem": _missing,
    "mixture_not_sum": _foreign_mixture,
    "unreadable": _unreadable,
    "truncated": _truncated,
    "name_collision": _same_file_name,
}
"""Kind of fault to what makes it in a sound track."""


@pytest.fixture
def damages() -> dict[str, Callable[[Path], None]]:
    return DAMAGES


@pytest.fixture
def faulty_tree(tmp_path: Path, make_duo: Callable[..., Path]) -> Path:
    """Sound tracks and one track, named by its kind, for every fault that a folder of one's own can have."""
    root = tmp_path / "duos"
    for number, place in enumerate(("train/first", "train/second", "train/third", "validation/fourth")):
        make_duo(root / place, seed=number)
    make_duo(root / "test/fifth", seed=4)
    for number, (kind, damage) in enumerate(DAMAGES.items(), start=10):
        damage(make_duo(root / "train" / kind, seed=number))
    make_duo(root / "test/duplicate", seed=0)
    make_duo(root / "train/too_short", seed=40, seconds=0.5)
    make_duo(root / "train/other_rate", seed=41, rate=2 * RATE)
    make_duo(root / "train/Second", seed=42)
    (root / "train/empty_folder").mkdir()
    (root / "train/first/unknown_name.xyz").write_text("what is this")
    return root
