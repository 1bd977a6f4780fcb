"""Training examples as their parameters say: plain windows, or changed stems whose sum is the mixture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sep_pipeline.audio.io import write_audio
from sep_pipeline.configuration.examples import ExampleParameters
from sep_pipeline.configuration.strict import parse
from sep_pipeline.data.examples import StemExamples
from sep_pipeline.data.manifest import MIXTURE, Track
from sep_pipeline.errors import ConfigurationError
from sep_pipeline.pipelines.data.examples import training_examples

RATE, NUM_FRAMES, CHUNK = 8000, 12000, 2000
STEMS = ("piano", "rest")


@pytest.fixture
def tracks(tmp_path: Path) -> tuple[Track, ...]:
    made = []
    for number in range(3):
        stems = np.random.default_rng(number).integers(-3000, 3000, (2, 2, NUM_FRAMES)).astype(np.int16)
        signals = {MIXTURE: stems.sum(axis=0, dtype=np.int16), "piano": stems[0], "rest": stems[1]}
        paths = {name: tmp_path / f"{number}/{name}.wav" for name in signals}
        for name, samples in signals.items():
            write_audio(paths[name], samples, RATE)
        made.append(
            Track(
                set_name="made",
                split="train",
                track_id=f"{number}",
                sample_rate=RATE,
                num_channels=2,
                num_frames=NUM_FRAMES,
                paths=paths,
            )
        )
    return tuple(made)


def drawn(tracks: tuple[Track, ...], signals: tuple[str, ...], step: int = 0, **values: Any) -> np.ndarray:
    parameters = parse(ExampleParameters, {"chunk_samples": CHUNK, **values})
    return training_examples(tracks, signals, parameters, batch_size=4, seed=1).batch(step).numpy()


def test_without_augmentation_nothing_is_changed(tracks: tuple[Track, ...]) -> None:
    windows = StemExamples(tracks, (MIXTURE, "piano"), chunk_samples=CHUNK, batch_size=4, seed=1)
    assert np.array_equal(drawn(tracks, (MIXTURE, "piano"), 2), windows.batch(2).numpy())


AUGMENTATIONS: dict[str, dict[str, Any]] = {
    "gain": {"gain": [0.25, 1.25]},
    "swap": {"channel_swap": 0.5},
    "coherent": {"mixing": "coherent"},
    "incoherent": {"mixing": "incoherent", "gain": [0.5, 1.0]},
    "pitch and tempo": {"mixing": "coherent", "semitones": [-3, 3], "tempo": [0.9, 1.1]},
}


@pytest.mark.parametrize("augmentation", AUGMENTATIONS.values(), ids=AUGMENTATIONS)
def test_the_mixture_is_the_sum_of_the_changed_stems(
    tracks: tuple[Track, ...], augmentation: dict[str, Any]
) -> None:
    batch = drawn(tracks, (MIXTURE, *STEMS), augmentation=augmentation)
    assert batch.shape == (4, 3, 1, CHUNK)
    np.testing.assert_allclose(batch[:, 0], batch[:, 1] + batch[:, 2], atol=1e-6)


@pytest.mark.parametrize("augmentation", AUGMENTATIONS.values(), ids=AUGMENTATIONS)
def test_examples_depend_on_the_step_alone(tracks: tuple[Track, ...], augmentation: dict[str, Any]) -> None:
    first, again = (drawn(tracks, (MIXTURE, "piano"), 3, augmentation=augmentation) for _ in range(2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, drawn(tracks, (MIXTURE, "piano"), 4, augmentation=augmentation))


def test_gain_changes_the_level_of_a_stem(tracks: tuple[Track, ...]) -> None:
    plain = drawn(tracks, ("piano",), blend="off")
    louder = drawn(tracks, ("piano",), blend="off", augmentation={"gain": [2.0, 2.0]})
    np.testing.assert_allclose(louder, 2 * plain, atol=1e-6)


@pytest.mark.parametrize(
    "change", [{"semitones": [-3, 3]}, {"tempo": [0.8, 1.2]}, {"redraw_below_dbfs": -60}], ids=str
)
def test_what_windows_cannot_do_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=f"augmentation.{next(iter(change))}"):
        parse(ExampleParameters, {"chunk_samples": CHUNK, "augmentation": change})
