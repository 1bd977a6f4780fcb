"""The tool that puts separators into the package names what is trained and what ships, and can sum loops."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from sep_pipeline.audio.io import read_audio, write_audio
from sep_pipeline.configuration.project import parse_parameters
from sep_pipeline.data.manifest import MANIFEST_NAME, MIXTURE, manifest_frame, measured_row, write_manifest
from sep_pipeline.data.stem_store import store_tracks
from sep_pipeline.separation.lookup import known_separators

RATE = 8000
Script = Callable[[str], ModuleType]


@pytest.fixture
def tool(script: Script) -> ModuleType:
    return script("ship_separators")


def test_what_ships_is_what_the_environment_trains(tool: ModuleType, load_parameters: Any) -> None:
    assert set(tool.SHIPMENTS) == {known.name for known in known_separators(Path("nowhere"))}
    shipped = parse_parameters(load_parameters("shipped"), Path("/project"))
    for shipment in tool.SHIPMENTS.values():
        study, arm, seed = shipment.origin.split("/")
        run = getattr(shipped, study).run
        assert arm in run.arms
        assert int(seed) in run.seeds


def make_store(store: Path, loops: dict[str, int]) -> Path:
    """Loops by name ("kick - song") and length."""
    rows = []
    for place, (track, length) in enumerate(loops.items()):
        stem = track.split(" ")[0]
        audio = np.full((1, length), 0.1 * (place + 1), dtype=np.float32)
        path = f"{track}/{stem}.wav"
        write_audio(store / path, audio, RATE)
        facts = {"set_name": "loops", "split": "test", "track_id": track, "stem": stem, "path": path}
        rows.append(measured_row(audio, sample_rate=RATE, provenance={}, **facts))
    write_manifest(manifest_frame(rows), store / MANIFEST_NAME)
    return store


def test_loops_of_a_song_are_summed_up_to_the_shortest(tool: ModuleType, tmp_path: Path) -> None:
    loops = {"kick - a": 900, "snare - a": 800, "kick - b": 700, "snare - b": 950}
    store = tool._with_mixtures(make_store(tmp_path / "loops", loops), tmp_path / "spare")
    first, second = store_tracks(store, "test")
    assert (first.track_id, first.num_frames, second.num_frames) == ("a", 800, 700)
    assert set(first.stems) == {"kick", "snare"}
    signals = {name: read_audio(path)[0] for name, path in first.paths.items()}
    assert np.allclose(signals[MIXTURE], signals["kick"] + signals["snare"], atol=2e-4)


def test_a_store_with_mixtures_is_taken_as_it_is(tool: ModuleType, tmp_path: Path) -> None:
    store = make_store(tmp_path / "songs", {"mixture of a": 900})
    assert tool._with_mixtures(store, tmp_path / "spare") == store
    assert not (tmp_path / "spare").exists()
