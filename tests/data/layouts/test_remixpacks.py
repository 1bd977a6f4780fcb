from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from sep_pipeline.data.layouts.remixpacks import Remixpacks
from sep_pipeline.data.layouts.source import Reading
from sep_pipeline.errors import ConfigurationError, NoInputError

MakeTree = Callable[..., Path]


def pack(**counts: int) -> list[str]:
    return [
        f"{source}/{source[0]}{number:03d}.wav" for source, count in counts.items() for number in range(count)
    ]


def num_in_split(reading: Reading) -> Counter[tuple[str, str | None]]:
    return Counter((track.parts[0].label, track.split) for track in reading.tracks)


def test_every_file_is_a_track_of_one_part(make_tree: MakeTree) -> None:
    root = make_tree("kick/deep.wav", "snare/dry.ogg")
    tracks = sorted(Remixpacks().read(root).tracks, key=lambda track: track.track_id)
    assert [(track.track_id, track.folder, [part.label for part in track.parts]) for track in tracks] == [
        ("kick - deep", root / "kick" / "deep.wav", ["kick"]),
        ("snare - dry", root / "snare" / "dry.ogg", ["snare"]),
    ]


def test_sources_are_not_aligned(make_tree: MakeTree) -> None:
    assert not Remixpacks().read(make_tree("kick/a.wav", "snare/b.wav")).are_aligned


def test_stems_are_the_folders_by_name(make_tree: MakeTree) -> None:
    reading = Remixpacks().read(make_tree("Snare/a.wav", "kick/b.wav", "Crash Cymbals/c.wav"))
    assert reading.labels == reading.default_stems == ("crash_cymbals", "kick", "snare")


def test_two_thirds_of_every_source_rounded_down_are_for_training(make_tree: MakeTree) -> None:
    assert num_in_split(Remixpacks().read(make_tree(*pack(kick=9, snare=5, cymbals=1)))) == {
        ("kick", "train"): 6,
        ("kick", "test"): 3,
        ("snare", "train"): 3,
        ("snare", "test"): 2,
        ("cymbals", "test"): 1,
    }


def test_a_share_whose_product_is_whole_loses_no_file(make_tree: MakeTree) -> None:
    reading = Remixpacks(train_share=0.29).read(make_tree(*pack(kick=100)))
    assert num_in_split(reading)["kick", "train"] == 29


def test_one_generator_draws_for_the_sources_in_order_of_name(make_tree: MakeTree) -> None:
    random = np.random.RandomState(0)
    expected = {f"kick - k{number:03d}" for number in random.choice(6, 4, replace=False)}
    expected |= {f"snare - s{number:03d}" for number in random.choice(9, 6, replace=False)}
    tracks = Remixpacks().read(make_tree(*pack(snare=9, kick=6))).tracks
    assert {track.track_id for track in tracks if track.split == "train"} == expected


def test_another_seed_draws_others(make_tree: MakeTree) -> None:
    root = make_tree(*pack(kick=30))
    assert Remixpacks(seed=1).read(root).tracks != Remixpacks().read(root).tracks


def test_a_divided_tree_keeps_its_splits(make_tree: MakeTree) -> None:
    root = make_tree("train/kick/a.wav", "train/snare/b.wav", "test/kick/c.wav", "test/snare/d.wav")
    assert [(track.track_id, track.split) for track in Remixpacks().read(root).tracks] == [
        ("kick - c", "test"),
        ("snare - d", "test"),
        ("kick - a", "train"),
        ("snare - b", "train"),
    ]


def test_track_names_are_unique(make_tree: MakeTree) -> None:
    root = make_tree("train/kick/a.wav", "train/kick/a.flac", "test/kick/a.wav", "test/kick/b.wav")
    assert [track.track_id for track in Remixpacks().read(root).tracks] == [
        "kick - a.wav (test)",
        "kick - b",
        "kick - a.flac",
        "kick - a.wav (train)",
    ]


def test_what_does_not_fit_is_refused(make_tree: MakeTree) -> None:
    root = make_tree("kick/a.wav", "loose.wav", "kick/more/b.wav", "snare/list.txt", "♪/c.wav")
    assert {(refusal.kind, refusal.file.name) for refusal in Remixpacks().read(root).refusals} == {
        ("unknown_name", "loose.wav"),
        ("unknown_name", "more"),
        ("empty_folder", "snare"),
        ("unknown_name", "♪"),
    }


def test_a_tree_without_sources_is_no_input(make_tree: MakeTree) -> None:
    with pytest.raises(NoInputError, match="<source>/<anything>"):
        Remixpacks().read(make_tree("kick.wav"))


@pytest.mark.parametrize("share", [0, 1, -0.5, "half", True])
def test_shares_outside_0_to_1_are_refused(share: object) -> None:
    with pytest.raises(ConfigurationError, match=r"layout_options\.train_share"):
        Remixpacks(train_share=share)


@pytest.mark.parametrize("seed", [-1, 0.5, 2**32])
def test_seeds_that_are_no_whole_number_are_refused(seed: object) -> None:
    with pytest.raises(ConfigurationError, match=r"layout_options\.seed"):
        Remixpacks(seed=seed)
