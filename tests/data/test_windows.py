"""Placement of training windows."""

import json
from pathlib import Path

import pytest
from safetensors.torch import load_file

from sep_pipeline.data.windows import WindowGrid
from sep_pipeline.errors import ConfigurationError, TooShortError

GOLDEN = Path(__file__).parents[1] / "golden"


def test_every_row_of_the_golden_table_is_placed_alike() -> None:
    facts = json.loads((GOLDEN / "jukebox_small.json").read_text())["scalars"]["window"]
    table = load_file(GOLDEN / "jukebox_small.safetensors")["window/item_shift_index_offset"]
    grid = WindowGrid(facts["durations"], facts["sample_length"])
    assert grid.num_items == facts["n_items"]
    placed = [[item, shift, *grid.place(item, shift)] for item, shift, _, _ in table.tolist()]
    assert placed == table.tolist()


@pytest.mark.parametrize("chunk_samples", [1, 2, 7, 50, 53])
def test_every_window_lies_inside_its_track(chunk_samples: int) -> None:
    lengths = [53, 120, 64, 53, 99]
    grid = WindowGrid(lengths, chunk_samples)
    for item in range(grid.num_items):
        for shift in range(-grid.half_samples, max(1, grid.half_samples)):
            track, start = grid.place(item, shift)
            assert 0 <= start <= lengths[track] - chunk_samples


def test_without_shift_a_single_track_is_cut_into_consecutive_windows() -> None:
    grid = WindowGrid([35], 10)
    assert [grid.place(item, 0) for item in range(grid.num_items)] == [(0, 0), (0, 10), (0, 20)]


def test_a_track_shorter_than_a_chunk_is_named() -> None:
    with pytest.raises(TooShortError, match=r"track song_b .*expected: 11 samples; found: 10 samples"):
        WindowGrid([20, 10], 11, names=["song_a", "song_b"])


def test_no_track_at_all_is_refused() -> None:
    with pytest.raises(TooShortError):
        WindowGrid([], 10)


def test_an_empty_chunk_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="chunk_samples"):
        WindowGrid([20], 0)
