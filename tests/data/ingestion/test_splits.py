"""Division of tracks into training, validation and test where the tree does not say."""

from __future__ import annotations

from pathlib import Path

import pytest

from sep_pipeline.data.ingestion.splits import SplitConfig, with_splits
from sep_pipeline.data.layouts.source import SourceTrack
from sep_pipeline.errors import ConfigurationError, NoInputError, UnreadableFileError

ROOT = Path("/songs")


def tracks(count: int, split: str | None = None, prefix: str = "song") -> list[SourceTrack]:
    return [
        SourceTrack(track_id=f"{prefix} {number}", folder=ROOT / f"{number}", split=split, parts=())
        for number in range(count)
    ]


def counts(found: tuple[SourceTrack, ...]) -> tuple[int, ...]:
    return tuple(sum(track.split == name for track in found) for name in ("train", "validation", "test"))


@pytest.mark.parametrize(
    ("count", "expected"),
    [(1, (1, 0, 0)), (2, (1, 0, 1)), (3, (1, 1, 1)), (10, (8, 1, 1)), (50, (40, 5, 5))],
)
def test_shares_of_tracks_without_a_split(count: int, expected: tuple[int, ...]) -> None:
    assert counts(with_splits(tracks(count), SplitConfig(validation_share=0.1), None, ROOT)) == expected


def test_the_order_of_the_listing_plays_no_role() -> None:
    listed = tracks(20)
    forward = with_splits(listed, SplitConfig(), None, ROOT)
    backward = with_splits(listed[::-1], SplitConfig(), None, ROOT)
    assert {track.track_id: track.split for track in forward} == {t.track_id: t.split for t in backward}


def test_another_seed_divides_otherwise() -> None:
    def test_tracks(seed: int) -> set[str]:
        found = with_splits(tracks(40), SplitConfig(seed=seed), None, ROOT)
        return {track.track_id for track in found if track.split == "test"}

    assert test_tracks(0) != test_tracks(1)


def test_one_more_track_moves_few_others() -> None:
    before = {t.track_id: t.split for t in with_splits(tracks(40), SplitConfig(), None, ROOT)}
    after = {t.track_id: t.split for t in with_splits(tracks(41), SplitConfig(), None, ROOT)}
    assert sum(before[name] != after[name] for name in before) <= 2


def test_splits_of_the_tree_stay_and_validation_is_held_out_of_training() -> None:
    found = with_splits([*tracks(10, "train"), *tracks(4, "test", "x")], SplitConfig(), None, ROOT)
    assert counts(found) == (9, 1, 4)


def test_nothing_is_held_out_of_a_tree_with_validation_tracks() -> None:
    found = with_splits([*tracks(10, "train"), *tracks(2, "validation", "v")], SplitConfig(), None, ROOT)
    assert counts(found) == (10, 2, 0)


def test_override_divides_anew() -> None:
    config = SplitConfig(test_share=0.5, validation_share=0, override=True)
    assert counts(with_splits(tracks(10, "train"), config, None, ROOT)) == (5, 0, 5)


def test_named_validation_tracks_replace_all_others() -> None:
    listed = [*tracks(3, "train"), *tracks(1, "validation", "v")]
    found = with_splits(listed, SplitConfig(), ["song 1"], ROOT)
    assert {t.track_id: t.split for t in found} == {
        "song 0": "train", "song 1": "validation", "song 2": "train", "v 0": "train",
    }  # fmt: skip
    assert counts(with_splits(listed, SplitConfig(), [], ROOT)) == (4, 0, 0)


def test_a_missing_validation_track_is_named() -> None:
    with pytest.raises(ConfigurationError, match=r"validation_tracks.*found: song 9"):
        with_splits(tracks(3, "train"), SplitConfig(), ["song 9"], ROOT)


def test_a_list_of_splits_comes_before_everything(tmp_path: Path) -> None:
    path = tmp_path / "splits.csv"
    path.write_text("track,split\nsong 0,test\nsong 1,validation\n")
    found = with_splits(tracks(3, "train"), SplitConfig(file=path), None, ROOT)
    assert [track.split for track in found] == ["test", "validation", "train"]


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("track,split\nnobody,test\n", ConfigurationError, "found: nobody"),
        ("track,split\nsong 0,testing\n", UnreadableFileError, "line 2"),
        ("name,split\nsong 0,test\n", UnreadableFileError, "columns track and split"),
    ],
)
def test_a_wrong_list_is_refused(tmp_path: Path, text: str, error: type[Exception], message: str) -> None:
    path = tmp_path / "splits.csv"
    path.write_text(text)
    with pytest.raises(error, match=message):
        with_splits(tracks(3), SplitConfig(file=path), None, ROOT)


def test_a_missing_list_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NoInputError, match=r"splits\.file"):
        with_splits(tracks(3), SplitConfig(file=tmp_path / "no.csv"), None, ROOT)


@pytest.mark.parametrize("shares", [(0.5, 0.5), (-0.1, 0.1), (1.0, 0.0)])
def test_shares_must_leave_something(shares: tuple[float, float]) -> None:
    with pytest.raises(ConfigurationError, match=r"splits\.test_share"):
        SplitConfig(test_share=shares[0], validation_share=shares[1])
