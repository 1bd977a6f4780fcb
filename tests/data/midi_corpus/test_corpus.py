"""Instruments by program, and which songs have enough of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from sep_pipeline.data.midi_corpus import CANDIDATES, IndexedSong, MidiCorpus, Rejection, programs_of
from sep_pipeline.errors import ConfigurationError, NoInputError

FOUR = ("drums", "piano", "strings", "bass")


def song(file: str, programs: tuple[int, ...], split: str = "train") -> IndexedSong:
    return IndexedSong(
        file=file, split=split, notes_hash=file, content_hash=file, seconds=1.0, programs=programs
    )


CORPUS = MidiCorpus(
    folder=Path("midi"),
    songs=(
        song("acoustic", (0, 33, 48, 128)),
        song("electric", (4, 34, 128)),
        song("drums_alone", (60, 128)),
        song("held_back", (0, 33), "test"),
    ),
    rejections=(Rejection(file="a", reason="no notes"), Rejection(file="b", reason="no notes")),
)


def test_exact_candidates_are_the_ten_programs_in_the_studys_order() -> None:
    programs = [next(iter(found)) for found in CANDIDATES["exact"].values()]
    assert programs == [128, 0, 48, 33, 25, 24, 52, 73, 4, 56]


def test_families_share_no_program() -> None:
    families = list(CANDIDATES["family"].values())
    assert sum(map(len, families)) == len(frozenset().union(*families)) == 1 + 8 + 10 + 8 + 8 + 8 + 3 + 8 + 16


@pytest.mark.parametrize(
    ("grouping", "instruments"),
    [
        ("exact", {"acoustic": FOUR, "electric": ("drums",)}),
        ("family", {"acoustic": FOUR, "electric": ("drums", "piano", "bass")}),
    ],
)
def test_a_program_counts_alone_or_with_its_family(grouping, instruments) -> None:
    programs = programs_of(FOUR, grouping)
    found = {entry.file: entry.instruments(programs) for entry in CORPUS.songs[:2]}
    assert found == instruments


@pytest.mark.parametrize(
    ("split", "min_present", "files"),
    [
        ("train", 1, ["acoustic", "electric", "drums_alone"]),
        ("train", 2, ["acoustic", "electric"]),
        ("train", 4, ["acoustic"]),
        ("test", 2, ["held_back"]),
    ],
)
def test_songs_with_enough_instruments_are_eligible(split: str, min_present: int, files: list[str]) -> None:
    chosen = CORPUS.eligible(programs_of(FOUR, "family"), split=split, min_present=min_present)
    assert [entry.file for entry in chosen] == files


def test_no_eligible_song_is_an_error_that_says_what_was_rejected() -> None:
    with pytest.raises(
        NoInputError, match=r"split test.*4 of drums.*1 songs in the split; rejected: 2 no notes"
    ):
        CORPUS.eligible(programs_of(FOUR, "family"), split="test", min_present=4)


@pytest.mark.parametrize("min_present", [0, 5])
def test_an_impossible_number_of_instruments_is_refused(min_present: int) -> None:
    with pytest.raises(ConfigurationError, match="min_present"):
        CORPUS.eligible(programs_of(FOUR, "family"), split="train", min_present=min_present)


@pytest.mark.parametrize("instruments", [(), ("drums", "drums"), ("drums", "kazoo")])
def test_wrong_instruments_are_refused(instruments: tuple[str, ...]) -> None:
    with pytest.raises(ConfigurationError, match="instruments"):
        programs_of(instruments, "family")


def test_an_unknown_grouping_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="grouping"):
        programs_of(FOUR, "loose")  # type: ignore[arg-type]
