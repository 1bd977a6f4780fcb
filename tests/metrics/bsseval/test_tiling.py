"""Tiles cover the track once, and frames are runs of tiles."""

import pytest

from sep_pipeline.metrics.bsseval.tiling import Tile, tile_track

CASES = [
    (100, 10, 10, 64),
    (105, 10, 10, 64),
    (100, 30, 20, 7),
    (100, 10, 25, 64),
    (50, 60, 5, 20),
    (40, 40, 1, 9),
]


@pytest.mark.parametrize("case", CASES)
def test_tiles_cover_the_track_without_gaps(case: tuple[int, ...]) -> None:
    tiles = tile_track(*case).tiles
    assert [tile.start for tile in tiles] == [0, *(tile.stop for tile in tiles[:-1])]
    assert tiles[-1].stop == case[0]


@pytest.mark.parametrize("case", CASES)
def test_no_tile_is_empty_or_too_long(case: tuple[int, ...]) -> None:
    assert all(1 <= len(tile) <= case[3] for tile in tile_track(*case).tiles)


@pytest.mark.parametrize("case", CASES)
def test_tiles_know_their_frames(case: tuple[int, ...]) -> None:
    tiling = tile_track(*case)
    for tile in tiling.tiles:
        holding = [i for i, (start, stop) in enumerate(tiling.frames) if start <= tile.start < stop]
        assert list(tile.frames) == holding


@pytest.mark.parametrize("case", CASES)
def test_frames_are_whole_tiles(case: tuple[int, ...]) -> None:
    tiling = tile_track(*case)
    for index, (start, stop) in enumerate(tiling.frames):
        assert sum(len(tile) for tile in tiling.tiles if index in tile.frames) == stop - start


def test_a_last_partial_frame_is_a_tile_of_no_frame() -> None:
    tiling = tile_track(25, 10, 10, 64)
    assert tiling.frames == ((0, 10), (10, 20))
    assert tiling.tiles[-1] == Tile(20, 25, range(2, 2))


def test_earlier_tiles_within_reach_come_nearest_first() -> None:
    tiling = tile_track(40, 40, 40, 10)
    assert [tile.start for tile in tiling.before(3, 11)] == [20, 10]
    assert not list(tiling.before(0, 11))
