"""Separators that are easy to predict, in memory and as folders, and songs for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from sep_pipeline.audio.io import Subtype, write_audio
from sep_pipeline.models.weights import save_weights
from sep_pipeline.separation.blocks import Progress, ReadSamples
from sep_pipeline.separation.card import CARD_NAME, SeparatorCard, card_text
from sep_pipeline.separation.interface import Separator
from sep_pipeline.separation.separator import MODEL_CLASSES

RATE = 8000


class Shares(Separator):
    """Stems that are fixed shares of the mixture, in blocks of 100 samples; never asked for a whole song."""

    def __init__(self, shares: Mapping[str, float] | None = None, num_channels: int = 2) -> None:
        self.shares = dict(shares or {"first": 0.75, "second": 0.125})
        super().__init__(
            name="study/shares", stems=tuple(self.shares), sample_rate=RATE, num_channels=num_channels
        )

    def separate(self, mixture: np.ndarray, *, mode: str = "context") -> np.ndarray:
        raise AssertionError("a song that can be read in blocks is not held in memory")

    def _blocks(
        self, read: ReadSamples, num_samples: int, *, is_published: bool, progress: Progress | None
    ) -> Iterator[np.ndarray]:
        size = self.block_samples
        for start in range(0, num_samples, size):
            block = read(start, min(start + size, num_samples))
            assert len(block) == self.num_channels
            yield np.stack([np.float32(share) * block for share in self.shares.values()])
            if progress is not None:
                progress(min(1.0, (start + size) / num_samples))

    block_samples = 100


class WholeShares(Separator):
    """The same in one piece."""

    def __init__(self) -> None:
        super().__init__(name="whole", stems=("first", "second"), sample_rate=RATE, num_channels=2)

    def _blocks(
        self, read: ReadSamples, num_samples: int, *, is_published: bool, progress: Progress | None
    ) -> Iterator[np.ndarray]:
        mixture = read(0, num_samples)
        yield np.stack([np.float32(0.75) * mixture, np.float32(0.125) * mixture])


@pytest.fixture(autouse=True)
def _one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads that wait for each other beside other tests take longer than one."""
    monkeypatch.setattr("sep_pipeline.separation.songs.run.available_processes", lambda: 1)


@pytest.fixture
def shares() -> type[Shares]:
    return Shares


@pytest.fixture
def whole_shares() -> type[WholeShares]:
    return WholeShares


@pytest.fixture
def noise() -> Callable[..., np.ndarray]:
    """Noise in steps of 16-bit samples."""

    def make(num_samples: int, num_channels: int = 2, seed: int = 0) -> np.ndarray:
        steps = np.random.default_rng(seed).integers(-29_000, 29_000, (num_channels, num_samples))
        return (steps / 32768).astype(np.float32)

    return make


@pytest.fixture
def make_song(tmp_path: Path, noise: Callable[..., np.ndarray]) -> Callable[..., Path]:
    """Write a song of noise."""

    def make(
        name: str = "song.wav",
        num_samples: int = 1234,
        num_channels: int = 2,
        *,
        rate: int = RATE,
        seed: int = 0,
        subtype: Subtype = "PCM_16",
    ) -> Path:
        path = tmp_path / name
        write_audio(path, noise(num_samples, num_channels, seed), rate, subtype=subtype)
        return path

    return make


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A separator folder of `Shares`, whose class is known in this process only."""

    def build(card: SeparatorCard, states: Any, *, device: str, precision: str) -> Shares:
        return Shares()

    monkeypatch.setitem(MODEL_CLASSES, "shares", build)
    folder = tmp_path / "model"
    card = SeparatorCard(
        name="study/shares",
        model="shares",
        config={},
        stems=("first", "second"),
        weights={"first": "weights.safetensors", "second": "weights.safetensors"},
        sample_rate=RATE,
        channels=2,
        seed=0,
        steps=0,
        data_hash="none",
        licence="MIT",
    )
    folder.mkdir()
    save_weights(folder / "weights.safetensors", {"share": torch.ones(1)}, metadata={})
    (folder / CARD_NAME).write_text(card_text(card))
    return folder
