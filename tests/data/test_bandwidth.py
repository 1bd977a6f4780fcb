"""Loudness statistics of training windows."""

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from sep_pipeline.audio.io import write_audio
from sep_pipeline.data.bandwidth import bandwidth_statistics, stem_bandwidth
from sep_pipeline.data.examples import StemExamples
from sep_pipeline.data.manifest import Track
from sep_pipeline.errors import SilentStemError

GOLDEN = Path(__file__).parents[1] / "golden"
NUM_SAMPLES = 8192


@pytest.fixture
def examples(tmp_path: Path) -> StemExamples:
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, size=(2, NUM_SAMPLES)).astype(np.float32)
    sources = {"loud": noise, "soft": noise / 10, "silent": 0 * noise}
    for name, audio in sources.items():
        write_audio(tmp_path / f"{name}.wav", audio, 8000)
    track = Track(
        set_name="toy",
        split="train",
        track_id="song",
        sample_rate=8000,
        num_channels=2,
        num_frames=NUM_SAMPLES,
        paths={name: tmp_path / f"{name}.wav" for name in sources},
    )
    return StemExamples([track], list(sources), chunk_samples=2048, batch_size=1, seed=0)


def test_statistics_equal_the_golden_values() -> None:
    golden = json.loads((GOLDEN / "jukebox_small.json").read_text())["scalars"]["bandwidth"]
    items = load_file(GOLDEN / "jukebox_small.safetensors")["bandwidth/items"]
    found = bandwidth_statistics(items.transpose(0, 2, 1), num_values=golden["duration"] * golden["sr"])
    assert found.l1 == pytest.approx(golden["l1"], rel=1e-5)
    assert found.l2 == pytest.approx(golden["l2"], rel=1e-5)
    assert found.spec == pytest.approx(golden["spec"], rel=1e-5)


def test_no_more_windows_are_read_than_needed() -> None:
    windows = iter([np.ones((2, 2048), dtype=np.float32)] * 5)
    bandwidth_statistics(windows, num_values=2 * 4096 + 1)
    assert len(list(windows)) == 2


def test_the_named_stem_is_measured(examples: StemExamples) -> None:
    loud, soft = stem_bandwidth(examples, "loud"), stem_bandwidth(examples, "soft")
    assert loud.l1 == pytest.approx(0.25, rel=0.05)
    assert loud.l2 == pytest.approx(1 / 12, rel=0.05)
    assert soft.l1 == pytest.approx(loud.l1 / 10, rel=1e-2)
    assert soft.l2 == pytest.approx(loud.l2 / 100, rel=1e-2)
    assert soft.spec == pytest.approx(loud.spec / 10, rel=1e-2)


def test_a_silent_stem_is_named(examples: StemExamples) -> None:
    with pytest.raises(SilentStemError, match="stem silent"):
        stem_bandwidth(examples, "silent")
